from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.models.fake import FakeImageEmbedder

RED, BLUE, WHITE = (220, 20, 30), (10, 10, 200), (250, 250, 250)


def picture(*colours: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Stripes of equal width; shape ``(1, 32, 32, 3)``."""
    stripes = np.array_split(np.zeros((32, 32, 3), dtype=np.uint8), len(colours), axis=1)
    for stripe, colour in zip(stripes, colours, strict=True):
        stripe[:] = colour
    return np.concatenate(stripes, axis=1)[None]


def cosine(pixels: NDArray[np.uint8], text: str) -> float:
    model = FakeImageEmbedder()
    return float(model.embed_images(pixels)[0] @ model.embed_texts([text])[0])


@pytest.mark.parametrize(
    ("pixels", "text", "shows"),
    [
        (picture(RED), "the red door", True),
        (picture(RED, RED, WHITE), "Red!", True),
        (picture(RED, BLUE), "red and blue", True),
        (picture(RED), "a blue door", False),
        (picture(RED), "a door", False),
        (picture(RED, WHITE, WHITE, WHITE), "red", False),
    ],
)
def test_a_picture_shows_the_colours_that_it_mostly_has(
    pixels: NDArray[np.uint8], text: str, shows: bool
) -> None:
    assert (cosine(pixels, text) >= FakeImageEmbedder().least_similarity) is shows


def test_pictures_of_like_colours_are_near() -> None:
    model = FakeImageEmbedder()
    red, reddish, blue = model.embed_images(
        np.concatenate([picture(RED), picture(RED, RED, BLUE), picture(BLUE)])
    )
    assert red @ reddish > 0.8
    assert blue @ reddish < 0.5
    assert model.embedded == 3
