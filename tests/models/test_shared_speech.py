"""Persons' recordings go before those that are indexed, which lose nothing by it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from prismd.errors import CANCELLED, ExtractError
from prismd.models.base import Segment, Transcriber, Transcript
from prismd.models.fake_speech import FakeTranscriber
from prismd.models.shared_speech import SharedTranscriber
from tests.speaking import write_said

LONG = [(float(n), n + 0.5, f"sentence {n}") for n in range(20)]


class Indexing:
    """A recording of many pieces that is written down in a thread of its own."""

    def __init__(self, shared: SharedTranscriber, path: Path) -> None:
        self.begun = threading.Event()
        self.pieces: list[int] = []
        self.said: list[Segment] = []
        self.outcome: list[Transcript | ExtractError] = []
        self.called_off = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(shared, path))
        self._thread.start()

    def _run(self, shared: SharedTranscriber, path: Path) -> None:
        try:
            self.outcome.append(
                shared.transcribe(
                    path,
                    on_piece=self._piece,
                    on_said=self._hear,
                    cancelled=self.called_off.is_set,
                )
            )
        except ExtractError as error:
            self.outcome.append(error)

    def _piece(self, number: int, content: bytes) -> None:
        self.pieces.append(number)
        self.begun.set()

    def _hear(self, segments: Sequence[Segment]) -> None:
        self.said += segments

    def join(self) -> Transcript | ExtractError:
        self._thread.join(60)
        return self.outcome[0]


@pytest.fixture
def long(tmp_path: Path) -> Path:
    return write_said(tmp_path / "long.wav", 20, LONG)


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return write_said(tmp_path / "short.wav", 1, [(0, 1, "a word")])


def test_both_views_are_transcribers() -> None:
    shared = SharedTranscriber(FakeTranscriber())
    for view in (shared, shared.for_persons()):
        assert isinstance(view, Transcriber)
        assert (view.name, view.revision) == ("fake", "fake-1")
        assert "de" in view.languages
        view.close()


def test_a_person_goes_first_and_the_indexed_goes_on_where_it_was(long: Path, short: Path) -> None:
    fake = FakeTranscriber(delay_s=0.5)
    shared = SharedTranscriber(fake)
    indexing = Indexing(shared, long)
    assert indexing.begun.wait(60)
    assert shared.for_persons().transcribe(short).segments[0].text == "a word"
    assert not indexing.outcome, "the long one was waited for"
    fake.delay_s = 0.0
    heard = indexing.join()
    assert isinstance(heard, Transcript)
    assert [segment.text for segment in heard.segments] == [text for *_, text in LONG]
    # Nothing was heard twice; every piece was given once, and so was what is said.
    assert indexing.pieces == list(range(len(LONG)))
    assert indexing.said == list(heard.segments)
    assert fake.heard == len(LONG) + 1


def test_persons_wait_for_each_other(long: Path, short: Path) -> None:
    shared = SharedTranscriber(FakeTranscriber(delay_s=0.01))
    found: list[Transcript] = []
    persons = [
        threading.Thread(target=lambda: found.append(shared.for_persons().transcribe(short)))
        for _ in range(5)
    ]
    for person in persons:
        person.start()
    indexing = Indexing(shared, long)
    for person in persons:
        person.join(60)
    assert len(found) == 5
    assert isinstance(indexing.join(), Transcript)


def test_what_waits_for_persons_can_be_called_off(long: Path) -> None:
    shared = SharedTranscriber(FakeTranscriber(delay_s=60))
    begun, done = threading.Event(), threading.Event()

    def waiting() -> bool:
        begun.set()
        return done.is_set()

    def ask() -> None:
        with pytest.raises(ExtractError):
            shared.for_persons().transcribe(long, cancelled=waiting)

    person = threading.Thread(target=ask)
    person.start()
    assert begun.wait(60)
    indexing = Indexing(shared, long)
    indexing.called_off.set()
    error = indexing.join()
    assert isinstance(error, ExtractError)
    assert error.code == CANCELLED
    assert not done.is_set(), "it waited for the person"
    done.set()
    person.join(60)


def test_a_fault_is_no_giving_way(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"nothing of a recording")
    shared = SharedTranscriber(FakeTranscriber())
    for view in (shared, shared.for_persons()):
        with pytest.raises(ExtractError, match="cannot be opened"):
            view.transcribe(broken)


def test_a_person_who_fails_holds_nothing_up(short: Path) -> None:
    shared = SharedTranscriber(FakeTranscriber())
    with pytest.raises(ExtractError):
        shared.for_persons().transcribe(short, cancelled=lambda: True)
    assert shared.transcribe(short).segments
