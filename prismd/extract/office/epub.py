"""EPUB by lxml and selectolax: the book's chapters in their order, under its own contents."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec

from prismd.domain import Extraction
from prismd.errors import EncryptedDocument, ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.damage import broken
from prismd.extract.draft import Draft
from prismd.extract.package import parse_xml, read_parts
from prismd.extract.steps import step
from prismd.extract.text.html import decode_html, parse_html, write_html
from prismd.extract.written import written

_CONTAINER = "META-INF/container.xml"
_PICTURES = (
    *(".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".bmp", ".tif", ".tiff", ".avif"),
    *(".ttf", ".otf", ".woff", ".woff2", ".css", ".js", ".mp3", ".m4a", ".mp4", ".ogg", ".webm"),
)
_OBFUSCATED_FONTS = frozenset(
    {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}
)
_HTML_TYPES = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
# In XHTML any element may close itself; an HTML parser takes the rest of the chapter for what is
# in it.
_EMPTY = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b)"
    r"([A-Za-z][\w:.-]*)((?:\s[^<>]*)?)/>"
)
_MAX_NESTING = 8
_DUBLIN_CORE = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "language": "language",
    "date": "created",
    "publisher": "publisher",
    "description": "description",
}
_DESCRIPTION_CHARS = 1000


class _Entry(msgspec.Struct, frozen=True):
    """A line of the table of contents; ``level`` counts from 1."""

    level: int
    title: str


class EpubExtractor:
    """Reads EPUB 2 and 3."""

    version: ClassVar[str] = "epub-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a book; see ``Extractor``."""
        parts = read_parts(path, lambda name: not name.lower().endswith(_PICTURES))
        _check_protection(parts)
        opf_name = _opf_name(parts)
        opf = parse_xml(parts[opf_name])
        folder = posixpath.dirname(opf_name)
        manifest = _manifest(opf, folder)
        contents = _contents(opf, manifest, parts)
        draft = Draft(options.max_chars)
        chapters = list(_spine(opf, manifest))
        for n, name in enumerate(chapters):
            if draft.full:
                break
            step(n, len(chapters))
            _write_chapter(parts.get(name, b""), contents.get(name, []), draft)
        has_content = any(block.kind != "heading" for block in draft.blocks)
        return written(draft, options, _metadata(opf), has_content=has_content)


def _check_protection(parts: dict[str, bytes]) -> None:
    if not (data := parts.get("META-INF/encryption.xml")):
        return
    methods = {
        method.get("Algorithm")
        for one in parse_xml(data).iter("{*}EncryptedData")
        for method in one.iterfind("{*}EncryptionMethod")
    }
    if methods - _OBFUSCATED_FONTS:
        raise EncryptedDocument("copy-protected; only the seller's own programs can read it")


def _opf_name(parts: dict[str, bytes]) -> str:
    """The part that describes the book."""
    if data := parts.get(_CONTAINER):
        for root in parse_xml(data).iter("{*}rootfile"):
            if (name := unquote(root.get("full-path") or "")) in parts:
                return name
    found = next((name for name in parts if name.lower().endswith(".opf")), None)
    if found is None:
        raise broken("it does not say which chapters it has")
    return found


def _manifest(opf: Any, folder: str) -> dict[str, tuple[str, str, str]]:
    """Part, media type and properties of each item, by its identity."""
    return {
        item.get("id") or "": (
            _resolved(folder, item.get("href") or ""),
            item.get("media-type") or "",
            item.get("properties") or "",
        )
        for item in opf.iterfind("{*}manifest/{*}item")
    }


def _spine(opf: Any, manifest: dict[str, tuple[str, str, str]]) -> Iterator[str]:
    """The chapters' parts in reading order, each once."""
    seen: set[str] = set()
    for reference in opf.iterfind("{*}spine/{*}itemref"):
        name, media_type, _ = manifest.get(reference.get("idref") or "", ("", "", ""))
        if name and name not in seen and media_type in _HTML_TYPES:
            seen.add(name)
            yield name


def _contents(
    opf: Any, manifest: dict[str, tuple[str, str, str]], parts: dict[str, bytes]
) -> dict[str, list[_Entry]]:
    """The table of contents, by the part that its lines lead to the beginning of."""
    found: dict[str, list[_Entry]] = {}
    for name, media_type, properties in manifest.values():
        is_ncx = media_type == "application/x-dtbncx+xml"
        if not parts.get(name) or not (is_ncx or "nav" in properties.split()):
            continue
        folder = posixpath.dirname(name)
        try:
            entries = list(_ncx(parts[name]) if is_ncx else _nav(parts[name]))
        except ExtractError:
            continue
        for target, entry in entries:
            part = _resolved(folder, target)
            # Further lines to the same part lead into it, where it has headings of its own;
            # but a part of the book and its first chapter may begin at the same place.
            known = found.setdefault(part, [])
            if not known or ("#" not in target and entry.level > known[-1].level):
                known.append(entry)
        if found:
            break
    return found


def _ncx(data: bytes) -> Iterator[tuple[str, _Entry]]:
    for point in parse_xml(data).iter("{*}navPoint"):
        title = " ".join((point.findtext("{*}navLabel/{*}text") or "").split())
        content = point.find("{*}content")
        level = sum(1 for above in point.iterancestors("{*}navPoint")) + 1
        if title and content is not None:
            yield content.get("src") or "", _Entry(min(level, _MAX_NESTING), title)


def _nav(data: bytes) -> Iterator[tuple[str, _Entry]]:
    lists = parse_html(decode_html(data)[0]).css("nav")
    chosen = next(
        (nav for nav in lists if "toc" in (nav.attributes.get("epub:type") or "")),
        lists[0] if lists else None,
    )
    if chosen is None:
        return
    for link, level in _links(chosen):
        if title := " ".join(link.text().split()):
            entry = _Entry(max(1, min(level, _MAX_NESTING)), title)
            yield link.attributes.get("href") or "", entry


def _links(nav: Any) -> Iterator[tuple[Any, int]]:
    """The links of a table of contents, each with the number of lists that it stands in."""
    stack = [(nav, 0)]
    while stack:
        node, level = stack.pop()
        if node.tag == "a" and "href" in node.attributes:
            yield node, level
        inner = level + (node.tag in ("ol", "ul"))
        stack += [(child, inner) for child in reversed(list(node.iter()))]


def _resolved(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(target.partition("#")[0])))


def _write_chapter(data: bytes, entries: list[_Entry], draft: Draft) -> None:
    """A part of the book; one that the contents do not name goes on with the one before it."""
    if not data.strip():
        return
    tree = parse_html(_EMPTY.sub(r"<\1\2></\1>", decode_html(data)[0]))
    first = tree.css_first("h1, h2, h3, h4, h5, h6")
    own = " ".join(first.text().split()) if first else ""
    own_level = int(str(first.tag)[1]) if first else 1
    below = 0
    for entry in entries:
        if entry is entries[-1] and _same(entry.title, own):
            # Its own heading says it; what it has below it keeps its distance.
            write_html(tree, draft, below=entry.level - own_level)
            return
        draft.heading(entry.level, entry.title)
        below = entry.level
    write_html(tree, draft, below=below)


def _same(title: str, heading: str) -> bool:
    """Whether the contents and the chapter name it alike: spaces and signs may differ."""

    def letters(text: str) -> str:
        return "".join(filter(str.isalnum, text)).casefold()

    return bool(letters(title)) and letters(title) == letters(heading)


def _metadata(opf: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, key in _DUBLIN_CORE.items():
        values = [" ".join((node.text or "").split()) for node in opf.iter(f"{{*}}{name}")]
        values = [value for value in values if value]
        if values:
            many = key in ("author", "subject")
            found[key] = ", ".join(values) if many else values[0]
    if "description" in found:
        text = parse_html(found["description"]).text(separator=" ")
        found["description"] = " ".join(text.split())[:_DESCRIPTION_CHARS]
    return found
