"""The program itself and its surroundings: Python, SQLite, settings, variables, limits."""

from __future__ import annotations

import difflib
import os
import platform
import resource
import shutil
import sys
import zoneinfo
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import psutil
import sqlite_vec

from prismd import __version__
from prismd.cli.doctor.system import in_shell
from prismd.cli.doctor.verdict import Verdict, note, ok, problem
from prismd.config.loading import default_path, variables
from prismd.config.options import Config

_OWN_VARIABLES = frozenset({"PRISMD_CONFIG", "PRISMD_PYTHON"})
"""What counts besides settings: for prismd itself, and for the scripts of its source tree."""
_NAME = "prismd"
_PROXIES = ("http_proxy", "all_proxy")
_LOCAL = ("127.0.0.1", "localhost")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FEW_FILES = 1024
_LITTLE_BYTES = 2_000_000_000
_WRITABLE_BY_OTHERS = 0o022


def look() -> Iterator[Verdict]:
    """See what prismd runs on."""
    found = shutil.which(_NAME)
    yield judge_path(found, Path(sys.executable).with_name(_NAME))
    yield ok("Python", f"{platform.python_version()}, at {sys.executable}")
    yield look_at_sqlite()


def judge_path(found: str | None, installed: Path) -> Verdict:
    """Whether a shell finds the command. Asks the disk only whether it is installed.

    Args:
        found: What a shell finds.
        installed: Where it is, if it is installed for this Python.
    """
    if found is None and installed.exists():
        remedy = f"call it by its path, or: export PATH={in_shell(installed.parent)}:$PATH"
        return note(_NAME, f"{__version__}, at {installed}, where no shell looks for it", remedy)
    return ok(_NAME, f"{__version__}, at {found or sys.prefix}")


def look_at_sqlite() -> Verdict:
    """See whether SQLite has what the index is made of."""
    anew = f"{sys.executable} -m pip install --force-reinstall apsw sqlite-vec"
    detail = f"{apsw.sqlite_lib_version()}"
    connection = apsw.Connection(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'trigram')")
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        vectors = connection.execute("SELECT vec_version()").get
    except (apsw.Error, OSError) as error:
        return problem("SQLite", f"{detail}: {error}", anew)
    finally:
        connection.close()
    return ok("SQLite", f"{detail}, with FTS5 and sqlite-vec {vectors}")


def look_at_configuration(config: Config) -> Iterator[Verdict]:
    """See where the settings come from; that they are right was found when they were read."""
    file = config.file
    if file is None:
        yield ok("configuration", f"none; defaults hold (it would be {default_path()})")
    elif file.stat().st_mode & _WRITABLE_BY_OTHERS:
        remedy = f"chmod go-w {in_shell(file)}"
        yield problem("configuration", f"{file}: others can change it", remedy)
    else:
        yield ok("configuration", str(file))
    yield from judge_offline(config)


def judge_offline(config: Config) -> Iterator[Verdict]:
    """What leaves the computer by these settings. Pure."""
    away = [
        f"[{section}] base_url"
        for section, url in (
            ("embedding", config.embedding.base_url),
            ("generation", config.generation.base_url),
        )
        if url and urlsplit(url).hostname not in _LOOPBACK
    ]
    if away:
        detail = f"{' and '.join(away)} name another computer: it gets your passages"
        yield note("privacy", detail, "nothing, if that is what you want; else leave it empty")
    else:
        yield ok("privacy", "nothing leaves this computer; only 'prismd models pull' fetches")


def look_at_variables(env: Mapping[str, str], config: Config | None) -> Iterator[Verdict]:
    """See whether variables of the environment say what they seem to. Pure."""
    keys = (config.embedding.api_key_env, config.generation.api_key_env) if config else ()
    yield from judge_variables(env, keys)
    yield from judge_proxies(env)
    yield from _judge_zone(env)


def judge_variables(env: Mapping[str, str], keys: Collection[str]) -> Iterator[Verdict]:
    """Variables that look like settings and are none. Pure.

    Args:
        env: The environment.
        keys: Variables that the settings themselves name.
    """
    known = {*variables(), *_OWN_VARIABLES}
    for name in sorted(env):
        if name.startswith("PRISMD_") and name not in known and name not in keys:
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
            mean = f"; did you mean {close[0]}?" if close else ""
            remedy = f"unset {name}; 'prismd config show' lists the settings"
            yield note("environment", f"{name} sets nothing{mean}", remedy)


def judge_proxies(env: Mapping[str, str]) -> Iterator[Verdict]:
    """A proxy between programs and this computer itself. Pure."""
    lower = {name.lower(): value for name, value in env.items()}
    named = [name.upper() for name in _PROXIES if lower.get(name)]
    spared = [part.strip() for part in lower.get("no_proxy", "").split(",")]
    if not named or "*" in spared or any(host in spared for host in _LOCAL):
        return
    detail = f"{' and '.join(named)} is set: other programs may ask the proxy for this computer"
    yield note("proxy", detail, "export NO_PROXY=localhost,127.0.0.1,::1")


def _judge_zone(env: Mapping[str, str]) -> Iterator[Verdict]:
    zone = env.get("TZ", "").removeprefix(":")
    if "/" in zone and not zone.startswith("/"):
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            detail = f"TZ={zone} is unknown here, so UTC is gone by"
            yield note("time zone", detail, "correct it, or unset TZ; see 'timedatectl'")


def look_at_machine() -> Iterator[Verdict]:
    """See whether there is enough of what prismd needs of the machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield judge_files(soft, hard)
    memory = psutil.virtual_memory()
    yield judge_memory(memory.total, memory.available)


def judge_files(soft: int, hard: int) -> Verdict:
    """What is to be said of the limit of open files. Pure."""
    if soft == resource.RLIM_INFINITY or soft >= _FEW_FILES:
        return ok("open files", f"up to {'any number' if soft < 0 else soft}")
    most = 4096 if hard in (-1, resource.RLIM_INFINITY) or hard >= 4096 else hard
    remedy = f"ulimit -n {most} before prismd is started; in a unit: LimitNOFILE={most}"
    return note("open files", f"no more than {soft}", remedy)


def judge_memory(total_bytes: int, free_bytes: int) -> Verdict:
    """What is to be said of the memory. Pure."""
    detail = f"{free_bytes / 1e9:.1f} of {total_bytes / 1e9:.1f} GB free"
    if free_bytes >= _LITTLE_BYTES:
        return ok("memory", detail)
    remedy = "end other programs, or set workers = 1 under [index]"
    if total_bytes < 2 * _LITTLE_BYTES:
        remedy += ', and generation = "" under [models]'
    return note("memory", detail, remedy)


def installed_file() -> Path:
    """A file that was written when prismd was installed."""
    import prismd

    return Path(prismd.__file__ or os.devnull)
