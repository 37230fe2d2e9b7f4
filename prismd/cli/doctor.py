"""``doctor``: checks what a newcomer can get wrong, and says how to mend it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from prismd.cli.context import Context, json_option, pass_context, print_json
from prismd.config.options import Config
from prismd.errors import ConfigError, PrismdError

_LOW_DISK_BYTES = 2_000_000_000
_PROBE_S = 1.0
_TESSERACT_S = 10.0


class Verdict(msgspec.Struct, frozen=True):
    """One thing that was looked at; ``remedy`` is empty when all is well, or none is known."""

    what: str
    well: bool
    detail: str
    remedy: str = ""


@click.command("doctor")
@json_option
@pass_context
@click.pass_context
def doctor_command(ctx: click.Context, context: Context, as_json: bool) -> None:
    """Look for what could keep prismd from working; ends with 1 when something does."""
    verdicts = list(_look(context))
    if as_json:
        print_json(verdicts)
    else:
        for verdict in verdicts:
            sign = (
                click.style("ok  ", fg="green") if verdict.well else click.style("!!  ", fg="red")
            )
            click.echo(f"{sign}{verdict.what}: {verdict.detail}")
            if verdict.remedy:
                click.echo(f"      {verdict.remedy}")
    if not all(verdict.well for verdict in verdicts):
        ctx.exit(1)


def _look(context: Context) -> Iterator[Verdict]:
    config = context.config  # a wrong setting ends here, with its own message
    where = str(config.file) if config.file else "none; defaults hold"
    yield Verdict("configuration", well=True, detail=where)
    yield _data_dir(config.data_dir)
    yield from _token(config.data_dir)
    yield _disk(config.data_dir)
    yield from _folders(context)
    yield from _models(context)
    yield _tesseract(config)
    yield _port(context)
    yield from _index(context)


def _data_dir(path: Path) -> Verdict:
    there = _existing(path)
    if not there.is_dir():
        return Verdict(
            "data directory", False, f"{path}: {there} is a file", "name another with --data-dir"
        )
    if not os.access(there, os.W_OK | os.X_OK):
        remedy = f"allow yourself to write to {there}, or name another with --data-dir"
        return Verdict("data directory", False, f"{path}: cannot be written", remedy)
    if there != path:
        return Verdict("data directory", True, f"{path} (made at the first start)")
    if path.stat().st_mode & 0o077:
        remedy = f"chmod 700 {path}"
        return Verdict("data directory", False, f"{path}: others can look into it", remedy)
    return Verdict("data directory", True, str(path))


def _token(data_dir: Path) -> Iterator[Verdict]:
    from prismd.access import FILE_NAME, read_token

    if not (data_dir / FILE_NAME).exists():
        return
    try:
        read_token(data_dir)
    except ConfigError as error:
        cause, remedy = cause_and_remedy(error)
        yield Verdict("token", False, cause, remedy)


def cause_and_remedy(error: PrismdError) -> tuple[str, str]:
    """What is wrong, and what helps, where the message says so."""
    cause, semicolon, remedy = str(error).rpartition("; ")
    return (cause, remedy) if semicolon else (remedy, "")


def _existing(path: Path) -> Path:
    """The path, or the nearest above it that is there."""
    return next(above for above in (path, *path.parents) if above.exists())


def _disk(path: Path) -> Verdict:
    there = _existing(path)
    free = shutil.disk_usage(there).free
    remedy = "free some space, or set data_dir to another disk" if free < _LOW_DISK_BYTES else ""
    return Verdict("disk space", not remedy, f"{free / 1e9:.1f} GB free at {there}", remedy)


def _folders(context: Context) -> Iterator[Verdict]:
    for folder in context.config.folders:
        well = folder.path.is_dir()
        remedy = "" if well else "correct the path, or remove the folder from the configuration"
        yield Verdict("folder", well, f"{folder.path}", remedy)


def _models(context: Context) -> Iterator[Verdict]:
    from prismd.errors import ModelError
    from prismd.models import catalog
    from prismd.models.added import entries
    from prismd.models.installed import verified
    from prismd.models.load import Models
    from prismd.parameters import model_settings

    config = context.config
    models = Models(model_settings(config))
    try:
        for role, state in models.states().items():
            # Only the embedder is needed: the others have a good enough stand-in.
            well = state.state in ("ready", "loaded", "remote", "off") or role != "embedding"
            detail = f"{state.name} ({state.state})"
            if state.state == "ready":
                try:
                    entry = catalog.find(state.name, entries(config.models_dir))
                    verified(entry, config.models_dir)
                    detail = f"{state.name} (checksum right)"
                except ModelError as error:
                    yield Verdict(role, False, state.name, str(error))
                    continue
            amiss = state.state in ("missing", "error")
            yield Verdict(role, well, detail, state.detail if amiss else "")
    finally:
        models.close()


def _tesseract(config: Config) -> Verdict:
    """What reads the words on pictures and scans; without it the rest goes on."""
    what = "text recognition"
    if not config.index.ocr:
        return Verdict(what, True, "switched off by [index] ocr")
    version, languages = _said("--version"), _said("--list-langs")
    if not version or not languages:
        remedy = (
            "install tesseract-ocr (apt) or tesseract (brew, dnf); until then the words on "
            "pictures and scanned pages are not read"
        )
        return Verdict(what, True, "tesseract is not installed, or fails", remedy)
    # The first line is a heading.
    known = {line.strip() for line in languages[1:]}
    texts = sorted(known - {"osd"})
    wanted = set(config.index.ocr_languages).union(
        *(folder.ocr_languages or () for folder in config.folders)
    )
    absent = sorted(wanted - known) or ([] if texts else ["eng"])
    remedies = [f"the data of {name} (tesseract-ocr-{name.replace('_', '-')})" for name in absent]
    if "osd" not in known:
        remedies.append("osd (tesseract-ocr-osd), so that pages lying on their side are read too")
    detail = f"{version[0].strip()}, languages: {', '.join(texts) or 'none'}"
    return Verdict(what, True, detail, f"install {'; '.join(remedies)}" if remedies else "")


def _said(option: str) -> list[str]:
    """The lines that tesseract prints; none where it is not there or fails."""
    try:
        done = subprocess.run(
            ["tesseract", option],  # noqa: S607 - wherever the user has it
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TESSERACT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.decode("utf-8", "replace").splitlines()


def _port(context: Context) -> Verdict:
    from prismd.running import find_running

    server = context.config.server
    try:
        if context.running():
            running = find_running(context.config.data_dir)
            return Verdict("daemon", True, f"answers at {running.url}" if running else "answers")
    except ConfigError:
        return Verdict("daemon", False, "cannot be asked without the token", "see above")
    try:
        socket.create_connection((server.host, server.port), timeout=_PROBE_S).close()
    except OSError:  # nobody there, as it should be
        pass
    else:
        remedy = "stop it, or choose another port under [server]"
        return Verdict("port", False, f"{server.port} is used by another program", remedy)
    return Verdict("daemon", True, f"not running; port {server.port} is free")


def _index(context: Context) -> Iterator[Verdict]:
    from prismd.errors import StoreError
    from prismd.store.check import check
    from prismd.store.database import FILE_NAME, Database
    from prismd.store.faults import is_damage

    path = context.config.data_dir / FILE_NAME
    if not path.exists():
        yield Verdict("index", True, "none yet; 'prismd index FOLDER' makes it")
        return
    try:
        with contextlib.closing(Database(context.config.data_dir, writable=False)) as database:
            findings = check(database, repair=False)
            size = f"{database.size_bytes() / 1e6:.1f} MB"
    except StoreError as error:
        cause, remedy = cause_and_remedy(error)
        if is_damage(error):
            remedy = "restore a backup, or delete it and run 'prismd index' to make it anew"
        yield Verdict("index", False, cause, remedy)
        return
    wrong = "; ".join(f"{finding.what}: {finding.count}" for finding in findings)
    remedy = "stop prismd and run 'prismd check'" if findings else ""
    yield Verdict("index", not findings, wrong or f"{path}, {size}, intact", remedy)
