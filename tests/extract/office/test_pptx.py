"""PPTX: slides in reading order, tables, charts, notes, pictures' descriptions."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pptx
import pytest
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from prismd.domain import Extraction
from prismd.errors import ExtractError

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]


def saved(presentation: Any) -> bytes:
    made = io.BytesIO()
    presentation.save(made)
    return made.getvalue()


def add_slide(presentation: Any, title: str, *points: str, layout: int = 1) -> Any:
    slide = presentation.slides.add_slide(presentation.slide_layouts[layout])
    slide.shapes.title.text = title
    if points:
        slide.placeholders[1].text = "\n".join(points)
    return slide


def text_box(slide: Any, text: str, left: float, top: float) -> Any:
    box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
    box.text_frame.text = text
    return box


def test_slides_have_titles_points_and_notes(read: Read, outline: Outline) -> None:
    presentation = pptx.Presentation()
    slide = add_slide(presentation, "Plans", "first", "second")
    slide.placeholders[1].text_frame.paragraphs[1].level = 1
    slide.notes_slide.notes_text_frame.text = "say it slowly"
    add_slide(presentation, "", "only a point")
    extraction = read("a.pptx", saved(presentation))
    assert extraction.title == "Plans"
    assert outline(extraction) == [
        ("heading", "", "Slide 1: Plans"),
        ("list", "Slide 1: Plans", "- first\n  - second"),
        ("note", "Slide 1: Plans", "say it slowly"),
        ("heading", "", "Slide 2"),
        ("paragraph", "Slide 2", "only a point"),
    ]


def test_shapes_are_read_from_top_to_bottom_and_left_to_right(read: Read, outline: Outline) -> None:
    presentation = pptx.Presentation()
    slide = add_slide(presentation, "Order", layout=5)
    for text, left, top in (("four", 1, 5), ("three", 5, 2.05), ("two", 1, 2.1), ("one", 3, 1.5)):
        text_box(slide, text, left, top)
    written = [text for _, _, text in outline(read("a.pptx", saved(presentation)))]
    assert written == ["Slide 1: Order", "one", "two", "three", "four"]


def test_groups_tables_charts_and_pictures_are_read(read: Read, outline: Outline) -> None:
    presentation = pptx.Presentation()
    slide = add_slide(presentation, "Things", layout=5)
    group = slide.shapes.add_group_shape()
    inner = group.shapes.add_textbox(Inches(1), Inches(1.5), Inches(2), Inches(1))
    inner.text_frame.text = "in a group"
    cells = slide.shapes.add_table(2, 3, Inches(1), Inches(3), Inches(4), Inches(1)).table
    for n, text in enumerate(("wide", "", "c", "d", "e", "f")):
        cells.cell(n // 3, n % 3).text = text
    cells.cell(0, 0).merge(cells.cell(0, 1))
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["2023", "2024"]
    data.add_series("Ducks", (5, 7.5))  # type: ignore[no-untyped-call]
    chart = slide.shapes.add_chart(
        XL_CHART_TYPE.BAR_CLUSTERED, Inches(1), Inches(5), Inches(4), Inches(2), data
    ).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Ducks by year"
    image = io.BytesIO()
    Image.new("RGB", (4, 4)).save(image, "PNG")
    picture = slide.shapes.add_picture(image, Inches(1), Inches(7))
    picture._element.nvPicPr.cNvPr.set("descr", "A duck on a pond")
    written = outline(read("a.pptx", saved(presentation)))
    path = "Slide 1: Things"
    assert written == [
        ("heading", "", path),
        ("paragraph", path, "in a group"),
        ("table", path, "| wide |  | c |\n| --- | --- | --- |\n| d | e | f |"),
        ("caption", path, "Ducks by year"),
        ("table", path, "|  | Ducks |\n| --- | --- |\n| 2023 | 5 |\n| 2024 | 7.5 |"),
        ("caption", path, "A duck on a pond"),
    ]


def test_a_hidden_slide_says_so(read: Read) -> None:
    presentation = pptx.Presentation()
    add_slide(presentation, "Secret", "text").element.set("show", "0")
    assert read("a.pptx", saved(presentation)).text.startswith("Slide 1 (hidden): Secret")


def test_names_of_files_describe_no_picture(read: Read) -> None:
    presentation = pptx.Presentation()
    slide = add_slide(presentation, "One")
    slide.shapes.title._element.nvSpPr.cNvPr.set("descr", "unused")
    box = text_box(slide, "words", 1, 1)
    box._element.nvSpPr.cNvPr.set("descr", "IMG_2034.png")
    assert "IMG_2034" not in read("a.pptx", saved(presentation)).text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[: len(data) // 2], "broken"),
        (lambda data: data.replace(b"ppt/presentation.xml", b"ppt/presentatiom.xml"), "broken"),
    ],
)
def test_broken_presentations_say_so(
    read: Read, change: Callable[[bytes], bytes], code: str
) -> None:
    presentation = pptx.Presentation()
    add_slide(presentation, "One", "text")
    with pytest.raises(ExtractError) as error:
        read("a.pptx", change(saved(presentation)))
    assert error.value.code == code


def test_a_presentation_of_nothing_is_empty(read: Read) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.pptx", saved(pptx.Presentation()))
    assert error.value.code == "empty"


def test_a_slide_that_is_no_xml_is_a_broken_file(read: Read) -> None:
    presentation = pptx.Presentation()
    add_slide(presentation, "One", "text")
    source = zipfile.ZipFile(io.BytesIO(saved(presentation)))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[:-50] if name.endswith("slide1.xml") else data)
    with pytest.raises(ExtractError, match="not a readable document") as error:
        read("a.pptx", made.getvalue())
    assert error.value.code == "broken"


def test_a_table_within_a_table_is_read_once(read: Read) -> None:
    presentation = pptx.Presentation()
    slide = add_slide(presentation, "Title")
    frame = slide.shapes.add_table(1, 2, Inches(1), Inches(1), Inches(2), Inches(1))
    frame.table.cell(0, 0).text = "outer"
    frame.table.cell(0, 1).text = "inner"
    table = frame._element.find(".//{*}tbl")
    table.find(".//{*}tc").append(copy.deepcopy(table))
    assert read("a.pptx", saved(presentation)).text.count("inner") == 2


def test_a_slide_that_is_named_twice_is_read_once(read: Read) -> None:
    presentation = pptx.Presentation()
    add_slide(presentation, "Title", "point")
    slides = presentation.slides._sldIdLst
    slides.append(copy.deepcopy(slides[0]))
    assert read("a.pptx", saved(presentation)).text.count("point") == 1
