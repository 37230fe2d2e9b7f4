"""Whether every citation's quote stands word for word at its place, by other libraries.

    python -m tests.benchmarks.citations --questions FILE.jsonl --from-files FOLDER --count 20

Asks a running daemon with the official ``openai`` client, streamed and plain in turn, and looks
each quote up: on the cited page with pypdfium2 and pdfplumber for PDF (prismd itself reads with
PyMuPDF), in the document's XML for DOCX, in the cited characters for text.
Needs ``pip install pdfplumber``.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import random
import re
import sys
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pdfplumber
import pypdfium2

_DASHES = re.compile("[\u00ad\u2010\u2011\ufffe\x02-]")
_DOCX_MARKS = re.compile(r"[|\n]|^\s*[\d.]+[.)]?\s|\[\d+\]", re.MULTILINE)
"""Cells, lines, numbers of lists and of notes: a DOCX file has them as structure, not as text."""
_RUN = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")
_TAGS = re.compile(r"<[^>]+>")


def plain(text: str) -> str:
    """Letters and digits only: libraries differ in spaces, ligatures and hyphens at line ends."""
    return re.sub(r"[\W_]+", "", _DASHES.sub("", unicodedata.normalize("NFKC", text))).casefold()


def on_page(path: Path, page: int, quote: str) -> bool:
    """Whether the quote is on the page, by either of two libraries."""
    wanted = plain(quote)
    document = pypdfium2.PdfDocument(path)
    try:
        if wanted in plain(document[page - 1].get_textpage().get_text_bounded()):
            return True
    finally:
        document.close()
    with pdfplumber.open(path) as other:
        words = other.pages[page - 1].extract_words(use_text_flow=True)
    return wanted in plain(" ".join(word["text"] for word in words))


def in_docx(path: Path, quote: str) -> bool:
    """Whether the quote is in the document's parts; marks of lists and tables are ours."""
    with zipfile.ZipFile(path) as archive:
        parts = [
            archive.read(name).decode("utf-8", "replace")
            for name in archive.namelist()
            if name.startswith("word/") and name.endswith(".xml")
        ]
    text = plain(html.unescape("".join(run for part in parts for run in _RUN.findall(part))))
    pieces = [plain(piece) for piece in _DOCX_MARKS.split(quote)]
    return all(piece in text for piece in pieces if piece)


def found(citation: dict[str, Any]) -> bool:
    """Whether a citation is true."""
    path, locator, quote = Path(citation["path"]), citation["locator"], citation["quote"]
    if locator["kind"] == "page":
        return bool(locator["boxes"]) and on_page(path, locator["page"], quote)
    if path.suffix.lower() in (".docx", ".docm", ".dotx"):
        return in_docx(path, quote)
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    if path.suffix.lower() in (".html", ".htm", ".xhtml"):
        return plain(quote) in plain(_TAGS.sub("", text))
    return bool(text[locator["char_start"] : locator["char_end"]] == quote)


def questions(arguments: argparse.Namespace) -> Iterator[str]:
    """Questions of the file, then ones made of sentences of random files."""
    if arguments.questions:
        with arguments.questions.open(encoding="utf-8") as stream:
            rows = [json.loads(line) for line in stream][: arguments.count]
        yield from (row.get("question") or row["text"] for row in rows)
    choose = random.Random(arguments.seed)
    for folder in arguments.from_files:
        files = sorted(
            path for path in folder.rglob("*") if path.suffix in (".pdf", ".docx", ".md")
        )
        for path in choose.sample(files, min(arguments.count, len(files))):
            if words := _some_words(path, choose):
                yield f"What is said about {words}?"


def _some_words(path: Path, choose: random.Random) -> str:
    try:
        if path.suffix == ".pdf":
            document = pypdfium2.PdfDocument(path)
            text = document[choose.randrange(len(document))].get_textpage().get_text_bounded()
        elif path.suffix == ".docx":
            with zipfile.ZipFile(path) as archive:
                text = _TAGS.sub(" ", archive.read("word/document.xml").decode("utf-8", "replace"))
        else:
            text = path.read_text("utf-8", "replace")
    except Exception:  # whatever is wrong with it, others will do
        return ""
    words = re.findall(r"[^\W\d_]{3,}", text)
    start = choose.randrange(max(1, len(words) - 8))
    return " ".join(words[start : start + 8])


def ask(client: openai.OpenAI, question: str, engine: str, *, stream: bool) -> dict[str, Any]:
    """The vendor part of an answer, with its text."""
    extra: dict[str, Any] = {"prism": {"engine": engine}}
    messages: Any = [{"role": "user", "content": question}]
    if not stream:
        reply = client.chat.completions.create(model="prism", messages=messages, extra_body=extra)
        text, prism = reply.choices[0].message.content or "", (reply.model_extra or {})["prism"]
    else:
        text, prism = "", {}
        chunks = client.chat.completions.create(
            model="prism", messages=messages, extra_body=extra, stream=True
        )
        for chunk in chunks:
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
            prism = (chunk.model_extra or {}).get("prism") or prism
    return {**prism, "text": text}


def main() -> None:
    """Ask, check, and print the counts; 1 when a quote was not found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--url", default="http://127.0.0.1:7776/v1")
    parser.add_argument("--token", default=os.environ.get("PRISMD_TOKEN", ""))
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--from-files", type=Path, nargs="*", default=[])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--engine", default="extractive")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    client = openai.OpenAI(base_url=arguments.url, api_key=arguments.token)
    counts: Counter[str] = Counter()
    for number, question in enumerate(questions(arguments)):
        answer = ask(client, question, arguments.engine, stream=number % 2 == 0)
        counts[f"answers, grounding {answer['grounding']}"] += 1
        for citation in answer["citations"]:
            counts["citations"] += 1
            counts[f"support {citation['support']}"] += 1
            if not found(citation):
                counts["NOT FOUND"] += 1
                print(json.dumps(citation, ensure_ascii=False)[:600])
    for name, count in sorted(counts.items()):
        print(f"{name:32}{count:6}")
    sys.exit(1 if counts["NOT FOUND"] else 0)


if __name__ == "__main__":
    main()
