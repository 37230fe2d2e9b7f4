"""The pool of workers, with real processes and extractors that misbehave."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from prismd.errors import (
    CANCELLED,
    EncryptedDocument,
    ExtractCrash,
    ExtractError,
    ExtractTimeout,
    UnsupportedMedia,
)
from prismd.extract.pieces import Piece
from prismd.extract.pool import ExtractPool
from tests.extract.hostile import wait_for

Write = Callable[[str, bytes | str], Path]


def test_a_file_comes_back_with_its_type(pool: Callable[..., ExtractPool], write: Write) -> None:
    media_type, extraction = pool().extract(write("a.md", "# Title\n\ntext\n"))
    assert media_type.name == "text/markdown"
    assert media_type.type == "text"
    assert extraction.title == "Title"


@pytest.mark.parametrize(
    ("order", "kind", "code", "words"),
    [
        (
            "crash",
            ExtractCrash,
            "crash",
            "a.ics: the program that reads it crashed [(]SIGSEGV[)]; ",
        ),
        ("exit", ExtractCrash, "crash", "exit code 3"),
        ("eat", ExtractError, "memory", "a.ics: reading it needs more than the 2048 MB"),
        ("eat natively", ExtractError, "memory", "a.ics: reading it needs more than the 2048 MB"),
        ("raise", ExtractError, "broken", "a.ics: its reader failed [(]KeyError"),
        ("recurse", ExtractError, "broken", "nested too deeply"),
    ],
)
def test_a_bad_file_fails_alone_and_says_why(
    pool: Callable[..., ExtractPool],
    write: Write,
    order: str,
    kind: type[ExtractError],
    code: str,
    words: str,
) -> None:
    workers = pool()
    with pytest.raises(ExtractError, match=words) as error:
        workers.extract(write("a.ics", order))
    assert type(error.value) is kind
    assert error.value.code == code
    assert workers.extract(write("a.txt", "the next file"))[1].text == "the next file"


def test_no_file_is_read_by_a_worker_that_ran_out_of_memory(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    workers = pool()
    workers.extract(write("a.txt", "all is well"))
    before = workers.worker_pids()
    workers.extract(write("b.txt", "the same worker"))
    assert workers.worker_pids() == before
    with pytest.raises(ExtractError):
        workers.extract(write("a.ics", "eat"))
    assert workers.extract(write("c.txt", "another"))[1].text == "another"
    assert not set(workers.worker_pids()) & set(before)


def test_a_file_that_takes_too_long_is_given_up(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    workers = pool(deadline_s=3)
    with pytest.raises(ExtractTimeout, match=r"a\.ics: not read within 3 s; ") as error:
        workers.extract(write("a.ics", "hang"))
    assert error.value.transient
    assert workers.extract(write("a.txt", "next"))[1].text == "next"


def test_progress_is_told_and_the_last_step_always(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    heard: list[tuple[int, int]] = []
    pool().extract(
        write("a.ics", "steps 2000 0"), on_step=lambda done, total: heard.append((done, total))
    )
    assert heard[0] == (1, 2000)
    assert heard[-1] == (2000, 2000)
    assert heard == sorted(heard)
    assert len(heard) < 200, "a few a second"


def test_a_long_file_is_read_as_long_as_it_comes_on(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    workers = pool(deadline_s=3)
    assert workers.extract(write("a.ics", "steps 16 0.25"))[1].text.isdigit()


def test_steps_that_say_the_same_are_progress_too(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    workers = pool(deadline_s=3)
    assert workers.extract(write("a.ics", "same steps 16 0.25"))[1].text.isdigit()


@pytest.mark.parametrize("order", ["same steps 1000000 0.05", "flood"])
def test_a_file_that_comes_on_for_ever_is_ended_and_not_tried_again(
    pool: Callable[..., ExtractPool], write: Write, order: str
) -> None:
    workers = pool(deadline_s=60, longest_s=3)
    words = r"a\.ics: not read to its end within 3 s, though it came on all the time; split"

    def listen_slowly(done: int, total: int) -> None:
        # Slower than the worker, which is then never waited for.
        threading.Event().wait(0.01)

    with pytest.raises(ExtractTimeout, match=words) as error:
        workers.extract(write("a.ics", order), on_step=listen_slowly)
    assert not error.value.transient


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is full")
def test_a_full_disk_is_not_blamed_on_the_file(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    with pytest.raises(ExtractError, match=r"a\.ics: the disk is full, .*; free some") as error:
        pool().extract(write("a.ics", "full"))
    assert error.value.transient
    assert error.value.code == "disk_full"


def test_who_fails_at_hearing_of_a_step_gets_no_stale_answer_later(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    def fail(done: int, total: int) -> None:
        raise ZeroDivisionError

    workers = pool()
    with pytest.raises(ZeroDivisionError):
        workers.extract(write("a.ics", "steps 3 0"), on_step=fail)
    assert workers.extract(write("a.txt", "the next file"))[1].text == "the next file"


def test_pieces_that_were_read_before_a_crash_are_known_to_the_next_worker(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    workers = pool()
    read: list[Piece] = []
    with pytest.raises(ExtractCrash):
        workers.extract(write("a.ics", "pieces 3 crash"), on_piece=read.append)
    assert [piece.number for piece in read] == [0, 1, 2]
    more: list[Piece] = []
    path = write("b.ics", "pieces 4 end")
    found = workers.extract(path, known=read, on_piece=more.append)[1].text.split("\n")
    assert len(found) == 3
    assert len(set(found)) == 1
    assert [piece.number for piece in more] == [3]


@pytest.mark.parametrize("order", ["hang", "same steps 1000000 0.05", "pieces 1 hang", "flood"])
def test_a_file_that_is_not_wanted_any_more_is_given_up_with_its_worker(
    pool: Callable[..., ExtractPool], write: Write, order: str
) -> None:
    workers = pool()
    looks = count()
    with pytest.raises(ExtractError) as error:
        workers.extract(write("a.ics", order), cancelled=lambda: next(looks) > 8)
    assert error.value.code == CANCELLED
    assert workers.worker_pids() == [], "nor is another started"
    assert workers.extract(write("a.txt", "the next file"))[1].text == "the next file"


def test_who_waits_for_a_worker_can_be_called_off(
    pool: Callable[..., ExtractPool], write: Write, tmp_path: Path
) -> None:
    workers = pool(size=1)
    path = write("a.ics", "hang")
    stop = threading.Event()
    codes: list[str] = []

    def read() -> None:
        with pytest.raises(ExtractError) as error:
            workers.extract(path, cancelled=stop.is_set)
        codes.append(error.value.code)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_for((tmp_path / "started").exists)
    stop.set()
    for thread in threads:
        thread.join()
    assert codes == [CANCELLED, CANCELLED]


def test_a_picture_that_is_not_wanted_any_more_is_given_up(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    with pytest.raises(ExtractError) as error:
        pool().pixels(write("a.png", "no picture"), 32, cancelled=lambda: True)
    assert error.value.code == CANCELLED


def test_programs_that_workers_start_keep_to_one_thread(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    assert pool().extract(write("a.ics", "environment"))[1].text == "1"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.zip", b"PK\x05\x06" + b"\x00" * 18, UnsupportedMedia),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0",
            EncryptedDocument,
        ),
        ("a.txt", b"", ExtractError),
    ],
)
def test_the_kind_of_an_error_comes_through(
    pool: Callable[..., ExtractPool],
    write: Write,
    name: str,
    content: bytes,
    kind: type[ExtractError],
) -> None:
    with pytest.raises(ExtractError, match=f"^{name}: .*; ") as error:
        pool().extract(write(name, content))
    assert type(error.value) is kind


def test_a_worker_is_reused_and_replaced_in_time(
    pool: Callable[..., ExtractPool], write: Write
) -> None:
    workers = pool(recycle_after=3)
    pids = [workers.extract(write("a.ics", "pid"))[1].text for _ in range(7)]
    assert pids[0] == pids[1] == pids[2] != pids[3]
    assert pids[3] == pids[4] == pids[5] != pids[6]
    assert [str(pid) for pid in workers.worker_pids()] == [pids[6]]


def test_many_threads_share_the_workers(pool: Callable[..., ExtractPool], write: Write) -> None:
    workers = pool(size=2)
    files = [write(f"{n}.txt", f"text {n}") for n in range(40)]
    with ThreadPoolExecutor(8) as threads:
        texts = [extraction.text for _, extraction in threads.map(workers.extract, files)]
    assert texts == [f"text {n}" for n in range(40)]
    assert len(workers.worker_pids()) <= 2


def test_calling_off_stops_what_is_being_read(
    pool: Callable[..., ExtractPool], write: Write, tmp_path: Path
) -> None:
    workers = pool()
    path = write("a.ics", "hang")
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(workers.extract, path)
        wait_for((tmp_path / "started").exists)
        workers.cancel_all()
        with pytest.raises(ExtractError, match="called off") as error:
            reading.result(120)
    assert error.value.code == CANCELLED
    assert workers.extract(write("a.txt", "next"))[1].text == "next"


def test_closing_leaves_no_process_behind(pool: Callable[..., ExtractPool], write: Write) -> None:
    workers = pool()
    workers.extract(write("a.txt", "text"))
    (pid,) = workers.worker_pids()
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ExtractError, match="called off"):
        workers.extract(write("a.txt", "text"))


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_names_that_are_not_text_are_no_obstacle(
    pool: Callable[..., ExtractPool], tmp_path: Path
) -> None:
    good, bad = (
        Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/\xff.md", b"/\n\xff.zip")
    )
    try:
        good.write_text("# T\n")
        bad.write_bytes(b"PK\x05\x06" + b"\x00" * 18)
    except OSError:
        pytest.skip("this file system takes no such names")
    workers = pool()
    assert workers.extract(good)[1].text == "# T\n"
    with pytest.raises(UnsupportedMedia) as error:
        workers.extract(bad)
    assert str(error.value).startswith("\ufffd\ufffd.zip: ZIP archives")
