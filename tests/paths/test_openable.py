"""Bytes that another process opens by a path, and that nothing of them is left behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prismd.paths.openable import Openable
from tests.building import wait_until

SECRET = b"The quokka keeps the key under the third stone."
_HOLD = """
import sys, time
from prismd.paths.openable import Openable
made = Openable(in_memory=sys.argv[1] == "memory")
made.write(sys.stdin.buffer.read())
print(made.path, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("in_memory", [True, False])
def test_another_process_reads_what_was_written(in_memory: bool) -> None:
    with Openable(in_memory=in_memory) as made:
        made.write(SECRET)
        made.write(b" Indeed.")
        assert made.size_bytes == len(SECRET) + 8
        read = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
        other = subprocess.run(
            [sys.executable, "-c", read, str(made.path)], capture_output=True, check=True
        )
        assert other.stdout == SECRET + b" Indeed."
    made.close()
    assert not made.path.exists()


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_taken_in_part_only_is_no_whole(in_memory: bool) -> None:
    """As where there is room for a part: the system says so of the next byte alone."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Openable(in_memory=in_memory) as made:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(SECRET) - 5, before[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                made.write(SECRET)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert made.path.read_bytes() == SECRET[:-5]


def test_it_is_called_as_it_is_told_to_be() -> None:
    with Openable("Report.pdf") as made:
        assert (made.path.name, made.path.suffix) == ("Report.pdf", ".pdf")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it needs a name")
@pytest.mark.parametrize("where", ["memory", "disk"])
def test_nothing_is_left_of_a_process_that_is_killed(where: str, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child, child.stdin as given, child.stdout as said:
        try:
            given.write(SECRET)
            given.close()
            path = Path(said.readline().decode().strip())
            assert path.read_bytes() == SECRET
            assert list(tmp_path.iterdir()) == []
        finally:
            child.send_signal(signal.SIGKILL)
    wait_until(lambda: not path.exists())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("in_memory", [True, False])
def test_elsewhere_it_is_a_private_file_that_goes(
    in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    folder = tmp_path / "held"
    with Openable("a.txt", in_memory=in_memory, folder=folder) as made:
        made.write(SECRET)
        (file,) = folder.iterdir()
        assert file.read_bytes() == made.path.read_bytes() == SECRET
        assert file.stat().st_mode & 0o077 == folder.stat().st_mode & 0o077 == 0
    assert list(folder.iterdir()) == []
