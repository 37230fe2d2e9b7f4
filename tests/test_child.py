"""Children are real processes here; their modules are written into a temporary folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from prismd.child import Child, ChildDied, ChildTimeout

ECHO = """
with channel() as parent:
    for request in parent.requests(object):
        parent.send(request)
"""


def start(tmp_path: Path, body: str, *, memory_bytes: int | None = None) -> Child:
    source = "from prismd.child import channel\n" + textwrap.dedent(body)
    (tmp_path / "childcode.py").write_text(source, encoding="utf-8")
    search = os.pathsep.join(p for p in (str(tmp_path), os.environ.get("PYTHONPATH")) if p)
    return Child("childcode", memory_bytes=memory_bytes, env={"PYTHONPATH": search}, name="echo")


def is_running(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_gone(pid: int) -> bool:
    waiter = threading.Event()
    return any(not is_running(pid) or waiter.wait(0.05) for _ in range(200))


def test_frames_come_back_as_sent_whatever_their_size(tmp_path: Path) -> None:
    with start(tmp_path, ECHO) as child:
        for value in ({"a": [1, 2.5, None]}, b"\x00" * 3_000_000, "", "ü" * 100_000):
            sender = threading.Thread(target=child.send, args=(value,))
            sender.start()
            assert child.receive(object, 30) == value
            sender.join()


def test_stray_output_does_not_corrupt_frames_and_ends_up_in_the_error(tmp_path: Path) -> None:
    body = """
    import os
    print("printed before the channel", flush=True)
    with channel() as parent:
        os.write(1, b"printed by native code")
        parent.send("frame")
        raise SystemExit(3)
    """
    with start(tmp_path, body) as child:
        assert child.receive(str, 30) == "frame"
        with pytest.raises(ChildDied) as died:
            child.receive(str, 30)
    assert died.value.exit_code == 3
    assert "printed before the channel" in died.value.stderr
    assert "printed by native code" in died.value.stderr


def test_the_tail_of_a_long_error_output_is_kept(tmp_path: Path) -> None:
    body = """
    import sys
    with channel() as parent:
        sys.stderr.write("x" * 1_000_000 + "the end")
        raise SystemExit(1)
    """
    with start(tmp_path, body) as child, pytest.raises(ChildDied) as died:
        child.receive(str, 30)
    assert died.value.stderr.endswith("the end")
    assert len(died.value.stderr) <= 8192


def test_a_crash_names_its_signal(tmp_path: Path) -> None:
    body = """
    import os, signal
    with channel() as parent:
        parent.receive(str)
        os.kill(os.getpid(), signal.SIGSEGV)
    """
    with start(tmp_path, body) as child:
        child.send("go")
        with pytest.raises(ChildDied) as died:
            child.receive(str, 30)
        assert died.value.signal_name == "SIGSEGV"
        assert not child.alive
        with pytest.raises(ChildDied):
            child.send("again")


def test_a_child_that_hangs_times_out_and_can_be_killed(tmp_path: Path) -> None:
    body = """
    import signal, threading
    with channel() as parent:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        parent.send("ready")
        threading.Event().wait()
    """
    child = start(tmp_path, body)
    assert child.receive(str, 30) == "ready"
    with pytest.raises(ChildTimeout):
        child.receive(str, 0.05)
    child.kill()
    assert not child.alive
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_killing_takes_the_whole_group(tmp_path: Path) -> None:
    body = """
    import subprocess, sys, threading
    with channel() as parent:
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        parent.send(other.pid)
        threading.Event().wait()
    """
    child = start(tmp_path, body)
    grandchild = child.receive(int, 30)
    assert is_running(grandchild)
    child.kill()
    assert wait_gone(grandchild)


def test_a_kill_from_another_thread_wakes_the_receiver(tmp_path: Path) -> None:
    child = start(tmp_path, ECHO)
    threading.Timer(0.05, child.kill).start()
    with pytest.raises(ChildDied) as died:
        child.receive(str)
    assert died.value.signal_name == "SIGKILL"


def test_a_stream_can_be_cancelled_while_it_runs(tmp_path: Path) -> None:
    body = """
    with channel() as parent:
        for request in parent.requests(str):
            n = 0
            while parent.poll(str) != "stop":
                parent.send(n)
                n += 1
            parent.send("stopped")
    """
    with start(tmp_path, body) as child:
        child.send("go")
        assert [child.receive(int, 30) for _ in range(5)] == [0, 1, 2, 3, 4]
        child.send("stop")
        while (frame := child.receive(object, 30)) != "stopped":
            assert isinstance(frame, int)
        child.send("go")
        assert child.receive(int, 30) == 0


def test_closing_lets_the_child_finish(tmp_path: Path) -> None:
    body = f"""
    with channel() as parent:
        parent.send("ready")
        for request in parent.requests(object):
            pass
    open({str(tmp_path / "finished")!r}, "w").close()
    """
    child = start(tmp_path, body)
    child.receive(str, 30)
    child.close(grace_s=30)
    assert (tmp_path / "finished").exists()
    assert not child.alive


def test_memory_beyond_the_cap_fails_in_the_child(tmp_path: Path) -> None:
    body = """
    with channel() as parent:
        try:
            data = bytearray(4 << 30)
            parent.send("got it")
        except MemoryError:
            parent.send("refused")
    """
    with start(tmp_path, body, memory_bytes=1 << 30) as child:
        if sys.platform == "linux":
            assert child.receive(str, 30) == "refused"
        else:
            with pytest.raises(ChildDied):
                child.receive(bytes, 30)


def test_what_is_not_a_frame_of_the_type_ends_the_child(tmp_path: Path) -> None:
    with start(tmp_path, ECHO) as child:
        child.send({"not": "an integer"})
        with pytest.raises(ChildDied, match="unreadable"):
            child.receive(int, 30)
        assert not child.alive


def test_a_module_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with Child("prismd.no_such_module", name="nobody") as child:
        with pytest.raises(ChildDied) as died:
            child.receive(str, 30)
        assert "no_such_module" in died.value.stderr


def test_the_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(start(tmp_path, ECHO)))
    thread.start()
    thread.join()
    with children[0] as child:
        child.send(1)
        assert child.receive(int, 30) == 1


@pytest.mark.parametrize("busy", ["threading.Event().wait()", "while True: pass"])
def test_the_child_does_not_outlive_its_parent(tmp_path: Path, busy: str) -> None:
    (tmp_path / "childcode.py").write_text(
        "import threading\nfrom prismd.child import channel\n"
        f"with channel() as parent:\n    parent.send('ready')\n    {busy}\n",
        encoding="utf-8",
    )
    parent_code = (
        "import threading\nfrom prismd.child import Child\n"
        "child = Child('childcode')\nchild.receive(str, 30)\n"
        "print(child.pid, flush=True)\nthreading.Event().wait()\n"
    )
    search = os.pathsep.join(p for p in (str(tmp_path), os.environ.get("PYTHONPATH")) if p)
    with subprocess.Popen(
        [sys.executable, "-c", parent_code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.send_signal(signal.SIGKILL)
    assert wait_gone(pid)
