"""prismd writes nothing outside its own directories, and changes none of the files it reads."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.cli.harness import Place

REAL_MODELS = {
    "EMBEDDING": "bge-small-en-v1.5",
    "RERANKING": "ms-marco-MiniLM-L-12-v2",
    "GENERATION": "qwen2.5-coder-0.5b-instruct",
    "IMAGE": "clip",
    "SPEECH": "whisper",
}


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything in a folder, with size and time of modification."""
    found = {}
    for path in folder.rglob("*"):
        seen = path.lstat()
        found[str(path.relative_to(folder))] = (seen.st_size, seen.st_mtime_ns)
    return found


def outside(place: Place, own: Path) -> dict[str, tuple[int, int]]:
    """What is there but for prismd's own directory, and those that it is in."""
    around = {own.relative_to(place.root), *own.relative_to(place.root).parents}
    kept = tree(place.root)
    return {
        name: seen
        for name, seen in kept.items()
        if not (place.root / name).is_relative_to(own)
        and Path(name) not in around
        # The test's own, and a folder whose time of modification changes with what is made in it.
        and name not in ("daemon.log", "home")
    }


def look(place: Place, environment: dict[str, str]) -> None:
    """Have the doctor look, who may find something or not."""
    said = "".join(place.start("doctor", env=environment).communicate(timeout=120))
    assert "Daemon\n" in said
    assert "Traceback" not in said


def lives(place: Place, environment: dict[str, str]) -> None:
    """Begin with nothing, read a folder, answer, look, and end."""
    look(place, environment)
    with place.daemon(env=environment) as daemon:
        daemon.await_idle()
        assert daemon.finds("walrus")
        assert daemon.client.post("/upload", files={"file": b"An uploaded walrus."}).is_success
        for command in ("ask walrus", "status", "files", "errors", "config show", "token"):
            place.run(*command.split(), env=environment)
        look(place, environment)
    for command in ("search walrus", "check", "models list"):
        place.run(*command.split(), env=environment)
    look(place, environment)


def test_a_life_in_an_empty_home_leaves_the_data_directory_alone(place: Place) -> None:
    place.write_sample()
    place.write("walrus.md", "# Oysters\n\nThe walrus and the carpenter.")
    temporary = place.root / "temporary"
    temporary.mkdir()
    own = place.root / "home" / ".local" / "share" / "prismd"
    place.data_dir = own
    if os.uname().sysname == "Darwin":
        own = place.data_dir = place.root / "home" / "Library" / "Application Support" / "prismd"
    before = outside(place, own)
    lives(place, {"TMPDIR": str(temporary), "PRISMD_DATA_DIR": ""})
    assert outside(place, own) == before
    assert list(temporary.iterdir()) == []
    assert {path.stat().st_mode & 0o077 for path in own.rglob("*")} == {0}
    assert list((own / "slots").glob("prismd-*")) == []


def test_the_places_of_the_desktop_are_kept_to(place: Place) -> None:
    place.write("walrus.txt", "The walrus.")
    own = place.root / "xdg" / "prismd"
    place.data_dir = own
    names = ("DATA", "CONFIG", "CACHE", "STATE", "RUNTIME")
    folders = {name: place.root / ("xdg" if name == "DATA" else name) for name in names}
    environment = {
        **{f"XDG_{n}_{'DIR' if n == 'RUNTIME' else 'HOME'}": str(p) for n, p in folders.items()},
        "PRISMD_DATA_DIR": "",
    }
    if os.uname().sysname == "Darwin":
        own = place.data_dir = place.root / "home" / "Library" / "Application Support" / "prismd"
    before = outside(place, own)
    lives(place, environment)
    assert outside(place, own) == before


def test_nothing_is_fetched_unasked(place: Place) -> None:
    """Whoever fetched something would go by the proxy, or ask these addresses."""
    place.write("walrus.txt", "The walrus.")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        environment = {
            **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HF_ENDPOINT"), address),
            "PIP_INDEX_URL": address,
            "PRISMD_MODELS_DIR": str(place.root / "models"),
            **{f"PRISMD_MODELS_{role}": name for role, name in REAL_MODELS.items()},
        }
        lives(place, environment)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not (place.root / "models").exists()
