"""JSON and JSON Lines, kept as they stand in the file; the keys on the way down are headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from prismd.domain import Block, Extraction, Layout
from prismd.extract.base import ExtractOptions
from prismd.extract.steps import step
from prismd.extract.text.text import read_text

# A string that does not end goes to the end: to look for its end but once.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],]', re.DOTALL)
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\."
)
_KEY = re.compile(r'\s*"((?:[^"\\]|\\.){1,200})"\s*:', re.DOTALL)
_BLOCK_CHARS = 1200
_MAX_DEPTH = 6
_MAX_NESTING = 1000
_STEP_TOKENS = 1 << 16
_MAX_PARSED_CHARS = 5_000_000
_KEY_CHARS = 80


class _Span(msgspec.Struct, frozen=True):
    """An object's or array's member: where it stands, and the members in it."""

    start: int
    end: int
    inner: tuple[_Span, ...]


class JsonExtractor:
    r"""Reads JSON; large objects and arrays member by member, so that each is found by itself.

    Letters that are written as escapes (``\u00e9``) are written as letters, or nobody would
    find the words they are in; lines stay what they are.
    """

    version: ClassVar[str] = "json-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read JSON or JSON Lines; see ``Extractor``."""
        text, warnings = read_text(path, options)
        if "\\u" in text:
            text = _ESCAPES.sub(_unescaped, text)
        members = _members(text) if len(text) <= _MAX_PARSED_CHARS else ()
        blocks = tuple(
            _merged(text, _blocks(text, members, ())) if members else _lines(text, 0, len(text), ())
        )
        return Extraction(text=text, blocks=blocks, layout=Layout("text"), warnings=warnings)


def _unescaped(match: re.Match[str]) -> str:
    source = match[0]
    if not source.startswith("\\u"):
        return source
    units = bytes.fromhex(source.replace("\\u", ""))
    char = units.decode("utf-16-be", "replace")
    # Half of a pair is no character; signs of JSON's own and controls stay escapes.
    return char if char.isprintable() and char not in '"\\\ufffd' else source


def _members(text: str) -> tuple[_Span, ...]:
    """The members of the outermost value; nothing when the brackets do not match."""
    stack: list[tuple[int, list[_Span]]] = []
    members: list[_Span] = []
    start = 0
    found: tuple[_Span, ...] = ()
    for count, token in enumerate(_TOKEN.finditer(text)):
        sign = token[0]
        if len(stack) > _MAX_NESTING:
            return ()
        if not count % _STEP_TOKENS:
            step(token.start(), len(text))
        if sign in "{[":
            stack.append((start, members))
            start, members = token.end(), []
        elif sign == "," and stack:
            members.append(_span(start, token.end(), found))
            start, found = token.end(), ()
        elif sign in "}]":
            if not stack:
                return ()
            if text[start : token.start()].strip():
                members.append(_span(start, token.start(), found))
            found = tuple(members) if len(stack) <= _MAX_DEPTH else ()
            start, members = stack.pop()
            if not stack:
                # JSON Lines have another value here: they are cut by their lines.
                return () if text[token.end() :].strip() else found
    return ()


def _span(start: int, end: int, inner: tuple[_Span, ...]) -> _Span:
    # What fits a passage is not looked into; millions of numbers are not to be kept apart.
    return _Span(start, end, inner if end - start > _BLOCK_CHARS else ())


def _blocks(text: str, members: tuple[_Span, ...], path: tuple[str, ...]) -> Iterator[Block]:
    """Members under the keys that lead to them; those too long for a passage by their own."""
    for member in members:
        if member.end - member.start <= _BLOCK_CHARS or not member.inner:
            yield from _lines(text, member.start, member.end, path)
            continue
        key = _KEY.match(text, member.start, member.end)
        name = (*path, " ".join(key[1].split())[:_KEY_CHARS]) if key else path
        head = member.inner[0].start
        yield from _lines(text, member.start, head, path)
        yield from _blocks(text, member.inner, name)
        yield from _lines(text, member.inner[-1].end, member.end, path)


def _lines(text: str, start: int, end: int, path: tuple[str, ...]) -> Iterator[Block]:
    piece = text[start:end]
    if any(map(str.isalnum, piece)):
        first = start + len(piece) - len(piece.lstrip())
        yield Block(first, start + len(piece.rstrip()), "code", path)


def _merged(text: str, blocks: Iterator[Block]) -> Iterator[Block]:
    """Small neighbours under the same keys as one block."""
    held: Block | None = None
    for block in blocks:
        if held is None:
            held = block
        elif block.heading == held.heading and block.end - held.start <= _BLOCK_CHARS:
            held = Block(held.start, block.end, "code", held.heading)
        else:
            yield held
            held = block
    if held is not None:
        yield held
