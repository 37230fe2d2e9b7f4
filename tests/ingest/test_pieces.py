"""Long files go on where they were left: after a pause, a restart, a crash of the worker."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pymupdf as _pymupdf
import pytest

from prismd.disk.looking import look
from prismd.extract.pool import ExtractPool
from prismd.ingest.crew import Ingest
from prismd.models.fake_speech import FakeTranscriber
from prismd.store import files
from prismd.store.check import check
from tests.building import Indexer, picture, recording, wait_until
from tests.ingest.passes import SETTINGS, CountingPool

pymupdf: Any = _pymupdf  # It is typed in part only.

SAID = [(float(n), n + 0.9, f"Sentence number {n} of the walrus.") for n in range(40)]
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]


def scanned(words: list[str] = WORDS) -> bytes:
    """A PDF whose pages are pictures of a word each."""
    with pymupdf.open() as document:
        for word in words:
            page = document.new_page(width=320, height=200)
            page.insert_image(page.rect, stream=picture("white", f"The {word} walrus swims"))
        return bytes(document.tobytes())


def current_done(indexer: Indexer) -> list[tuple[str, int]]:
    return [(each.stage, each.done) for each in indexer.progress.snapshot().current]


def pause(ingest: Ingest, indexer: Indexer) -> None:
    ingest.pause()
    wait_until(lambda: indexer.progress.snapshot().current == ())


@pytest.fixture
def talk(tmp_path: Path, data_dir: Path, pool: CountingPool) -> Indexer:
    """A recording that takes a while to write down."""
    transcriber = FakeTranscriber(delay_s=0.05)
    indexer = Indexer(
        tmp_path / "talks", data_dir, pool, settings=SETTINGS, transcriber=transcriber
    )
    indexer.write("talk.wav", recording(*SAID, seconds=41))
    indexer.sweep()
    return indexer


def heard(indexer: Indexer) -> int:
    assert isinstance(indexer.transcriber, FakeTranscriber)
    return indexer.transcriber.heard


def test_a_paused_recording_goes_on_where_it_was(talk: Indexer, pool: CountingPool) -> None:
    with talk.ingesting() as ingest:
        for times in range(1, 4):
            wait_until(lambda times=times: heard(talk) >= 8 * times)  # type: ignore[misc]
            pause(ingest, talk)
            assert talk.states() == {"talk.wav": ("pending", "")}
            before = heard(talk)
            ingest.resume()
            wait_until(lambda before=before: heard(talk) > before)  # type: ignore[misc]
            assert all(stage == "transcribing" and done > 0 for stage, done in current_done(talk))
        wait_until(ingest.idle)
    assert heard(talk) == len(SAID), "none was heard twice"
    assert pool.read == ["talk.wav"], "nor was the file read twice"
    assert all(text in talk.texts()["talk.wav"] for _, _, text in SAID)
    assert talk.rows("SELECT count(*) FROM pieces") == [(0,)]
    assert check(talk.database, repair=False) == []
    talk.database.close()


def test_a_recording_goes_on_after_a_restart(talk: Indexer) -> None:
    for times in range(1, 3):
        with talk.ingesting():
            wait_until(lambda times=times: heard(talk) >= 10 * times)  # type: ignore[misc]
    talk.run()
    assert heard(talk) == len(SAID)
    assert talk.states() == {"talk.wav": ("completed", "")}
    talk.database.close()


def test_nothing_of_what_is_in_pieces_is_found_before_the_end(talk: Indexer) -> None:
    with talk.ingesting() as ingest:
        wait_until(lambda: heard(talk) >= 5)
        pause(ingest, talk)
        assert talk.rows("SELECT count(*) > 0 FROM pieces") == [(1,)]
        assert talk.rows("SELECT count(*) FROM passages") == [(0,)]
        assert talk.rows("SELECT count(*) FROM passage_words_docsize") == [(0,)]
    talk.database.close()


def test_a_recording_that_changes_meanwhile_is_heard_anew(talk: Indexer) -> None:
    other = [(start, end, text.replace("walrus", "otter")) for start, end, text in SAID]
    with talk.ingesting() as ingest:
        wait_until(lambda: heard(talk) >= 5)
        pause(ingest, talk)
        before = heard(talk)
        talk.write("talk.wav", recording(*other, seconds=41), age=1)
        talk.sweep()
        ingest.resume()
        wait_until(ingest.idle)
    assert heard(talk) == before + len(SAID)
    assert "walrus" not in talk.texts()["talk.wav"]
    assert talk.rows("SELECT count(*) FROM pieces") == [(0,)]
    talk.database.close()


def test_a_recording_that_is_moved_meanwhile_goes_on(talk: Indexer) -> None:
    with talk.ingesting() as ingest:
        wait_until(lambda: heard(talk) >= 5)
        pause(ingest, talk)
        (talk.folder / "talk.wav").rename(talk.folder / "speech.wav")
        talk.sweep()
        ingest.resume()
        wait_until(ingest.idle)
    assert heard(talk) == len(SAID)
    assert talk.states() == {"speech.wav": ("completed", "")}
    talk.database.close()


def test_what_is_heard_of_a_file_that_has_become_another_is_not_kept(talk: Indexer) -> None:
    path = talk.folder / "talk.wav"
    with talk.ingesting() as ingest:
        wait_until(lambda: heard(talk) >= 3)
        os.utime(path, (1, 1))  # as if it had been written to; no sweep knows yet
        before = heard(talk)
        wait_until(lambda: heard(talk) >= before + 10)
        pause(ingest, talk)
        kept = talk.rows("SELECT count(*) FROM pieces WHERE reader LIKE 'speech%'")[0][0]
        assert isinstance(kept, int)
        assert kept <= before + 1
    talk.database.close()


@pytest.fixture
def scan(tmp_path: Path, data_dir: Path, pool: CountingPool) -> Indexer:
    indexer = Indexer(tmp_path / "scans", data_dir, pool, settings=SETTINGS)
    indexer.write("scan.pdf", scanned())
    indexer.sweep()
    return indexer


def test_a_paused_scan_goes_on_with_the_pages_that_are_left(
    scan: Indexer, pool: CountingPool, tmp_path: Path
) -> None:
    with scan.ingesting() as ingest:
        wait_until(lambda: len(pool.pieces) >= 2)
        pause(ingest, scan)
        kept = set(pool.pieces)
        assert {row[0] for row in scan.rows("SELECT number FROM pieces")} == kept
        pool.pieces.clear()
        ingest.resume()
        wait_until(ingest.idle)
    assert kept.isdisjoint(pool.pieces)
    assert kept | set(pool.pieces) == set(range(len(WORDS)))
    assert scan.rows("SELECT count(*) FROM pieces") == [(0,)]
    whole = Indexer(tmp_path / "whole", tmp_path / "other", pool, settings=SETTINGS)
    whole.write("scan.pdf", scanned())
    whole.run()
    assert scan.texts() == whole.texts()
    content = "SELECT text, layout FROM document_contents"
    assert scan.rows(content) == whole.rows(content)
    whole.database.close()
    scan.database.close()


def test_a_scan_whose_worker_is_killed_goes_on_too(
    scan: Indexer, workers: ExtractPool, pool: CountingPool
) -> None:
    with scan.ingesting() as ingest:
        wait_until(lambda: len(pool.pieces) >= 3)
        for pid in workers.worker_pids():
            os.kill(pid, signal.SIGSEGV)
        wait_until(lambda: scan.states()["scan.pdf"][1] == "crash")
        before = list(pool.pieces)
        wait_until(ingest.idle)
    assert scan.states() == {"scan.pdf": ("completed", "")}
    assert sorted(pool.pieces) == list(range(len(WORDS))), "every page was read once"
    assert len(before) < len(WORDS)
    scan.database.close()


def test_a_file_that_is_anothers_by_now_is_given_up(scan: Indexer, pool: CountingPool) -> None:
    path = scan.folder / "scan.pdf"
    with scan.ingesting() as ingest:
        wait_until(lambda: len(pool.pieces) >= 1)
        (file_id,) = scan.rows("SELECT id FROM files")[0]
        assert isinstance(file_id, int)
        scan.database.write(lambda c: files.change(c, [(file_id, look(str(path)))]))
        wait_until(lambda: len(pool.read) == 2)
        wait_until(ingest.idle)
    assert scan.states() == {"scan.pdf": ("completed", "")}
    assert scan.rows("SELECT count(*) FROM documents") == [(1,)]
    scan.database.close()
