"""How soon a pause takes effect in the middle of a long file, and what it costs.

    python -m tests.benchmarks.pausing FOLDER... [--only recording|scan|same] [--tries N]
        [--hours H] [--pages N] [--work DIR] [--models DIR]

A folder holds ``transcripts.jsonl`` with rows of ``file`` and ``text``. Its recordings are joined
over and over to one of two hours, and its texts are written on the pages of a scan. The daemon
reads either. Each try pauses it at some moment, or ends it by ``kill -9``. Printed are, in the
median and at most: the seconds from asking for the pause to the last moment at which any process
of the daemon used more than a tenth of a core, how many seconds or pages were lost, and how long
it took from going on, or from the daemon's start, to the first new piece. At last, in ``same``,
a shorter recording and scan are read undisturbed, and with pauses, restarts and kills, and what
is stored of them is compared.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import psutil
import pymupdf as _pymupdf

from prismd.soundtrack import RATE_HZ, Soundtrack
from prismd.store.check import check
from prismd.store.database import Database
from tests.benchmarks.workbench import models_folder
from tests.building import picture
from tests.cli.harness import Daemon, Place
from tests.speaking import joined, silence, write

pymupdf: Any = _pymupdf  # It is typed in part only.

CONFIG = """\
[models]
generation = "off"
image = "off"
"""
_STAGE = {".mp3": "transcribing", ".pdf": "extracting"}
_UNIT = {".mp3": "s of the recording", ".pdf": "pages"}
_WATCH_S = 3.0
_SAMPLE_S = 0.05
_BUSY = 0.1
_MOST_WAIT_S = 240.0
_MOST_TOTAL = 100_000


class Try(msgspec.Struct, frozen=True):
    """One interruption; ``quiet_s`` is None where the daemon was killed."""

    how: str
    quiet_s: float | None
    lost: int
    back_s: float
    done: int


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--only", choices=["recording", "scan", "same"])
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--work", type=Path, help="keep files and index here for the next run")
    parser.add_argument("--models", type=Path, help="where the models are")
    given = parser.parse_args()
    env = {"PRISMD_MODELS_DIR": str(models_folder(given.models))}
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        if given.only in (None, "recording"):
            name = work / "recording" / f"{given.hours:g}h.mp3"
            measure(name, lambda: record(given.folders, given.hours, name), env, given.tries)
        if given.only in (None, "scan"):
            name = work / "scan" / f"{given.pages}.pdf"
            measure(name, lambda: scan(given.folders, given.pages, name), env, given.tries)
        if given.only in (None, "same"):
            compare(given.folders, work / "same", env)


def rows(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Recordings with what is said in them."""
    for folder in folders:
        for line in (folder / "transcripts.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield folder / row["file"], row["text"]


def record(folders: Sequence[Path], hours: float, path: Path) -> None:
    """Write a recording of so many hours."""
    clips = []
    for file, _ in rows(folders):
        with Soundtrack(file) as sound:
            clips.append(np.concatenate(list(sound.pieces(30.0))))
    random_ = random.Random(1)
    parts, length = [], 0
    while length < hours * 3600 * RATE_HZ:
        parts += [random_.choice(clips), silence(random_.uniform(0.3, 2.0))]
        length += len(parts[-1]) + len(parts[-2])
    write(path, joined(*parts)[0][: int(hours * 3600 * RATE_HZ)])


def scan(folders: Sequence[Path], pages: int, path: Path) -> None:
    """Write a PDF of so many pages of A5, each a picture of text, none like another."""
    texts = [text for _, text in rows(folders)]
    random_ = random.Random(2)
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            said = " ".join([f"Page {number}.", *random_.choices(texts, k=6)])
            lines = "\n".join(textwrap.wrap(said[:700], 60))
            page = document.new_page(width=420, height=595)
            page.insert_image(page.rect, stream=picture("white", lines, size=(1166, 1653)))
        document.save(path, deflate=True)


@contextmanager
def running(place: Place, env: dict[str, str]) -> Iterator[Daemon]:
    """The daemon over one file, going on."""
    with place.daemon(env=env) as daemon:
        daemon.client.post("/resume").raise_for_status()
        yield daemon


def place_of(path: Path, make: Callable[[], None]) -> Place:
    """The place of one file, as an earlier run has left it."""
    root = path.parent
    root.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root / "home", ignore_errors=True)
    kept = root / "kept"
    if (root / "files").exists():
        (root / "files").rename(kept)
    place = Place(root)
    place.config.write_text(CONFIG)
    if kept.exists():
        place.folder.rmdir()
        kept.rename(place.folder)
    if not (place.folder / path.name).exists():
        make()
        path.rename(place.folder / path.name)
    return place


def measure(path: Path, make: Callable[[], None], env: dict[str, str], tries: int) -> None:
    """Interrupt the reading of a file over and over."""
    place = place_of(path, make)
    random_ = random.Random(3)
    found: list[Try] = []
    with ExitStack() as stack:
        daemon = stack.enter_context(running(place, env))
        for number in range(tries):
            done = await_done(daemon, path.suffix, 1)
            done = await_done(daemon, path.suffix, done + 1)
            time.sleep(random_.uniform(0.0, 2.0))
            done = max(done, done_now(daemon, path.suffix) or 0)
            how = ("pause", "pause", "pause", "restart", "kill")[number % 5]
            quiet_s = None if how == "kill" else until_quiet(daemon)
            if how != "pause":
                daemon.stop(signal.SIGKILL if how == "kill" else signal.SIGTERM)
                stack.close()
            began_s = time.monotonic()
            if how == "pause":
                daemon.client.post("/resume").raise_for_status()
            else:
                daemon = stack.enter_context(running(place, env))
            again = await_done(daemon, path.suffix, 0)
            await_done(daemon, path.suffix, done + 1)
            back_s = time.monotonic() - began_s
            found.append(Try(how, quiet_s, max(0, done - again), back_s, done))
            print(msgspec.json.encode(found[-1]).decode(), flush=True)
        daemon.client.post("/pause")
    report(path, found)


def report(path: Path, found: Sequence[Try]) -> None:
    """Print medians and maxima."""
    quiet = [each.quiet_s for each in found if each.quiet_s is not None]
    lost = [each.lost for each in found]
    back = [each.back_s for each in found]
    print(
        f"{path.name}, {len(found)} tries, at {found[0].done} to {found[-1].done} "
        f"{_UNIT[path.suffix]}:\n"
        f"  quiet after a pause: {median(quiet):.2f} s, at most {max(quiet):.2f} s\n"
        f"  shown as lost: {median(lost):g}, at most {max(lost)} {_UNIT[path.suffix]}\n"
        f"  back at work: {median(back):.1f} s, at most {max(back):.1f} s"
    )


def done_now(daemon: Daemon, suffix: str) -> int | None:
    """How far the file in hand is; None when it is not in hand, or that is not known yet."""
    for current in daemon.status()["current"]:
        if current["path"].endswith(suffix) and current["stage"] == _STAGE[suffix]:
            # Until its pages are counted, the total is that of its bytes.
            return int(current["done"]) if current["total"] < _MOST_TOTAL else None
    return None


def await_done(daemon: Daemon, suffix: str, least: int) -> int:
    """Wait until so much is done."""
    end_s = time.monotonic() + _MOST_WAIT_S
    while time.monotonic() < end_s:
        done = done_now(daemon, suffix)
        if done is not None and done >= least:
            return done
        time.sleep(_SAMPLE_S)
    raise AssertionError(f"nothing came of it: {daemon.status()}")


def until_quiet(daemon: Daemon) -> float:
    """Pause; the seconds from asking to the last moment at which anything worked."""
    began_s = last_s = time.monotonic()
    daemon.client.post("/pause").raise_for_status()
    before = spent_s(daemon)
    sampled_s = time.monotonic()
    while sampled_s - began_s < _WATCH_S:
        time.sleep(_SAMPLE_S)
        now_s, now = time.monotonic(), spent_s(daemon)
        used_s = sum(max(0.0, now[pid] - before.get(pid, 0.0)) for pid in now)
        if used_s > _BUSY * (now_s - sampled_s) + 0.01:  # the clock of the system ticks so
            last_s = now_s
        before, sampled_s = now, now_s
    assert not daemon.status()["current"]
    return last_s - began_s


def spent_s(daemon: Daemon) -> dict[int, float]:
    """Seconds of computing of each process of the daemon."""
    spent = {}
    for process in (psutil.Process(daemon.process.pid), *daemon.children()):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent[process.pid] = times.user + times.system
    return spent


def compare(folders: Sequence[Path], work: Path, env: dict[str, str]) -> None:
    """Read a recording and a scan undisturbed and disturbed, and compare what is stored."""
    stored: list[list[tuple[object, ...]]] = []
    for name in ("undisturbed", "disturbed"):
        shutil.rmtree(work / name, ignore_errors=True)
        talk, paper = work / name / "talk.mp3", work / name / "paper.pdf"
        place = place_of(talk, lambda talk=talk: record(folders, 0.06, talk))  # type: ignore[misc]
        if stored:
            for file in ("talk.mp3", "paper.pdf"):
                shutil.copy2(work / "undisturbed" / "files" / file, place.folder / file)
        else:
            scan(folders, 16, paper)
            paper.rename(place.folder / paper.name)
        if stored:
            disturb(place, env)
        with running(place, env) as daemon:
            while daemon.status()["state"] != "idle":
                time.sleep(_SAMPLE_S)
        stored.append(contents(place))
    print("the same, undisturbed and disturbed:", stored[0] == stored[1], len(stored[0]), "rows")


def disturb(place: Place, env: dict[str, str]) -> None:
    """Pauses, restarts and kills, until the files are read."""
    random_ = random.Random(4)
    for number in range(6):
        with running(place, env) as daemon:
            before = kept(place)
            while kept(place) <= before:
                time.sleep(random_.uniform(0.0, 1.0))
                if daemon.status()["state"] == "idle":
                    return
            if number % 3 == 0:
                daemon.stop(signal.SIGKILL)
            else:
                until_quiet(daemon)


def kept(place: Place) -> int:
    """How many pieces are kept."""
    database = Database(place.data_dir, writable=False)
    try:
        return int(database.read(lambda c: c.execute("SELECT count(*) FROM pieces").get))
    finally:
        database.close()


def contents(place: Place) -> list[tuple[object, ...]]:
    """What is stored of the documents; the check has to find nothing."""
    database = Database(place.data_dir)
    try:
        assert check(database, repair=False) == []
        assert not database.read(lambda c: c.execute("SELECT 1 FROM pieces").fetchall())
        sql = (
            "SELECT d.sha256, d.metadata, d.engines, c.text, c.layout, p.ordinal, p.text, p.locator"
            " FROM documents d JOIN document_contents c ON c.document_id = d.id"
            " JOIN passages p ON p.document_id = d.id ORDER BY 1, 6"
        )
        return database.read(lambda c: c.execute(sql).fetchall())
    finally:
        database.close()


if __name__ == "__main__":
    main()
