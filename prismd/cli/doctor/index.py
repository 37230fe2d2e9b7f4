"""The index: whether it is whole, and what it says of its files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from prismd.cli.doctor.system import in_shell
from prismd.cli.doctor.verdict import Verdict, note, ok, problem
from prismd.config.options import Config
from prismd.daemon.assembly import Prism
from prismd.errors import StoreError
from prismd.store import files
from prismd.store.database import FILE_NAME
from prismd.store.faults import is_damage
from prismd.store.files import Root
from prismd.store.glance import Glance, glance, skim
from prismd.store.stale import Stale
from prismd.wording import counted

_SKIM_S = 10.0
_FULL_CHECK = "prismd check"
_SHARE_LEAST, _SHARE_MOST = 0.05, 2.0
_SHARE_UNKNOWN = 0.3
_FUTURE_S = 86_400.0


class Index(NamedTuple):
    """What was found of it.

    Attributes:
        fault: Why it could not be opened; None when it could, or there is none.
        closed: Whether it was not looked into, for want of its key.
        damage: What SQLite says of damaged pages.
        whole: Whether all of it was looked through for damage.
        size_bytes: Its size on the disk.
        held: What it holds; None when that could not be read.
        roots: Its folders.
        stale: What settings or an upgrade would make otherwise.
    """

    fault: StoreError | None = None
    closed: bool = False
    damage: tuple[str, ...] = ()
    whole: bool = True
    size_bytes: int = 0
    held: Glance | None = None
    roots: tuple[Root, ...] = ()
    stale: tuple[Stale, ...] = ()


def read(config: Config, within_s: float = _SKIM_S) -> Index | None:
    """Read the index, without making a file; None where there is none."""
    path = config.data_dir / FILE_NAME
    if not path.exists():
        return None
    log = Path(f"{path}-wal")
    if log.exists():
        return _read(config, within_s, at_rest=False)
    found = _read(config, within_s, at_rest=True)
    amiss = found.fault is not None or found.damage
    # Somebody may have begun to write meanwhile, for which this way of reading is not made.
    return _read(config, within_s, at_rest=False) if amiss and log.exists() else found


def _read(config: Config, within_s: float, *, at_rest: bool) -> Index:
    try:
        with contextlib.closing(Prism(config, writable=False, at_rest=at_rest)) as prism:
            size = prism.database.size_bytes()
            damage, whole = skim(prism.database, within_s)
            if damage:
                return Index(damage=tuple(damage), size_bytes=size)
            return Index(
                whole=whole,
                size_bytes=size,
                held=prism.database.read(glance),
                roots=tuple(prism.database.read(files.roots)),
                stale=tuple(prism.stale()),
            )
    except StoreError as error:
        return Index(fault=error)


def judge(index: Index | None, path: Path, now_s: float) -> Iterator[Verdict]:
    """What is to be said of it. Pure.

    Args:
        index: What was found.
        path: Where it is.
        now_s: The time.
    """
    if index is None:
        yield ok("index", "none yet; 'prismd run FOLDER' or 'prismd index FOLDER' makes it")
        return
    if index.closed:
        yield note("index", f"{path}: was not looked into", "mend what 'encryption' tells of")
        return
    if index.fault is not None:
        yield _unreadable(index.fault, path)
        return
    if index.damage:
        detail = f"{path} is damaged: {index.damage[0]}"
        yield problem("index", detail, f"stop prismd and run '{_FULL_CHECK}'")
        return
    size = f"{path}, {index.size_bytes / 1e6:.1f} MB"
    if index.whole:
        yield ok("index", f"{size}, no damaged page ('{_FULL_CHECK}' verifies the rest, too)")
    else:
        yield ok("index", f"{size}; too large to be looked through here: '{_FULL_CHECK}' does")
    if index.held is not None:
        yield from _judge_files(index.held, now_s)
    yield from _judge_stale(index.stale)


def _unreadable(error: StoreError, path: Path) -> Verdict:
    cause, semicolon, remedy = str(error).rpartition("; ")
    if is_damage(error):
        anew = f"delete it (rm {in_shell(path)}*) and run 'prismd index' to make it anew"
        remedy = f"restore a backup, or {anew}"
    return problem("index", cause if semicolon else str(error), remedy if semicolon else "")


def _judge_files(found: Glance, now_s: float) -> Iterator[Verdict]:
    states = found.states
    if not (total := sum(states.values())):
        return
    told = [f"{states[state]:,} {state}" for state in sorted(states)]
    yield ok("files", f"{total:,}: {', '.join(told)}")
    if failed := states.get("failed", 0) + states.get("quarantined", 0):
        detail = f"{counted(failed, 'file')} could not be read"
        remedy = "'prismd errors' says why, file by file; then 'prismd retry'"
        if found.unreadable:
            detail += f", {found.unreadable:,} because prismd may not"
        yield note("failures", detail, remedy)
    if found.newest_s > now_s + _FUTURE_S:
        detail = "some files say that they were changed in the future"
        yield note("dates", detail, "set the clock, or touch those files: 'prismd files' has them")


def _judge_stale(stale: Sequence[Stale]) -> Iterator[Verdict]:
    for each in stale:
        yield note("stale", f"{each.count:,} {each.what} {each.why}", each.command)


def needed_bytes(index: Index | None) -> int:
    """What the index may still grow by, going by what it has taken so far. Pure."""
    if index is None or index.held is None:
        return 0
    found = index.held
    share = _SHARE_UNKNOWN
    if found.completed_bytes:
        share = min(max(index.size_bytes / found.completed_bytes, _SHARE_LEAST), _SHARE_MOST)
    return int(found.pending_bytes * share)


def is_fresh(config: Config) -> bool:
    """Whether prismd was never used with this data directory."""
    return not os.path.lexists(config.data_dir)
