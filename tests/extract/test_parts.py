"""Parts that a file can do without: passed over when they cost the process that reads them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import pytest

from prismd.errors import ExtractCrash, ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.parts import LeftOut, bare, in_parts, part
from prismd.extract.pool import ExtractPool
from tests.extract.hostile import wait_for

Write = Callable[[str, bytes | str], Path]
Pools = Callable[..., ExtractPool]

SEPARATOR = b"From ann@example.com Fri Mar  1 10:00:00 2024\n"


def mail(*orders: str, subject: str = "Plans") -> bytes:
    """A mail with files attached that do as they are told, and a good one behind them."""
    made = EmailMessage()
    made["Subject"] = subject
    made["From"] = "ann@example.com"
    made.set_content(f"Hello from {subject}.\n")
    for number, order in enumerate(orders, 1):
        made.add_attachment(order, filename=f"{number}.ics")
    made.add_attachment("seven ducks", filename="ducks.txt")
    return made.as_bytes()


@pytest.mark.parametrize(
    ("order", "deadline_s", "reason"),
    [
        ("crash", 60, "the program that reads it crashed (SIGSEGV)"),
        ("exit", 60, "the program that reads it crashed (exit code 3)"),
        ("eat", 60, "reading it needs more than the 2048 MB of memory"),
        ("eat natively", 60, "reading it needs more than the 2048 MB of memory"),
        ("hang", 6, "not read within 6 s"),
    ],
)
def test_an_attachment_that_costs_its_reader_costs_only_itself(
    pool: Pools, write: Write, order: str, deadline_s: float, reason: str
) -> None:
    workers = pool(deadline_s=deadline_s)
    extraction = workers.extract(write("a.eml", mail(order)))[1]
    assert "Hello from Plans." in extraction.text
    assert "Attachment: 1.ics" in extraction.text
    assert "seven ducks" in extraction.text
    (warning,) = extraction.warnings
    assert warning.startswith(f"1.ics: {reason}")
    assert warning.endswith("; only its name is indexed")


def test_an_attachment_that_comes_to_no_end_costs_only_itself(pool: Pools, write: Write) -> None:
    workers = pool(longest_s=24)
    extraction = workers.extract(write("a.eml", mail("same steps 1000000 0.05")))[1]
    assert "seven ducks" in extraction.text
    (warning,) = extraction.warnings
    assert warning == "1.ics: not read to its end within 6 s; only its name is indexed"


def test_one_mail_costs_no_other_in_its_mailbox(pool: Pools, write: Write) -> None:
    mails = [mail(subject="One"), mail("crash", "good", "exit", subject="Two"), mail(subject="End")]
    inbox = write("Inbox", b"".join(SEPARATOR + each + b"\n" for each in mails))
    extraction = pool().extract(inbox)[1]
    assert extraction.metadata["messages"] == "3"
    assert all(f"Hello from {subject}." in extraction.text for subject in ("One", "Two", "End"))
    assert extraction.text.count("seven ducks") == 3
    assert [warning.partition(":")[0] for warning in extraction.warnings] == ["1.ics", "3.ics"]


def test_after_several_bad_attachments_all_are_only_named(pool: Pools, write: Write) -> None:
    extraction = pool().extract(write("a.eml", mail(*["exit"] * 6)))[1]
    assert "Hello from Plans." in extraction.text
    assert "Attachment: ducks.txt" in extraction.text
    assert "seven ducks" not in extraction.text
    assert [warning[:6] for warning in extraction.warnings[:-1]] == [
        "1.ics:",
        "2.ics:",
        "3.ics:",
        "4.ics:",
    ]
    assert "its attachments are only named" in extraction.warnings[-1]


def test_parts_are_told_apart_by_their_place(pool: Pools, write: Write) -> None:
    text = pool().extract(write("a.ics", "parts one crash three crash five"))[1].text
    crashed = "the program that reads it crashed (exit code 3)"
    assert text == f"1: one\n2: {crashed}\n3: three\n4: {crashed}\n5: five"


def test_a_file_of_nothing_but_bad_parts_fails(pool: Pools, write: Write) -> None:
    with pytest.raises(ExtractCrash, match=r"a\.ics: the program that reads it crashed"):
        pool().extract(write("a.ics", "parts" + " crash" * 6))


def test_a_second_reading_is_called_off_like_the_first(
    pool: Pools, write: Write, tmp_path: Path
) -> None:
    workers = pool()
    slots = tmp_path / "slots"
    options = ExtractOptions(slots_dir=str(slots))
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(workers.extract, write("a.eml", mail("exit", "hang")), options)
        wait_for((tmp_path / "started").exists)
        workers.cancel_all()
        with pytest.raises(ExtractError, match="called off"):
            reading.result(120)


def test_a_worker_that_is_killed_leaves_nothing_of_a_mail_behind(
    pool: Pools, write: Write, tmp_path: Path
) -> None:
    slots = tmp_path / "slots"
    options = ExtractOptions(slots_dir=str(slots))
    workers = pool()
    workers.extract(write("a.eml", mail("exit")), options)
    (folder,) = slots.iterdir()
    assert [path.name for path in folder.iterdir()] == ["alive"]
    assert folder.stat().st_mode & 0o077 == 0
    workers.close()
    pool().extract(write("a.txt", "no mail at all"), options)
    assert folder not in slots.iterdir()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is full")
def test_a_full_disk_is_no_fault_of_the_attachment(pool: Pools, write: Write) -> None:
    with pytest.raises(ExtractError, match=r"a\.eml: the disk is full, .*; free some") as error:
        pool().extract(write("a.eml", mail("full")))
    assert error.value.transient


def test_a_part_in_a_part_has_the_key_of_both() -> None:
    told: list[str] = []
    read: list[str] = []

    def walk() -> None:
        for name in "ab":
            with part() as passed_over:
                if passed_over:
                    read.append(passed_over)
                    continue
                for number in "12":
                    with part() as inner:
                        read.append(inner or name + number)

    walk()
    assert read == ["a1", "a2", "b1", "b2"]
    read.clear()
    with in_parts(LeftOut({"/1/2": "slow"}), told.append):
        walk()
        assert not bare()
    assert read == ["a1", "slow", "b1", "b2"]
    assert told == ["/1", "/1/1", "/1", "/2", "/2/1", "/2", "/2/2", "/2", ""]
    read.clear()
    with in_parts(LeftOut({"/1": "slow"}, bare=True), told.append):
        walk()
        assert bare()
    assert read == ["slow", "b1", "b2"]


def test_the_same_part_is_not_left_out_twice() -> None:
    once = LeftOut().also("/1", "slow")
    assert once == LeftOut({"/1": "slow"})
    assert once.also("/1", "slow") is None
    assert once.also("", "slow") is None
