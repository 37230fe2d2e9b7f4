"""A daemon that is killed again and again, while files change and questions are asked."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from prismd.store.check import check
from prismd.store.database import Database
from tests.building import wait_until, write_file
from tests.cli.harness import COMMAND, Place

_CLAUSES = [
    f"Clause {n} is about subject{n} and stands in many a file" + " and on" * 30 + "."
    for n in range(60)
]
_ROWS = {
    "files": "SELECT path, state, sha256, error_code FROM files ORDER BY path",
    "passages": (
        "SELECT d.sha256, p.ordinal, p.text, e.vector FROM passages p"
        " JOIN documents d ON d.id = p.document_id AND d.orphaned_at IS NULL"
        " LEFT JOIN embeddings e ON e.id = p.embedding_id ORDER BY 1, 2"
    ),
    "jobs": "SELECT * FROM jobs",
}


class Changing:
    """A folder in which somebody works.

    Args:
        folder: Filled at once.
        random_: Decides what happens.
    """

    def __init__(self, folder: Path, random_: random.Random) -> None:
        self._folder = folder
        self._random = random_
        self._age = 0
        self.changes = 0
        for number in range(150):
            write_file(folder / f"{number % 7}" / f"{number}.txt", self._text(number))

    def _text(self, number: int) -> str:
        return "\n\n".join([f"File {number}.", *self._random.sample(_CLAUSES, 10)])

    def change(self) -> None:
        """Change something."""
        self.changes += 1
        self._age += 1
        number = self.changes + 1_000
        path = self._random.choice(sorted(self._folder.rglob("*.txt")))
        match self._random.randrange(7):
            case 0 | 1:
                name = f"{number % 9}/{number}.txt"
                write_file(self._folder / name, self._text(number), age=self._age)
            case 2:
                write_file(path, path.read_text() + "\n\nAn added end.", age=self._age)
            case 3:
                path.rename(path.with_name(f"moved-{number}.txt"))
            case 4:
                path.unlink()
            case 5:
                shutil.copy2(path, path.with_name(f"copy-{number}.txt"))
            case _:
                path.parent.rename(self._folder / f"folder-{number}")


class Asking:
    """Clients that ask a daemon all the time, whether or not it is there.

    Args:
        place: Where the daemon runs.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ended = threading.Event()
        self.answers: Counter[int] = Counter()
        self.bodies: list[str] = []
        self.refused = 0
        self._lock = threading.Lock()

    @contextmanager
    def going_on(self, clients: int = 3) -> Iterator[None]:
        """Ask for as long as the context lasts."""
        threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _ask(self, number: int) -> None:
        url = f"http://127.0.0.1:{self._place.port}"
        while not self._ended.wait(0.02):
            number += 1
            words = f"subject{number % 60} stands in many a file"
            body: dict[str, object] = {"query": words, "answer": bool(number % 2)}
            try:
                token = (self._place.data_dir / "token").read_text().strip()
                header = {"Authorization": f"Bearer {token}"}
                answer = httpx.post(
                    f"{url}/search", json=body, headers=header, timeout=30, trust_env=False
                )
            except (httpx.TransportError, FileNotFoundError):
                with self._lock:
                    self.refused += 1
                continue
            with self._lock:
                self.answers[answer.status_code] += 1
                if answer.status_code >= 500:
                    self.bodies.append(answer.text)


class Outcome:
    """What came of it."""

    def __init__(self) -> None:
        self.kills = self.changes = self.files = 0
        self.lost: list[object] = []
        self.doubled: list[object] = []
        self.findings: list[str] = []
        self.answers: Counter[int] = Counter()
        self.bodies: list[str] = []
        self.refused = 0

    def __str__(self) -> str:
        answers = ", ".join(f"{count:,} with {code}" for code, count in self.answers.items())
        return (
            f"{self.kills} kills, {self.changes:,} changes, {self.files:,} files in the end\n"
            f"queries answered: {answers}; {self.refused:,} found nobody\n"
            f"lost: {len(self.lost)}, doubled: {len(self.doubled)},"
            f" findings of 'prismd check': {len(self.findings)}"
        )


def kill_and_ask(place: Place, kills: int, seed: int) -> Outcome:
    """Kill a daemon at random moments of indexing and watching, and look what is left."""
    random_ = random.Random(seed)
    folder, outcome = Changing(place.folder, random_), Outcome()
    asking = Asking(place)
    with ExitStack() as asked:
        asked.enter_context(asking.going_on())
        for number in range(kills):
            process = _start(place)
            _wait_a_moment(place, process, random_, folder)
            process.send_signal(signal.SIGKILL)
            process.wait()
            outcome.kills += process.returncode == -signal.SIGKILL
            if number % 5 == 0:
                outcome.findings += _findings(place.data_dir)
        with place.daemon() as daemon:
            daemon.client.post("/rescan").raise_for_status()
            daemon.await_idle()
            asked.close()  # whoever asks during an orderly end is answered 503
    outcome.changes = folder.changes
    outcome.answers, outcome.refused = asking.answers, asking.refused
    outcome.bodies = asking.bodies
    outcome.findings += _findings(place.data_dir)
    afresh = place.root / "afresh"
    place.run("index", "--quiet", place.folder, env={"PRISMD_DATA_DIR": str(afresh)})
    _compare(_rows(place.data_dir), _rows(afresh), outcome)
    return outcome


def _start(place: Place) -> subprocess.Popen[bytes]:
    with place.log.open("a") as log:
        command = [*COMMAND, "run", str(place.folder)]
        return subprocess.Popen(command, stderr=log, env=place.environment())


def _wait_a_moment(
    place: Place, process: subprocess.Popen[bytes], random_: random.Random, folder: Changing
) -> None:
    """Change files while it starts, and for a random time after that."""

    def answers() -> bool:
        if process.poll() is not None:
            raise AssertionError(place.log.read_text()[-4_000:])
        folder.change()
        try:
            url = f"http://127.0.0.1:{place.port}/health"
            return httpx.get(url, timeout=10, trust_env=False).is_success
        except httpx.TransportError:
            return False

    if random_.random() < 0.9:  # or else in the middle of its start
        wait_until(answers)
    pause = threading.Event()
    for _ in range(random_.randrange(25)):
        folder.change()
        pause.wait(0.04)


def _findings(data_dir: Path) -> list[str]:
    if not (data_dir / "prism.db").exists():
        return []
    database = Database(data_dir)
    try:
        return [str(finding) for finding in check(database, repair=False)]
    finally:
        database.close()


def _rows(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    database = Database(data_dir)
    try:
        return {
            name: database.read(lambda c, s=sql: list(c.execute(s)))  # type: ignore[misc]
            for name, sql in _ROWS.items()
        }
    finally:
        database.close()


def _compare(
    found: dict[str, list[tuple[object, ...]]],
    wanted: dict[str, list[tuple[object, ...]]],
    outcome: Outcome,
) -> None:
    outcome.files = len(found["files"])
    for name, rows in wanted.items():
        have, want = Counter(found[name]), Counter(rows)
        outcome.lost += list((want - have).elements())
        outcome.doubled += list((have - want).elements())
