"""Where prismd keeps its data: whether it is there, private, writable, and fit for SQLite."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from prismd.access import FILE_NAME as TOKEN
from prismd.cli.doctor.system import in_shell
from prismd.cli.doctor.verdict import Verdict, note, ok, problem
from prismd.config.options import Config
from prismd.store.database import FILE_NAME as INDEX
from prismd.watch.mounts import mounts

_DIRECTORY = "data directory"
_LOW_DISK_BYTES = 2_000_000_000
_PROBE_BYTES = 4096
_OTHERS = 0o077
_SKEW_S = 2.0
_ANOTHER = "name another with --data-dir, or data_dir in the configuration"


def existing(path: Path) -> Path:
    """The path, or the nearest above it that is there."""
    return next(above for above in (path, *path.parents) if above.exists())


def look_at_directory(path: Path, log: Path | None = None) -> Iterator[Verdict]:
    """See whether the data directory can serve; a file without a name is made, and gone again.

    Args:
        path: The data directory.
        log: The file that the log goes to, if it goes to one.
    """
    there = existing(path)
    if not there.is_dir():
        yield problem(_DIRECTORY, f"{path}: {there} is a file, and no folder", _ANOTHER)
    elif not os.access(there, os.W_OK | os.X_OK):
        cause, remedy = _why_closed(there)
        yield problem(_DIRECTORY, f"{path}: {cause}", remedy)
    elif there != path:
        yield ok(_DIRECTORY, f"{path} (made at the first start)")
    else:
        yield from _look_into(path, log)
    if log is not None:
        yield from _look_at_log(log)
    yield from judge_mount(path, silent=mounts().is_silent(os.fsencode(os.path.realpath(there))))


def judge_mount(path: Path, *, silent: bool) -> Iterator[Verdict]:
    """What is to be said of the disk that the index is on. Pure.

    Args:
        path: The data directory.
        silent: Whether it belongs to another computer, or may.
    """
    if silent:
        detail = f"{path} is on a network disk, where SQLite may lose what two programs write"
        yield problem("disk of the index", detail, f"{_ANOTHER}: one on a disk of this computer")


def _look_at_log(file: Path) -> Iterator[Verdict]:
    """See whether the log can be written, without which prismd does not start."""
    there = existing(file)
    if there == file:
        fits = file.is_file() and os.access(file, os.W_OK)
    else:
        fits = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    if not fits:
        remedy = "name another file under [log], or none"
        yield problem("log", f"{file}: cannot be written at {there}", remedy)


def _why_closed(folder: Path) -> tuple[str, str]:
    """Why a folder cannot be written, and what helps."""
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return judge_fault("", OSError(errno.EROFS, ""))
    return "cannot be written", f"allow yourself to write to {folder}, or {_ANOTHER}"


def _look_into(path: Path, log: Path | None) -> Iterator[Verdict]:
    found = path.stat()
    if found.st_uid != os.geteuid():
        remedy = f"sudo chown -R {os.geteuid()} {in_shell(path)}"
        yield problem(_DIRECTORY, f"{path}: belongs to another user", remedy)
    elif found.st_mode & _OTHERS:
        yield problem(_DIRECTORY, f"{path}: others can look into it", f"chmod 700 {in_shell(path)}")
    elif (fault := probe(path)) is not None:
        yield problem(_DIRECTORY, f"{path}: {fault[0]}", fault[1])
    else:
        yield ok(_DIRECTORY, str(path))
    yield from look_at_files(path, log)


def probe(folder: Path) -> tuple[str, str] | None:
    """Do to a file what SQLite does: write it through, lock it, and map it.

    The file has no name, or loses it at once.

    Returns:
        What fails, and what helps; None where nothing does.
    """
    step = "cannot be written"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
            step = "its disk knows no locks"
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            step = "its disk lets no files be shared in memory, which SQLite needs"
            mmap.mmap(file.fileno(), _PROBE_BYTES).close()
    except OSError as error:
        return judge_fault(step, error)
    return None


def judge_fault(step: str, error: OSError) -> tuple[str, str]:
    """What a failed step of ``probe`` means, and what helps. Pure."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "its disk is full", f"free some space, or {_ANOTHER}"
    if error.errno == errno.EROFS:
        return "its disk is read-only", "make it writable again (the system's log may say why)"
    return f"{step} ({error.strerror})", _ANOTHER


def look_at_files(folder: Path, log: Path | None) -> Iterator[Verdict]:
    """See whether nobody else can read what prismd keeps, and writes down."""
    for name in (INDEX, TOKEN):
        path = folder / name
        if path.exists() and not path.is_file():
            away = f"move it away: mv {in_shell(path)} {in_shell(path)}.away"
            yield problem(name, f"{path}: is no file", away)
    kept = [*sorted(folder.iterdir()), *([log] if log is not None and log.exists() else [])]
    for path in kept:
        if path.is_file() and path.stat().st_mode & _OTHERS:
            what = "token" if path.name == TOKEN else "files"
            yield problem(what, f"{path}: others can read it", f"chmod 600 {in_shell(path)}")
    yield from _look_at_token(folder / TOKEN)


def _look_at_token(path: Path) -> Iterator[Verdict]:
    if not path.is_file():
        return
    anew = f"delete it, and a new one is made at the next start: rm {in_shell(path)}"
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        yield problem("token", f"{path}: cannot be read ({error.strerror})", anew)
        return
    except UnicodeDecodeError:
        yield problem("token", f"{path}: holds no token", anew)
        return
    if not token:
        yield problem("token", f"{path}: is empty", anew)


def look_at_disk(config: Config, needed_bytes: int) -> Iterator[Verdict]:
    """See whether there is room for the index.

    Args:
        config: The settings.
        needed_bytes: What is still to come, by a rough reckoning.
    """
    there = existing(config.data_dir)
    yield judge_room(there, shutil.disk_usage(there).free, needed_bytes)


def judge_room(where: Path, free_bytes: int, needed_bytes: int) -> Verdict:
    """What is to be said of the room on a disk. Pure."""
    detail = f"{free_bytes / 1e9:.1f} GB free at {where}"
    remedy = "free some space, or set data_dir to another disk"
    if needed_bytes > free_bytes:
        wanted = f"about {needed_bytes / 1e9:.1f} GB are needed for what is still to be read"
        return problem("disk space", f"{detail}; {wanted}", remedy)
    return (
        note("disk space", detail, remedy)
        if free_bytes < _LOW_DISK_BYTES
        else ok("disk space", detail)
    )


def look_at_clock(config: Config, program: Path) -> Iterator[Verdict]:
    """See whether the clock can be right, and whether the disk goes by the same."""
    now_s = time.time()
    yield judge_clock(now_s, program.stat().st_mtime, _skew_s(config.data_dir))


def _skew_s(folder: Path) -> float:
    """How far the disk's clock is ahead of the computer's; 0 where that cannot be seen."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            before_s = time.time()
            file.write(b"\0")
            file.flush()
            written_s, after_s = os.fstat(file.fileno()).st_mtime, time.time()
    except OSError:
        return 0.0
    return written_s - min(max(written_s, before_s), after_s)


def judge_clock(now_s: float, built_s: float, skew_s: float) -> Verdict:
    """What is to be said of the clock. Pure.

    Args:
        now_s: What it says.
        built_s: When prismd was installed, which cannot have been later.
        skew_s: How far the data directory's disk is ahead of it.
    """
    zone = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(now_s))
    if now_s < built_s:
        remedy = "set it (sudo timedatectl set-ntp true), or new files are taken for old ones"
        return problem("clock", f"{zone}, which is before prismd was installed", remedy)
    if abs(skew_s) > _SKEW_S:
        remedy = "let both go by the same time, or changes may be seen late"
        return note("clock", f"{zone}; the disk's is {skew_s:+.0f} s off", remedy)
    return ok("clock", zone)
