"""Links, pipes, sockets, and names of every kind."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from prismd.store import files
from prismd.store.check import check
from tests.building import write_file
from tests.watch.watched import Watched, counts


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
    sweeping.join(120)
    stuck = sweeping.is_alive()
    if stuck:  # it waits for someone to write into the pipe
        os.close(os.open(watched.folder / name, os.O_WRONLY | os.O_NONBLOCK))
        sweeping.join()
    assert not stuck
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
