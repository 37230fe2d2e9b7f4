"""Who asks a disk can be left behind, and hears of it as soon as there is an answer."""

from __future__ import annotations

import threading

import pytest

from prismd.disk.asking import Asker, GivenUp, Question, asking, asks_as

PATH = b"/r/a.txt"


def asked(asker: Asker) -> Question:
    question = asker.question
    assert question is not None
    return question


def test_a_question_stands_for_as_long_as_it_has_no_answer() -> None:
    asker = Asker()
    with asks_as(asker):
        assert asker.question is None
        with asking(PATH):
            assert asked(asker).path == PATH
            assert asked(asker).age_s() >= 0
        assert asker.question is None


def test_what_other_threads_ask_is_not_noted() -> None:
    asker = Asker()

    def ask() -> None:
        with asking(PATH):
            found.append(asker.question)

    found: list[Question | None] = []
    with asks_as(asker):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    with asking(PATH):
        found.append(asker.question)
    assert found == [None, None]


def test_an_answer_to_what_was_given_up_ends_the_work() -> None:
    asker, went_on = Asker(), False
    with asks_as(asker), pytest.raises(GivenUp):
        with asking(PATH):
            assert asker.give_up(asked(asker))
        went_on = True
    assert not went_on
    assert not asker.refused
    with asks_as(asker), pytest.raises(GivenUp), asking(PATH):
        pass  # nor does anything else that it asks count


def test_a_refusal_of_what_was_given_up_is_told_from_an_answer() -> None:
    asker = Asker()
    with asks_as(asker), pytest.raises(GivenUp), asking(PATH):
        assert asker.give_up(asked(asker))
        raise OSError(107, "Transport endpoint is not connected")
    assert asker.refused


def test_what_was_answered_meanwhile_cannot_be_given_up() -> None:
    asker = Asker()
    with asks_as(asker):
        with asking(PATH):
            before = asked(asker)
        assert not asker.give_up(before)
        with asking(PATH):
            assert not asker.give_up(before)


def test_a_refusal_in_time_is_the_askers_own() -> None:
    with asks_as(Asker()), pytest.raises(OSError, match="no"), asking(PATH):
        raise OSError(5, "no")


def test_a_refusal_counts_until_the_next_answer() -> None:
    asker = Asker()
    with asks_as(asker):
        with pytest.raises(FileNotFoundError), asking(PATH):
            raise FileNotFoundError
        assert asker.refused
        with asking(PATH):
            pass
    assert not asker.refused
