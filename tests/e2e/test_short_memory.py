"""An encrypted index whose folder in memory is full: that is said, and no file is at fault."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from prismd.encryption import secrecy
from tests.building import recording
from tests.cli.harness import CONFIG, Daemon, Place
from tests.e2e.disks import free_bytes, in_namespace, mount

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_ROOM_BYTES = 2 << 20
_UPLOAD_BYTES = 1 << 20
_FREE_BYTES = 1 << 16


def test_a_full_folder_in_memory_is_told_and_keeps_no_file_from_being_read(tmp_path: Path) -> None:
    in_namespace(full_folder_in_memory, tmp_path)


def hear(daemon: Daemon) -> httpx.Response:
    sound = recording((0.0, 2.0, "One walrus."))
    assert _FREE_BYTES < len(sound) < _UPLOAD_BYTES
    return daemon.client.post(
        "/v1/audio/transcriptions", files={"file": ("a.wav", sound)}, data={"model": "fake"}
    )


def full_folder_in_memory(folder: Path) -> None:
    place = Place(folder)
    place.config.write_text(
        CONFIG.replace('speech = "off"', 'speech = "fake"')
        + f"""
[server]
max_upload_bytes = {_UPLOAD_BYTES}

[storage]
encryption = true
key = "file"
key_file = "{folder}/stick/prism.key"
"""
    )
    (folder / "stick").mkdir()
    memory = folder / "memory"
    memory.mkdir(mode=0o700)
    mount(memory, "-o", f"size={_ROOM_BYTES}")
    place.write("a.txt", "The walrus sleeps on the ice, and nobody knows why it snores. " * 9)
    env = {"TMPDIR": str(memory)}
    with place.daemon(env=env) as daemon:
        (used,) = secrecy.in_use(place.data_dir)
        assert used.parent == memory
        filler = memory / "filler"
        filler.write_bytes(bytes(free_bytes(memory) - _FREE_BYTES))
        daemon.await_idle()
        assert daemon.finds("walrus") == ["a.txt"]
        refused = hear(daemon)
        assert refused.status_code == 503, refused.text
        error = refused.json()["error"]
        assert error["code"] == "memory_full"
        assert f"{memory} is full: 2 MB of memory" in error["message"]
        assert "set TMPDIR to a folder of a larger tmpfs" in error["message"]
        told = {verdict["what"]: verdict for verdict in place.json("doctor")}["memory folder"]
        assert told["level"] == "note"
        assert told["detail"].startswith(f"{memory}, ")
        filler.unlink()
        assert hear(daemon).json()["text"]
        assert daemon.stop() == 0
    assert list(memory.iterdir()) == []
