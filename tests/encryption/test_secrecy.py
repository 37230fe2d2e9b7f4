from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.encryption import secrecy
from prismd.errors import StoreError
from prismd.paths import aside, own_folder

BEGUN = """
import os, resource, subprocess, sys, tempfile
from pathlib import Path
from prismd.encryption import secrecy
before = os.environ.get("TMPDIR")
_, most = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
folder = secrecy.begin(Path(sys.argv[1]))
assert secrecy.begin(Path(sys.argv[1])) == folder
assert secrecy.in_use(Path(sys.argv[1])) == [folder]
assert secrecy.in_use(Path(sys.argv[1]), by_others=True) == []
assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
if sys.platform == "linux":
    kept = subprocess.check_output(["cat", "/proc/self/coredump_filter"], text=True)
    assert int(kept, 16) == 0, kept
assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(folder)
assert folder.stat().st_mode & 0o077 == 0
Path(tempfile.mkdtemp(), "letter").touch()
tempfile.mkstemp()
secrecy.end(folder)
assert folder.exists()
assert tempfile.gettempdir() == str(folder)
secrecy.end(folder)
assert not folder.exists()
assert os.environ.get("TMPDIR") == before
assert Path(tempfile.gettempdir()).is_dir()
assert secrecy.in_use(Path(sys.argv[1])) == []
print(folder)
"""

HOLDING = """
import sys
from pathlib import Path
from prismd.encryption import secrecy
folder = secrecy.begin(Path(sys.argv[1]))
print(folder, flush=True)
sys.stdin.readline()
secrecy.end(folder)
print("ended", flush=True)
"""

AGAIN_AND_AGAIN = """
import sys
from pathlib import Path
from prismd.encryption import secrecy
for number in range(100):
    folder = secrecy.begin(Path(sys.argv[1]))
    held = folder / "letter"
    held.touch()
    assert held.exists()
    secrecy.end(folder)
    assert not folder.exists()
"""

SEVERAL = """
import os, sys, tempfile
from pathlib import Path
from prismd.encryption import secrecy
one, other = (secrecy.begin(Path(sys.argv[1], name)) for name in ("one", "other"))
assert one.parent == other.parent
assert one != other
secrecy.end(one)
assert not one.exists()
assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(other)
secrecy.end(other)
assert os.environ["TMPDIR"] == tempfile.gettempdir() == sys.argv[1]
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="folders in memory are Linux's")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory, with nothing in it."""
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder of this test's own in memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    return {**kept, **more}


def run(program: str, data_dir: Path, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(data_dir)],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def holding(data_dir: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has begun, and ends in order when it is told to; and its folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(data_dir)],
        env=environment(**more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def ended(process: subprocess.Popen[str]) -> None:
    out, _ = process.communicate("\n")
    assert out == "ended\n"


@linux
def test_what_is_put_aside_lies_in_memory_and_goes_and_crashes_leave_no_image(data: Path) -> None:
    folder = Path(run(BEGUN, data))
    assert aside.place_of(folder).in_memory
    assert list((data / "slots").iterdir()) == []


@linux
def test_a_folder_in_memory_that_the_user_names_is_taken(
    data: Path, memory: Path, tmp_path: Path
) -> None:
    assert Path(run(BEGUN, data, TMPDIR=str(memory))).parent == memory
    assert Path(run(BEGUN, data, XDG_RUNTIME_DIR=str(memory))).parent == memory
    on_disk = run(BEGUN, data, TMPDIR=str(tmp_path), XDG_RUNTIME_DIR=str(memory))
    assert Path(on_disk).parent in (memory, tmp_path)  # the latter where /tmp is a tmpfs
    assert list(memory.iterdir()) == []


@linux
def test_processes_of_one_index_have_folders_of_their_own(data: Path) -> None:
    with holding(data) as (one, of_one), holding(data) as (other, of_other):
        assert of_one != of_other
        assert set(secrecy.in_use(data)) == {of_one, of_other}
        ended(other)
        assert of_one.exists()
        assert not of_other.exists()
        ended(one)
    assert not of_one.exists()


@linux
@pytest.mark.parametrize("noted", [True, False], ids=["noted", "not noted"])
def test_what_a_killed_process_left_is_removed_by_the_next_wherever_it_lies(
    data: Path, memory: Path, noted: bool
) -> None:
    with holding(data, TMPDIR=str(memory)) as (killed, left):
        (left / "letter").touch()
        killed.kill()
    assert (left / "letter").exists()
    if noted:
        run(BEGUN, data)
        assert list((data / "slots").iterdir()) == []
    else:
        (data / "slots" / left.name).unlink()
        run(BEGUN, data, XDG_RUNTIME_DIR=str(memory))
    assert list(memory.iterdir()) == []


@linux
def test_notes_of_folders_that_are_gone_or_not_prismds_own_do_no_harm(
    data: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (data / "slots").mkdir()
    (data / "slots" / "prismd-aside-lost").symlink_to("/dev/shm/prismd-aside-lost")
    (data / "slots" / "prismd-aside-strange").symlink_to(kept)
    run(BEGUN.replace("== [folder]", "!= []").replace("== []", f"== [Path({str(kept)!r})]"), data)
    assert kept.exists()
    assert not os.path.lexists(data / "slots" / "prismd-aside-lost")


@linux
def test_nobody_loses_it_who_begins_while_another_ends(data: Path) -> None:
    command = [sys.executable, "-c", AGAIN_AND_AGAIN, str(data)]
    processes = [subprocess.Popen(command, env=environment()) for _ in range(3)]
    assert [process.wait() for process in processes] == [0] * 3
    assert secrecy.in_use(data) == []


def test_the_folders_of_several_indexes_come_and_go_in_any_order(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    run(SEVERAL, tmp_path, TMPDIR=str(tmp_path))


@linux
def test_what_others_have_prepared_is_in_nobodys_way(data: Path, memory: Path) -> None:
    prepared = memory / "prismd-aside-0"
    prepared.mkdir()
    if os.geteuid() == 0:
        os.chown(prepared, 12345, 12345)
    (memory / "prismd-aside-1").symlink_to("/")
    assert Path(run(BEGUN, data, TMPDIR=str(memory))).parent == memory


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as it was: for what cannot be tried in another one."""
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())
    before = resource.getrlimit(resource.RLIMIT_CORE)
    image = Path("/proc/self/coredump_filter")
    kept = image.read_text() if image.exists() else None
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)
    if kept is not None:
        image.write_text(f"0x{kept}")


@pytest.fixture
def diskbound(restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system that has no folders in memory."""
    monkeypatch.setattr(aside, "in_memory", lambda folders: iter(()))


@pytest.mark.usefixtures("diskbound")
def test_without_a_folder_in_memory_it_is_a_private_one_and_that_is_said(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = secrecy.begin(data)
    assert folder.parent.parent == data
    for private in (folder, folder.parent):
        assert private.stat().st_mode & 0o077 == 0
    assert secrecy.begin(data, tells=False) == folder
    assert secrecy.in_use(data) == [folder]
    secrecy.end(folder)
    secrecy.end(folder)
    assert list((data / "slots").iterdir()) == []
    assert os.environ["TMPDIR"] == str(tmp_path)
    assert caplog.text.count("private files on the disk") == 1


@linux
@pytest.mark.usefixtures("restored")
def test_a_folder_that_is_smaller_than_an_upload_may_be_is_told(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secrecy.end(secrecy.begin(data, 1 << 60, tells=False))
    assert caplog.text == ""
    secrecy.end(secrecy.begin(data, 1 << 60))
    assert "an upload may have 1152921504.6 GB" in caplog.text
    assert "TMPDIR" in caplog.text


@pytest.mark.usefixtures("diskbound")
def test_on_the_disk_too_what_a_killed_process_left_is_removed_by_the_next(data: Path) -> None:
    (data / "slots").mkdir()
    own_folder.make(data / "slots", "prismd-aside-").give_up()
    folder = secrecy.begin(data, tells=False)
    assert list((data / "slots").iterdir()) == [folder]
    secrecy.end(folder)


@pytest.mark.usefixtures("diskbound")
def test_where_no_folder_can_be_made_that_is_told(data: Path) -> None:
    (data / "slots").touch()
    with pytest.raises(StoreError, match=r"slots: what is read .* cannot be put aside there"):
        secrecy.begin(data, tells=False)
