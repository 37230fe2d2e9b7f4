"""A file in hand: when it is given up, and what is kept of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from prismd.disk.looking import look
from prismd.extract.base import media_type
from prismd.ingest.in_hand import InHand
from prismd.store import files, jobs, pieces
from prismd.store.database import Database
from prismd.store.jobs import Job
from tests.building import extraction, wait_until, write_file

SHA = "ab" * 32


class Hand(msgspec.Struct):
    """A file in hand, and all that it depends on."""

    database: Database
    path: Path
    job: Job
    stopping: threading.Event
    running: threading.Event

    def take(self) -> InHand:
        entry = look(str(self.path))
        return InHand(self.database, self.job, entry, self.stopping, self.running)

    def kept(self) -> list[pieces.Piece]:
        return self.database.read(lambda c: pieces.of(c, SHA))


@pytest.fixture
def hand(tmp_path: Path, data_dir: Path) -> Iterator[Hand]:
    path = write_file(tmp_path / "a.pdf", "x")
    database = Database(data_dir)
    database.write(lambda c: files.add(c, None, [look(str(path))]))
    job = database.write(lambda c: jobs.lease(c, "us"))
    assert job is not None
    running = threading.Event()
    running.set()
    yield Hand(database, path, job, threading.Event(), running)
    database.close()


def test_it_is_read_on_while_nothing_is_against_it(hand: Hand) -> None:
    file = hand.take()
    assert not any(file.is_called_off() for _ in range(100))


def test_a_stop_calls_it_off_at_once(hand: Hand) -> None:
    hand.stopping.set()
    assert hand.take().is_called_off()


def test_a_pause_calls_it_off_after_a_moment_in_which_short_work_ends(hand: Hand) -> None:
    file = hand.take()
    hand.running.clear()
    assert not file.is_called_off()
    wait_until(file.is_called_off)


def test_a_pause_that_is_over_leaves_no_trace(hand: Hand) -> None:
    file = hand.take()
    hand.running.clear()
    wait_until(file.is_called_off)
    hand.running.set()
    assert not file.is_called_off()
    hand.running.clear()
    assert not file.is_called_off()


def test_a_file_that_is_anothers_is_called_off(hand: Hand) -> None:
    file = hand.take()
    hand.database.write(lambda c: files.enqueue(c, hand.job.file_id, 1, 1))
    wait_until(file.is_called_off)


def test_pieces_that_come_fast_are_written_together_soon(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = hand.take()
    with file.in_pieces(SHA):
        with monkeypatch.context() as at_once:  # however busy the machine is
            now_s = time.monotonic()
            at_once.setattr("prismd.ingest.in_hand.time", SimpleNamespace(monotonic=lambda: now_s))
            for number in range(50):
                file.keep("ocr", number, b"x")
            assert len(hand.kept()) < 50

        def all_written() -> bool:
            file.is_called_off()
            return len(hand.kept()) == 50

        wait_until(all_written)


def test_pieces_are_written_however_the_reading_ends(hand: Hand) -> None:
    file = hand.take()
    with pytest.raises(ZeroDivisionError), file.in_pieces(SHA):
        file.keep("ocr", 0, b"zero")
        file.keep("ocr", 1, b"one")
        raise ZeroDivisionError
    assert hand.kept() == [("ocr", 0, b"zero"), ("ocr", 1, b"one")]
    again = hand.take()
    with again.in_pieces(SHA):
        assert again.known_by("ocr") == {0: b"zero", 1: b"one"}
        assert again.known_by("speech") == {}
        assert [piece.number for piece in again.known()] == [0, 1]


@pytest.mark.parametrize("gone", [False, True])
def test_of_a_file_that_is_another_by_now_nothing_is_kept(hand: Hand, gone: bool) -> None:
    file = hand.take()
    with file.in_pieces(SHA):
        if gone:
            hand.path.unlink()
        else:
            os.utime(hand.path, (5, 5))
        file.keep("ocr", 0, b"of which content?")
    assert hand.kept() == []


def test_what_a_recording_says_of_itself_is_known_again(hand: Hand) -> None:
    media = media_type("audio/mpeg")
    assert media is not None
    said = msgspec.structs.replace(extraction("Artist: Walrus"), sound=b"\x00\x01")
    file = hand.take()
    with file.in_pieces(SHA):
        assert file.sound(100) is None
        file.keep_sound(100, media, said)
    with file.in_pieces(SHA):
        assert file.sound(100) == (media, said)
        assert file.sound(99) is None, "it would have been cut elsewhere"


def test_what_another_version_read_of_a_recording_is_read_anew(hand: Hand) -> None:
    media = media_type("audio/mpeg")
    assert media is not None
    former = msgspec.structs.replace(media, version="audio-0")
    file = hand.take()
    with file.in_pieces(SHA):
        file.keep_sound(100, former, extraction("Artist: Walrus"))
    with file.in_pieces(SHA):
        assert file.sound(100) is None
