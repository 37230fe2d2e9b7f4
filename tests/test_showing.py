from __future__ import annotations

import pytest

from prismd.domain import Explanation, Hit, ImageLocator, Passage
from prismd.showing import describe, pictures


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


def test_a_name_cannot_break_the_line_or_hide_a_mark() -> None:
    assert "\n" not in describe(shown("/d/a\n[1].jpg"), {"place": "x\ny"})


def test_only_pictures_that_show_it_well_enough_are_named() -> None:
    found = [
        shown("/d/a.jpg"),
        shown("/d/b.jpg", similarity=0.5),
        shown("/d/c.jpg", text="words on a picture"),
        *(shown(f"/d/{n}.jpg") for n in range(5)),
    ]
    assert [hit.path for hit in pictures(found)] == ["/d/a.jpg", "/d/0.jpg", "/d/1.jpg"]
