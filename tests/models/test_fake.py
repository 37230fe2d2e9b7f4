from __future__ import annotations

import threading

import numpy as np
import pytest

from prismd.errors import ModelError
from prismd.models.base import Message, Sampling
from prismd.models.fake import FakeEmbedder, FakeGenerator

HELLO = [Message("user", "one two three")]


def test_the_fakes_vectors_are_the_same_in_every_process() -> None:
    vector = FakeEmbedder().embed_query("rice")
    assert int(np.argmax(vector)) == int(np.argmax(FakeEmbedder().embed_query("RICE rice")))
    assert FakeEmbedder().space.model == "fake"


def test_it_counts_the_passages_that_it_embeds() -> None:
    embedder = FakeEmbedder()
    embedder.embed_passages(["a", "b"])
    embedder.embed_query("c")
    assert embedder.embedded == 2


def test_the_generator_fails_where_it_is_told_to() -> None:
    generation = FakeGenerator(fail_after=2).generate(HELLO, Sampling())
    assert [next(generation).text, next(generation).text] == ["one", " two"]
    with pytest.raises(ModelError, match="as it was told to"):
        next(generation)


def test_the_generator_says_what_it_is_told_to() -> None:
    deltas = FakeGenerator(echo="Two words").generate(HELLO, Sampling())
    assert "".join(delta.text for delta in deltas) == "Two words"


def test_closing_from_another_thread_wakes_a_waiting_reader() -> None:
    generator = FakeGenerator(delay_s=3600)
    generation = generator.generate(HELLO, Sampling())
    got: list[object] = []
    reader = threading.Thread(target=lambda: got.extend(generation))
    reader.start()
    while not generator.turn.locked():
        pass
    generation.close()
    reader.join(30)
    assert not reader.is_alive()
    assert got == []
    assert generator.closed == 1
    assert not generator.turn.locked()


def test_closing_while_waiting_for_the_turn_ends_the_wait() -> None:
    generator = FakeGenerator()
    first = generator.generate(HELLO, Sampling())
    next(first)
    second = generator.generate(HELLO, Sampling())
    reader = threading.Thread(target=lambda: list(second))
    reader.start()
    second.close()
    reader.join(30)
    assert not reader.is_alive()
    assert next(first).text == " two"
