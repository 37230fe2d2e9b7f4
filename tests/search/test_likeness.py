from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import GOOD_ENOUGH
from prismd.errors import RequestError
from prismd.models.fake import FakeImageEmbedder
from prismd.search.likeness import Likeness, as_similarity
from prismd.store.database import Database
from tests.building import put

COSINES = st.floats(-1, 1, allow_nan=False, width=32)


@given(COSINES, COSINES, st.floats(0.05, 0.9))
def test_a_similarity_keeps_the_order_of_the_cosines(a: float, b: float, least: float) -> None:
    one, other = as_similarity(a, least), as_similarity(b, least)
    assert 0.0 <= one <= 1.0
    assert (a <= b) <= (one <= other + 1e-12)
    assert (a >= least) == (one >= GOOD_ENOUGH)


def test_without_a_model_pictures_are_asked_for_in_vain_and_told_so(data_dir) -> None:  # type: ignore[no-untyped-def]
    database = Database(data_dir)
    likeness = Likeness(database, None)
    assert likeness.embed_words("red") == (None, "")
    with pytest.raises(RequestError, match="prismd models pull clip") as raised:
        likeness.example("image", 1)
    assert raised.value.status == 503
    database.close()


def test_what_is_no_picture_or_recording_is_no_example(data_dir) -> None:  # type: ignore[no-untyped-def]
    database = Database(data_dir)
    file_id = put(database, "/d/a.txt", "A text.")
    waiting = put(database, "/d/b.png", "Words on a picture.", type_="image")
    likeness = Likeness(database, FakeImageEmbedder())
    with pytest.raises(RequestError, match="not a picture of the index"):
        likeness.example("image", file_id)
    with pytest.raises(RequestError, match="not a recording of the index"):
        likeness.example("audio", file_id + 99)
    with pytest.raises(RequestError, match="has not been compared with others") as raised:
        likeness.example("image", waiting)
    assert raised.value.status == 409
    database.close()
