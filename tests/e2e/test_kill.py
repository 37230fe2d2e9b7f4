"""``kill -9`` at any moment costs nothing but the work in hand."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prismd.store.check import check
from prismd.store.database import FILE_NAME, Database
from tests.building import wait_until, write_file
from tests.cli.harness import Place
from tests.e2e.killing import kill_and_ask

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

KILLS = 20
CONFIG = """
[models]
embedding = "fake"
reranking = "fake"
generation = "off"
[index]
workers = 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some hundred files, many of which share passages or are the same."""
    made = tmp_path / "folder"
    random_ = random.Random(7)
    clauses = [
        f"Clause {n} is about subject{n} and stands in many a file" + " and on" * 40 + "."
        for n in range(60)
    ]
    for number in range(120):
        text = "\n\n".join([f"File {number}.", *random_.sample(clauses, 12)])
        write_file(made / f"{number % 7}" / f"{number}.txt", text)
        if number < 30:
            write_file(made / "copies" / f"{number}.txt", text)
    write_file(made / "empty.txt", "")
    write_file(made / "broken.pdf", b"%PDF-1.7 and then nothing")
    return made


def start(folder: Path, data_dir: Path, config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "prismd", "--config", str(config)]
    command += ["--data-dir", str(data_dir), "index", "--quiet", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(folder: Path, data_dir: Path, config: Path) -> None:
    process = start(folder, data_dir, config)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output.decode()


def contents(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    """What is indexed, whatever ids it has; the check has to find nothing."""
    database = Database(data_dir)
    try:
        assert check(database, repair=False) == []
        queries = {
            "files": "SELECT path, state, sha256, error_code FROM files ORDER BY path",
            "documents": "SELECT sha256, type, title, extractor FROM documents ORDER BY sha256",
            "passages": (
                "SELECT d.sha256, p.ordinal, p.text, p.locator, e.vector FROM passages p"
                " JOIN documents d ON d.id = p.document_id"
                " LEFT JOIN embeddings e ON e.id = p.embedding_id ORDER BY 1, 2"
            ),
            "vectors": "SELECT hash, vector FROM embeddings ORDER BY hash",
            "jobs": "SELECT * FROM jobs",
            "orphans": "SELECT id FROM documents WHERE orphaned_at IS NOT NULL",
        }
        return {
            name: database.read(lambda c, sql=sql: c.execute(sql).fetchall())  # type: ignore[misc]
            for name, sql in queries.items()
        }
    finally:
        database.close()


def bytes_written(data_dir: Path) -> int:
    written = 0
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        with contextlib.suppress(FileNotFoundError):  # who ends in order takes the log away
            written += (data_dir / name).stat().st_size
    return written


def test_whatever_the_moment_of_the_kill_the_index_ends_the_same(
    folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    finish(folder, tmp_path / "undisturbed", config)
    expected = contents(tmp_path / "undisturbed")
    assert len(expected["files"]) == 152
    assert len(expected["vectors"]) > 100
    assert expected["jobs"] == expected["orphans"] == []
    full = bytes_written(tmp_path / "undisturbed")
    random_ = random.Random(11)
    data_dir = tmp_path / "killed"
    killed = 0
    for number in range(KILLS):
        process = start(folder, data_dir, config)
        # The moments are spread over the work, told by what has been written.
        wanted = full * (number + random_.random()) / KILLS
        wait_until(
            lambda p=process, w=wanted: p.poll() is not None or bytes_written(data_dir) > w  # type: ignore[misc]
        )
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed >= KILLS // 2
    finish(folder, data_dir, config)
    assert contents(data_dir) == expected


def test_a_kill_during_edits_loses_none_of_them(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    data_dir = tmp_path / "killed"
    finish(folder, data_dir, config)
    paths = sorted(folder.rglob("*.txt"))
    for path in paths[:40]:
        write_file(path, path.read_text() + "\n\nAn added end.", age=5)
    for path in paths[40:60]:
        path.unlink()
    (folder / "copies").rename(folder / "moved")
    before = bytes_written(data_dir)
    process = start(folder, data_dir, config)
    wait_until(lambda: process.poll() is not None or bytes_written(data_dir) > before)
    process.kill()
    process.communicate()
    finish(folder, data_dir, config)
    finish(folder, tmp_path / "afresh", config)
    assert contents(data_dir) == contents(tmp_path / "afresh")


def test_a_killed_daemon_loses_nothing_and_answers_every_query(place: Place) -> None:
    outcome = kill_and_ask(place, 6, seed=3)
    assert outcome.kills == 6
    assert outcome.lost == outcome.doubled == []
    assert outcome.findings == []
    assert set(outcome.answers) == {200}, outcome.bodies
