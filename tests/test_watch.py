"""Sweeps of real folders; the index must come to what is on disk, whatever happened to it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prismd.store import files, jobs
from prismd.store.check import check
from prismd.store.database import Database
from prismd.watch import Rules, Sweep, Walk, sweep
from tests.building import write_file

FOLDER = "root"
EVERYTHING = [
    "a.txt",
    "keep.log",
    "sub/a.txt",
    "sub/deep/a.txt",
    "sub/deep/keep.log",
    "sub/keep.log",
]


class Watched:
    """A folder and an index over it that reads no file: every job ends at once."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.database = Database(data_dir)
        self.database.write(lambda c: files.add_root(c, str(folder), "config"))
        self.rules = Rules()

    def write(self, name: str, content: str = "x", age: int = 0) -> Path:
        return write_file(self.folder / name, content, age=age)

    def sweep(self) -> Sweep:
        (root,) = self.database.read(files.roots)
        return sweep(self.database, root, self.rules)

    def read_all(self) -> list[str]:
        """Take every job and end it; which files it was about."""
        taken = []
        while job := self.database.write(lambda c: jobs.lease(c, "us")):
            taken.append(job.path.removeprefix(f"{self.folder}/"))
            self.database.write(
                lambda c, id_=job.file_id: files.end_without_document(  # type: ignore[misc]
                    c, id_, "skipped", code="test", message="", sha256=None
                )
            )
        return sorted(taken)

    def pass_(self) -> list[str]:
        self.sweep()
        return self.read_all()

    def names(self) -> list[str]:
        raw = self.database.read(lambda c: files.known(c, 1))
        return sorted(os.fsdecode(path).removeprefix(f"{self.folder}/") for path in raw)

    def ids(self) -> dict[str, int]:
        raw = self.database.read(lambda c: files.known(c, 1))
        return {os.fsdecode(p).removeprefix(f"{self.folder}/"): k.id for p, k in raw.items()}


@pytest.fixture
def watched(tmp_path: Path, data_dir: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / FOLDER, data_dir)
    yield made
    made.database.close()


def counts(found: Sweep) -> tuple[int, int, int, int, int]:
    return found.files, found.added, found.changed, found.moved, found.removed


def test_what_is_new_is_queued_once(watched: Watched) -> None:
    watched.write("a.txt")
    watched.write("deep/er/b.txt")
    assert counts(watched.sweep()) == (2, 2, 0, 0, 0)
    assert counts(watched.sweep()) == (2, 0, 0, 0, 0)
    assert watched.read_all() == ["a.txt", "deep/er/b.txt"]
    assert counts(watched.sweep()) == (2, 0, 0, 0, 0)
    assert watched.read_all() == []


def test_a_change_of_content_time_or_identity_is_a_change(watched: Watched) -> None:
    for name in ("size", "time", "identity", "same"):
        watched.write(name)
    watched.pass_()
    watched.write("size", "xx")
    watched.write("time", age=5)
    other = watched.write("other")
    other.replace(watched.folder / "identity")
    found = watched.sweep()
    assert counts(found) == (4, 0, 3, 0, 0)
    assert watched.read_all() == ["identity", "size", "time"]


def test_what_is_gone_is_forgotten(watched: Watched) -> None:
    watched.write("a/b/c.txt")
    watched.write("a/d.txt")
    watched.write("e.txt")
    watched.pass_()
    shutil.rmtree(watched.folder / "a")
    assert counts(watched.sweep()) == (1, 0, 0, 0, 2)
    assert watched.names() == ["e.txt"]


def test_a_move_reads_nothing_and_keeps_the_file(watched: Watched) -> None:
    for number in range(10):
        watched.write(f"old/{number}.txt", f"text {number}")
    watched.pass_()
    before = watched.ids()
    (watched.folder / "old").rename(watched.folder / "new")
    found = watched.sweep()
    assert counts(found) == (10, 0, 0, 10, 0)
    assert watched.read_all() == []
    assert watched.ids() == {name.replace("old/", "new/"): id_ for name, id_ in before.items()}


def test_files_that_swap_their_names_end_right(watched: Watched) -> None:
    first, second = watched.write("a", "first"), watched.write("b", "second one")
    watched.pass_()
    first.rename(watched.folder / "c")
    second.rename(first)
    (watched.folder / "c").rename(second)
    watched.sweep()
    assert set(watched.read_all()) == {"a", "b"}
    assert counts(watched.sweep()) == (2, 0, 0, 0, 0)


def test_a_move_onto_another_file_ends_right(watched: Watched) -> None:
    source, _ = watched.write("a", "new content"), watched.write("b", "old")
    watched.pass_()
    source.replace(watched.folder / "b")
    watched.sweep()
    assert watched.read_all() == ["b"]
    assert watched.names() == ["b"]


def test_a_move_of_a_file_that_also_changed_is_read(watched: Watched) -> None:
    path = watched.write("a", "x")
    watched.pass_()
    path.rename(watched.folder / "b")
    watched.write("b", "changed", age=9)
    watched.sweep()
    assert watched.read_all() == ["b"]
    assert watched.names() == ["b"]


def test_hard_links_are_files_each(watched: Watched) -> None:
    path = watched.write("a", "x")
    os.link(path, watched.folder / "b")
    assert watched.pass_() == ["a", "b"]
    path.rename(watched.folder / "c")
    watched.pass_()
    assert watched.names() == ["b", "c"]
    shutil.move(watched.folder / "b", watched.folder / "d")
    shutil.move(watched.folder / "c", watched.folder / "e")
    watched.pass_()
    assert watched.names() == ["d", "e"]


def test_a_folder_that_vanishes_is_offline_and_forgets_nothing(watched: Watched) -> None:
    watched.write("a")
    watched.pass_()
    away = watched.folder.with_name("away")
    watched.folder.rename(away)
    assert watched.sweep().offline
    assert watched.names() == ["a"]
    assert watched.database.read(files.roots)[0].state == "offline"
    away.rename(watched.folder)
    found = watched.sweep()
    assert not found.offline
    assert counts(found) == (1, 0, 0, 0, 0)
    assert watched.database.read(files.roots)[0].state == "watching"
    assert watched.read_all() == []


def test_a_folder_that_becomes_a_file_is_offline(watched: Watched) -> None:
    watched.write("a")
    watched.pass_()
    shutil.rmtree(watched.folder)
    watched.folder.write_text("not a folder")
    assert watched.sweep().offline
    assert watched.names() == ["a"]


def too_deep(folder: Path) -> Path:
    """Make a folder whose path is longer than the system can take, so that not even root can
    list it by its path; returns its parent.
    """
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(24):
            Path("d" * 200).mkdir(exist_ok=True)
            os.chdir("d" * 200)
        Path("inside").write_text("x")
    finally:
        os.chdir(before)
    return folder / ("d" * 200)


def test_what_is_in_a_folder_that_cannot_be_read_is_not_forgotten(watched: Watched) -> None:
    watched.write("good/a")
    watched.write("hidden away/b")
    watched.pass_()
    too_deep(watched.folder)
    found = watched.sweep()
    assert len(found.unreadable) == 1
    # A row below it, as from the time when it could be read.
    inside = os.fsencode(found.unreadable[0]) + b"/inside"
    watched.database.write(lambda c: files.add(c, 1, [files.Entry(inside, 1, 1, 1, 1)]))
    shutil.rmtree(watched.folder / "good")
    found = watched.sweep()
    assert found.removed == 1
    assert inside in watched.database.read(lambda c: files.known(c, 1))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_loses_nothing(watched: Watched) -> None:
    watched.write("private/a")
    watched.pass_()
    (watched.folder / "private").chmod(0)
    try:
        assert counts(watched.sweep()) == (0, 0, 0, 0, 0)
        assert watched.names() == ["private/a"]
    finally:
        (watched.folder / "private").chmod(0o700)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), ["a.txt", "b.log", "docs/c.txt", "docs/deep/d.log"]),
        (Rules(exclude=("*.log",)), ["a.txt", "docs/c.txt"]),
        (Rules(exclude=("docs/",)), ["a.txt", "b.log"]),
        (Rules(exclude=("/b.log",)), ["a.txt", "docs/c.txt", "docs/deep/d.log"]),
        (Rules(exclude=("*.log", "!b.log")), ["a.txt", "b.log", "docs/c.txt"]),
        (Rules(exclude=("docs/**/d.log",)), ["a.txt", "b.log", "docs/c.txt"]),
        (Rules(include=("*.txt",)), ["a.txt", "docs/c.txt"]),
        (Rules(include=("docs/deep/",)), ["docs/deep/d.log"]),
        (Rules(include=("*.txt",), exclude=("docs",)), ["a.txt"]),
        (
            Rules(hidden=True),
            [".hidden.txt", ".secret/e.txt", "a.txt", "b.log", "docs/c.txt", "docs/deep/d.log"],
        ),
        (
            Rules(junk=False),
            ["a.txt", "b.log", "docs/c.txt", "docs/deep/d.log", "node_modules/x.js", "~$a.docx"],
        ),
        (Rules(include=(".git/",), hidden=True, junk=False), [".git/config"]),
    ],
)
def test_rules_say_what_is_taken(watched: Watched, rules: Rules, expected: list[str]) -> None:
    for name in (
        "a.txt",
        "b.log",
        "docs/c.txt",
        "docs/deep/d.log",
        ".hidden.txt",
        ".secret/e.txt",
        ".git/config",
        "node_modules/x.js",
        "~$a.docx",
    ):
        watched.write(name)
    watched.rules = rules
    watched.sweep()
    assert watched.names() == expected


def test_what_is_never_taken_is_not_whatever_the_rules_say(watched: Watched) -> None:
    watched.write("data/prism.db")
    watched.write("data2/a.txt")
    watched.rules = Rules(include=("*",), never=(f"{watched.folder}/data",))
    watched.sweep()
    assert watched.names() == ["data2/a.txt"]


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ({"": "*.log"}, ["a.txt", "sub/a.txt", "sub/deep/a.txt"]),
        ({"sub": "*.log"}, ["a.txt", "keep.log", "sub/a.txt", "sub/deep/a.txt"]),
        ({"sub": "/deep"}, ["a.txt", "keep.log", "sub/a.txt", "sub/keep.log"]),
        (
            {"": "*.log\n!keep.log"},
            EVERYTHING,
        ),
        (
            {"": "*.log", "sub": "!keep.log"},
            [
                "a.txt",
                "sub/a.txt",
                "sub/deep/a.txt",
                "sub/deep/keep.log",
                "sub/keep.log",
            ],
        ),
        (
            {"": "*.log", "sub": "!keep.log", "sub/deep": "*"},
            ["a.txt", "sub/a.txt", "sub/keep.log"],
        ),
        ({"": "# a comment\n\n"}, EVERYTHING),
        ({"": "\udcff\n[\n***\n!"}, EVERYTHING),
    ],
)
def test_ignore_files_count_below_where_they_stand(
    watched: Watched, ignore: dict[str, str], expected: list[str]
) -> None:
    for folder in ("", "sub/", "sub/deep/"):
        for name in ("a.txt", "keep.log"):
            watched.write(folder + name)
    for folder, lines in ignore.items():
        path = watched.folder / folder / ".prismignore"
        path.write_bytes(lines.encode("utf-8", "surrogateescape"))
    watched.sweep()
    assert watched.names() == expected


def test_what_comes_to_be_excluded_is_forgotten(watched: Watched) -> None:
    watched.write("a.log")
    watched.pass_()
    watched.write(".prismignore", "*.log")
    assert watched.sweep().removed == 1
    assert watched.names() == []


def test_links_are_not_followed_and_loops_are_harmless(watched: Watched, tmp_path: Path) -> None:
    outside = write_file(tmp_path / "outside" / "secret.txt", "secret")
    watched.write("a.txt")
    (watched.folder / "loop").symlink_to(watched.folder)
    (watched.folder / "out").symlink_to(outside.parent)
    (watched.folder / "file").symlink_to(outside)
    (watched.folder / "broken").symlink_to("nowhere")
    (watched.folder / "itself").symlink_to("itself")
    watched.sweep()
    assert watched.names() == ["a.txt"]


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket may be only so long
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize("make", [fifo, listening])
@pytest.mark.parametrize("name", ["special", ".prismignore"])
def test_what_is_no_regular_file_is_never_opened(
    watched: Watched, make: Callable[[Path], None], name: str
) -> None:
    watched.write("a.txt")
    make(watched.folder / name)
    sweeping = threading.Thread(target=watched.sweep, daemon=True)
    sweeping.start()
    sweeping.join(20)
    stuck = sweeping.is_alive()
    if stuck:  # it waits for someone to write into the pipe
        os.close(os.open(watched.folder / name, os.O_WRONLY | os.O_NONBLOCK))
        sweeping.join()
    assert not stuck
    assert watched.names() == ["a.txt"]


def test_an_ignore_file_that_is_a_link_to_elsewhere_is_not_read(
    watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").write_text("*")
    watched.write("a.txt")
    (watched.folder / ".prismignore").symlink_to(tmp_path / "elsewhere")
    watched.sweep()
    assert watched.names() == ["a.txt"]


@pytest.mark.parametrize(
    "name",
    [
        b"caf\xe9.txt",
        b"\xff\xfe\xfd",
        b"n" * 255,
        ("ä" * 127 + "x").encode(),
        b"new\nline.txt",
        b"tab\tand\x01control",
        b" leading and trailing ",
        b"-rf",
        b"'; DROP TABLE files; --",
        b"%s %n {} $HOME `id`",
        "\u202egnp.exe".encode(),
        "日本語.txt".encode(),
        b"a\\b",
        b"*?[x]",
    ],
    ids=ascii,
)
def test_any_name_is_kept_as_it_is(watched: Watched, name: bytes) -> None:
    path = os.fsencode(watched.folder) + b"/" + name
    Path(os.fsdecode(path)).write_bytes(b"x")
    watched.sweep()
    assert list(watched.database.read(lambda c: files.known(c, 1))) == [path]
    assert len(watched.read_all()) == 1
    assert counts(watched.sweep()) == (1, 0, 0, 0, 0)
    Path(os.fsdecode(path)).rename(os.fsdecode(path[:-1] + b"_"))
    assert watched.sweep().moved == 1
    assert check(watched.database, repair=False) == []


def test_a_file_that_takes_a_folders_place_and_back(watched: Watched) -> None:
    watched.write("x/a.txt")
    watched.pass_()
    shutil.rmtree(watched.folder / "x")
    watched.write("x")
    assert watched.pass_() == ["x"]
    assert watched.names() == ["x"]
    (watched.folder / "x").unlink()
    watched.write("x/a.txt")
    assert watched.pass_() == ["x/a.txt"]
    assert watched.names() == ["x/a.txt"]


def test_a_root_that_is_a_file_systems_root_or_ends_in_a_slash(tmp_path: Path) -> None:
    write_file(tmp_path / "a.txt", "x")
    entries = list(Walk(str(tmp_path), Rules()).entries())
    assert [entry.path for entry in entries] == [os.fsencode(tmp_path / "a.txt")]


def test_a_file_that_moves_between_folders_is_one_file_in_the_end(
    watched: Watched, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    watched.database.write(lambda c: files.add_root(c, str(other), "config"))
    path = watched.write("a", "x")
    roots = {root.path: root for root in watched.database.read(files.roots)}
    for root in roots.values():
        sweep(watched.database, root, Rules())
    path.rename(other / "a")
    for root in roots.values():
        sweep(watched.database, root, Rules())
    for root in roots.values():
        sweep(watched.database, root, Rules())
    paths = watched.database.read(lambda c: c.execute("SELECT path FROM files").fetchall())
    assert paths == [(str(other / "a"),)]
