"""Text of DrawingML, which presentations and workbooks share: shapes, diagrams, charts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from prismd.extract.office.number_format import general
from prismd.extract.table import Cell, markdown_table

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_MACHINE_MADE = re.compile(
    r"Description automatically generated(?: with .{1,20} confidence)?"
    r"|AI-generated content may be incorrect\.?"
)
_SAYS_NOTHING = re.compile(
    r"(?:picture|image|bild|grafik|shape|graphic|chart|icon|logo|photo)?[ \d]*"
    r"|[^ ]*\.(?:png|jpe?g|gif|emf|wmf|svg|tiff?|bmp)",
    re.IGNORECASE,
)
_MAX_POINTS = 500
_MAX_SERIES = 50


def paragraph_text(paragraph: Any) -> str:
    """The text of an ``a:p`` element; breaks are newlines."""
    parts: list[str] = []
    for node in paragraph.iter(f"{A}t", f"{A}br", f"{A}tab"):
        parts.append({f"{A}br": "\n", f"{A}tab": "\t"}.get(node.tag) or node.text or "")
    return "".join(parts)


def paragraphs(root: Any) -> Iterator[str]:
    """All paragraphs below an element that have text, in order."""
    for paragraph in root.iter(f"{A}p"):
        if (text := paragraph_text(paragraph).strip()) and text.strip("\v"):
            yield text


def alternative_text(properties: Any) -> str:
    """What is said of a picture for those who do not see it; nothing where that says nothing.

    Args:
        properties: Its ``cNvPr`` element.
    """
    text = properties.get("descr") or properties.get("title") or ""
    text = " ".join(_MACHINE_MADE.sub("", text).split())
    # Programs put the name of the file or the kind of the object there.
    return "" if _SAYS_NOTHING.fullmatch(text) else text


def diagram_lines(root: Any) -> list[str]:
    """The texts of a diagram ("SmartArt"), a line each, by its data model."""
    return [
        " ".join(text.split())
        for point in root.iter(f"{_DGM}pt")
        # Points of presentation and transitions repeat or have none.
        if point.get("type", "node") in ("node", "asst")
        for body in point.iterfind(f"{_DGM}t")
        if (text := "\n".join(paragraphs(body)))
    ]


def chart_text(root: Any) -> tuple[str, str]:
    """A chart as its titles and the table of its figures.

    Args:
        root: The ``c:chartSpace`` element.

    Returns:
        The titles of the chart and its axes, a line each, and a table with a row for each
        category and a column for each series; either may be empty.
    """
    titles = [" ".join(" ".join(paragraphs(title)).split()) for title in root.iter(f"{C}title")]
    series = list(root.iter(f"{C}ser"))[:_MAX_SERIES]
    names = [_points(one.find(f"{C}tx")).get(0, "") for one in series]
    categories: dict[int, str] = {}
    columns: list[dict[int, str]] = []
    for one in series:
        labels = one.find(f"{C}cat")
        labels = one.find(f"{C}xVal") if labels is None else labels
        categories = categories or _points(labels)
        values = one.find(f"{C}val")
        columns.append(_points(one.find(f"{C}yVal") if values is None else values))
    rows = [[Cell(""), *map(Cell, names)]] if any(names) else []
    places = sorted(set(categories).union(*columns) if columns else categories)
    for at in places[:_MAX_POINTS]:
        figures = [Cell(_figure(column.get(at, ""))) for column in columns]
        rows.append([Cell(categories.get(at, "")), *figures])
    return "\n".join(filter(None, titles)), markdown_table(rows)


def _points(reference: Any | None) -> dict[int, str]:
    """The stored values of a reference to cells, by their index; levels are joined."""
    found: dict[int, str] = {}
    if reference is None:
        return found
    for point in reference.iter(f"{C}pt"):
        index = point.get("idx", "")
        value = (point.findtext(f"{C}v") or "").strip()
        if index.isdecimal() and len(index) < 9 and value:
            at = int(index)
            found[at] = f"{value} {found[at]}" if at in found else value
    if not found and (only := reference.findtext(f"{C}v")):
        found[0] = only.strip()
    return found


def _figure(text: str) -> str:
    try:
        return general(float(text))
    except (ValueError, OverflowError):
        return text
