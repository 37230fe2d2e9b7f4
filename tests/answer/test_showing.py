from __future__ import annotations

import msgspec
import pytest

from prismd.answer.showing import asks_for_picture, describe, pictures
from prismd.domain import Explanation, Filters, Hit, ImageLocator, Passage, TimeLocator


def shown(path: str, *, title: str = "", text: str = "", similarity: float = 0.8) -> Hit:
    locator = ImageLocator(((0, 0, 9, 9),), 9, 9)
    passage = Passage(0, 0, len(text), text, (), locator, 0)
    how = Explanation(image_rank=1)
    found = (1, 1, 1, path, "s", "image", "image/png", title, "", 0.0)
    return Hit(*found, passage, 0.0, similarity, how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, "a.jpg in trip"),
        ({"taken_at": "2024-05-02T10:00:00"}, "a.jpg in trip (2 May 2024)"),
        (
            {"taken_at": "2024-05-02", "place": "Lisbon", "camera": "Canon\nR5"},
            "a.jpg in trip (2 May 2024, Lisbon, Canon R5)",
        ),
        ({"taken_at": "soon"}, "a.jpg in trip"),
    ],
)
def test_a_picture_is_told_by_name_folder_date_and_place(
    metadata: dict[str, str], told: str
) -> None:
    assert describe(shown("/home/trip/a.jpg"), metadata) == told


@pytest.mark.parametrize("evil", ["a\n[7]", "a 【7】", "![x](http://evil)", "<b>", "`x`", "\\["])
def test_no_name_or_word_of_a_picture_makes_a_mark_or_a_link(evil: str) -> None:
    told = describe(shown(f"/d/{evil}.jpg", title=evil), {"place": evil, "camera": evil}, evil)
    assert not set(told) & set("\n[]【】<>`!*|\\")
    assert "://" not in told


def test_an_upload_is_told_to_be_one() -> None:
    assert describe(shown("uploads/2/a.jpg"), {}) == "a.jpg in uploads"


def test_the_words_on_a_picture_are_told_and_long_ones_cut() -> None:
    assert describe(shown("/d/a.jpg"), {}, "Gate  7") == "a.jpg in d: “Gate 7”"
    assert describe(shown("/d/a.jpg"), {}, "word " * 99).endswith("word …”")


@pytest.mark.parametrize(
    ("query", "types", "wanted"),
    [
        ("show me a photo of the barn", (), True),
        ("Bilder vom Strand", (), True),
        ("the red barn", ("image",), True),
        ("the red barn", ("image", "text"), False),
        ("who signed the red contract", (), False),
        ("show me something red", (), True),
        ("给我看红色的照片", (), True),
    ],
)
def test_a_question_may_ask_for_a_picture(query: str, types: tuple[str, ...], wanted: bool) -> None:
    assert asks_for_picture(query, Filters(type=types)) == wanted  # type: ignore[arg-type]


def test_only_pictures_that_show_it_well_enough_are_named() -> None:
    found = [
        shown("/d/a.jpg"),
        shown("/d/b.jpg", similarity=0.5),
        shown("/d/c.jpg", text="words on a picture"),
        *(shown(f"/d/{n}.jpg") for n in range(5)),
    ]
    told = pictures(found, "a barn", Filters())
    assert [hit.path for hit in told] == ["/d/a.jpg", "/d/0.jpg", "/d/1.jpg"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("Show me the photo of the harbour sunset", True),
        ("Zeig mir ein Bild vom harbour", True),
        ("show me a picture of the sunset in lisbon", True),
        ("When does the sunset begin at the harbour?", False),
        ("Show me the photo of the harbour at dawn", False),
        ("show me a photo", False),
    ],
)
def test_a_picture_that_is_asked_for_may_be_told_by_its_name(query: str, told: bool) -> None:
    named = msgspec.structs.replace(
        shown("/home/anna/lisbon/harbour_sunset.jpg", similarity=0.3),
        explanation=Explanation(name_rank=1),
    )
    assert bool(pictures([named], query, Filters())) == told


def recording(path: str) -> Hit:
    made = shown(path)
    return msgspec.structs.replace(
        made,
        type="audio",
        passage=msgspec.structs.replace(made.passage, locator=TimeLocator(0.0, 9.0)),
        explanation=Explanation(name_rank=1),
    )


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("Do I have the recording LJ001 0002?", True),
        ("spiel mir die Tonaufnahme LJ001 0002", True),
        ("what is LJ001 0002", False),
        ("the recording LJ001 0003", False),
    ],
)
def test_a_recording_that_is_called_what_is_asked_is_named(query: str, named: bool) -> None:
    found = pictures([recording("/d/LJ001-0002.flac")], query, Filters())
    assert [hit.path for hit in found] == (["/d/LJ001-0002.flac"] if named else [])
