"""The watched folders: whether they are there, can be read, and can be watched."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from prismd.cli.doctor.system import in_shell
from prismd.cli.doctor.verdict import Verdict, note, ok, problem
from prismd.config.options import Config
from prismd.daemon.parameters import rules
from prismd.paths.real_path import as_it_stands, gives_out, is_folder, real_path
from prismd.store.files import Root
from prismd.watch.inotify import SHARE, raised_limit, system_limit
from prismd.watch.mounts import mounts
from prismd.watch.rules import Patterns
from prismd.wording import counted

_WHAT = "folder"
_COUNT_S = 5.0
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
_SPARE_INSTANCES = 8
_PRIVACY = (
    "System Settings > Privacy & Security > Full Disk Access: switch it on for the program that"
    " starts prismd (your terminal, or Python), then start prismd anew"
)


class Seen(NamedTuple):
    """What a folder showed.

    Attributes:
        path: As the settings or the index name it.
        real: Its real path; the same where its disk does not answer.
        state: ``there``, ``missing``, ``silent``, or why it cannot be listed.
        silent_mount: Whether its disk does not tell of changes.
        known: Whether the index has it already.
    """

    path: str
    real: str
    state: str = "there"
    silent_mount: bool = False
    known: bool = True


def look(config: Config, known: Sequence[Root] | None) -> Iterator[Verdict]:
    """See how the folders of the settings and of the index stand.

    Args:
        config: The settings.
        known: The folders of the index; None where it could not be read.
    """
    named = [str(folder.path) for folder in config.folders]
    if known is None:
        detail = "those that commands have named are not known, for the index was not read"
        yield note(_WHAT, detail, "mend what is told of the index")
        if not named:
            return
        known = ()
    listed = {root.path for root in known}
    seen = [_see(path, listed) for path in named]
    reals = {each.real for each in seen}
    seen += [_see(root.path, listed) for root in known if root.path not in reals]
    if not seen:
        yield note(_WHAT, "none is named yet", "prismd add FOLDER, such as: prismd add ~/Documents")
        return
    data_dir = real_path(config.data_dir) or as_it_stands(config.data_dir)
    for each in seen:
        yield judge(each, data_dir, [other.real for other in seen], sys.platform)
    there = [each.real for each in seen if each.state == "there" and not each.silent_mount]
    yield from look_at_watches(config, there)


def _see(path: str, listed: set[str]) -> Seen:
    real = real_path(path)
    if real is None:
        return Seen(path, as_it_stands(path), "silent", known=path in listed)
    try:
        state = {True: "there", False: "missing", None: "silent"}[is_folder(real)]
        if state == "there" and gives_out(real) is None:
            state = "silent"
    except OSError as error:
        state = error.strerror or str(error)
    silent_mount = mounts().is_silent(os.fsencode(real))
    return Seen(path, real, state, silent_mount, real in listed)


def judge(folder: Seen, data_dir: str, others: Sequence[str], platform: str) -> Verdict:
    """What is to be said of a folder. Pure.

    Args:
        folder: What it showed.
        data_dir: Where prismd keeps its data.
        others: The real paths of all folders, its own included.
        platform: As ``sys.platform`` has it.
    """
    path = folder.path
    if folder.state == "silent":
        remedy = "bring its disk or server back; what is known of it is kept"
        return note(_WHAT, f"{path}: its disk does not answer", remedy)
    if folder.state == "missing" and folder.known:
        remedy = f"plug its disk in; or, if it is gone for good, prismd remove {in_shell(path)}"
        return note(_WHAT, f"{path}: offline: it is not there; what is known of it is kept", remedy)
    if folder.state == "missing":
        remedy = "correct the path, or remove the folder from the configuration"
        return problem(_WHAT, f"{path}: there is no such folder", remedy)
    if folder.state != "there":
        allow = f"allow yourself to read it: chmod u+rx {in_shell(path)}"
        remedy = _PRIVACY if platform == "darwin" else allow
        return problem(_WHAT, f"{path}: cannot be listed ({folder.state})", remedy)
    if _is_within(folder.real, data_dir):
        remedy = "name another folder; what prismd keeps there is left out"
        return problem(_WHAT, f"{path}: lies within the data directory {data_dir}", remedy)
    around = [o for o in others if o != folder.real and _is_within(folder.real, o)]
    if around:
        remedy = f"prismd remove {in_shell(path)}, or take it out of the configuration"
        return problem(_WHAT, f"{path}: overlaps the folder {around[0]}", remedy)
    if folder.silent_mount:
        remedy = "nothing need be done; [index] poll_s says how often"
        return note(_WHAT, f"{path}: on a network disk; it is looked through regularly", remedy)
    return ok(_WHAT, path)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def look_at_watches(config: Config, folders: Sequence[str]) -> Iterator[Verdict]:
    """See whether the system lets so many folders be watched; Linux has limits for that."""
    limit = system_limit()
    if limit is None:
        return
    wanted, whole = count_folders(config, folders, _COUNT_S)
    yield judge_watches(wanted, whole=whole, limit=limit)
    used, most = _instances_used(), _number(_INSTANCES)
    if most is not None:
        yield from judge_instances(used, most)


def count_folders(config: Config, folders: Sequence[str], within_s: float) -> tuple[int, bool]:
    """How many folders are to be watched, and whether all were counted in the time."""
    end_s = time.monotonic() + within_s
    found = 0
    for folder in folders:
        patterns = Patterns(folder, rules(config, Root(0, folder, "config", "watching")))
        waiting = [os.fsencode(folder)]
        while waiting:
            if time.monotonic() > end_s:
                return found, False
            found += 1
            waiting += _inner(waiting.pop(), patterns)
    return found, True


def _inner(path: bytes, patterns: Patterns) -> list[bytes]:
    try:
        with os.scandir(path) as children:
            inner = [c.path for c in children if c.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [child for child in inner if patterns.takes_folder(patterns.outermost, child)]


def judge_watches(wanted: int, *, whole: bool, limit: int) -> Verdict:
    """What is to be said of the limit of watched folders. Pure."""
    told = counted(wanted, "folder")
    detail = f"{told if whole else f'more than {told}'} to watch; the system allows {limit:,}"
    if wanted <= limit // SHARE:
        return ok("watches", detail)
    setting = f"fs.inotify.max_user_watches={raised_limit(wanted, limit)}"
    remedy = (
        f"sudo sysctl {setting}; to keep it: echo {setting} | sudo tee"
        " /etc/sysctl.d/60-prismd.conf; until then the others are looked through regularly"
    )
    return note("watches", f"{detail}, for all programs together", remedy)


def judge_instances(used: int, most: int) -> Iterator[Verdict]:
    """What is to be said of the limit of watching programs. Pure."""
    if used + _SPARE_INSTANCES > most:
        setting = f"fs.inotify.max_user_instances={max(1024, 2 * most)}"
        remedy = f"sudo sysctl {setting}; to keep it: echo {setting} | sudo tee"
        remedy += " /etc/sysctl.d/60-prismd-instances.conf"
        detail = f"{used} run, and the system lets you have {most}"
        yield note("watching programs", detail, remedy)


def _instances_used() -> int:
    """How many programs of this user watch folders, as far as the system shows."""
    return sum(map(_watching, Path("/proc").glob("[0-9]*")))


def _watching(process: Path) -> int:
    """How often a process watches folders; 0 where that is not this user's to know."""
    count = 0
    try:
        if process.stat().st_uid == os.geteuid():
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    count += "inotify" in str(descriptor.readlink())
    except OSError:
        return count
    return count


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
