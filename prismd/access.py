"""The token that every request needs; made at the first start, private to the user."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from prismd.errors import ConfigError

FILE_NAME = "token"


def read_token(data_dir: Path) -> str:
    """The token of a data directory, made when there is none.

    Raises:
        ConfigError: The file cannot be read or written, or others can read it.
    """
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"{data_dir}: cannot be the data directory ({error.strerror}); name another with"
            " --data-dir"
        ) from error
    try:
        _make_unless_there(path)
        if path.stat().st_mode & 0o077:
            raise ConfigError(
                f"{path}: others can read it; 'chmod 600' it, or delete it for a new one"
            )
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be used ({error}); delete it for a new one") from error
    if not token:
        raise ConfigError(f"{path}: is empty; delete it, and a new one is made")
    return token


def _make_unless_there(path: Path) -> None:
    if path.exists():
        return
    try:
        _make(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); make it writable, or name another"
            " --data-dir"
        ) from error


def _make(path: Path) -> None:
    # By one step, so that of two first starts one wins and both read the same.
    made = path.with_name(f"{FILE_NAME}.{secrets.token_hex(4)}")
    descriptor = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"prism-{secrets.token_urlsafe(32)}\n")
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
