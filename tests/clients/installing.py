"""Clients as their users install them: from the registries, kept from one run to the next."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_PACKAGES = Path(__file__).with_name("packages")
_NODE_FILES = ("package.json", "package-lock.json")
_PATIENCE_S = 240.0

# Read at import: a test has an empty home, and the registries that a user has set are the user's.
_ENVIRONMENT = dict(os.environ)
_CACHE = Path(
    os.environ.get("PRISMD_TEST_CACHE") or Path.home() / ".cache" / "prismd-tests" / "clients"
)


class InstallError(Exception):
    """Clients cannot be had; the message ends with what the installer said."""


def python_with(
    name: str,
    packages: Path = _PACKAGES,
    cache: Path = _CACHE,
    before: Sequence[str] = (),
    patience_s: float = _PATIENCE_S,
) -> Path:
    """The interpreter of an environment with the packages of ``NAME.lock``.

    Args:
        name: Of the environment.
        packages: Where the lock is.
        cache: Where environments are kept.
        before: What is installed first, with all it needs and without hashes: its right build
            depends on the machine.
        patience_s: How long each step of pip may take.

    Raises:
        InstallError: They cannot be installed.
    """
    lock = packages / f"{name}.lock"
    folder = cache / f"{name}-{sys.implementation.cache_tag}"
    python = folder / "bin" / "python"
    with _made(folder, [lock], " ".join([sys.version, *before])) as missing:
        if missing:
            _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
            pip.append("--disable-pip-version-check")
            if before:
                _run([*pip, *before], patience_s=patience_s)
            options = ["--no-deps", "--require-hashes", "--requirement", str(lock)]
            _run([*pip, *options], patience_s=patience_s)
    return python


def node_with_packages(
    packages: Path = _PACKAGES, cache: Path = _CACHE, name: str = "node"
) -> Path:
    """A folder with the ``node_modules`` of ``package-lock.json``; see ``python_with``.

    Raises:
        InstallError: They cannot be installed.
    """
    if shutil.which("npm") is None:
        raise InstallError("npm is not installed; packages of Node need it: apt install nodejs npm")
    folder = cache / name
    sources = [packages / name for name in _NODE_FILES]
    with _made(folder, sources, "") as missing:
        if missing:
            folder.mkdir(parents=True)
            for source in sources:
                shutil.copy(source, folder)
            options = ["--ignore-scripts", "--no-audit", "--no-fund"]
            _run(["npm", "ci", *options], folder)
    return folder


@contextmanager
def _made(folder: Path, sources: Sequence[Path], version: str) -> Iterator[bool]:
    """Hold a folder while it is looked at, and perhaps made; marked as made at the end.

    Yields:
        Whether it is to be made; what other sources or an interrupted run left is gone.
    """
    said = version.encode() + b"".join(source.read_bytes() for source in sources)
    wanted, stamp = hashlib.sha256(said).hexdigest(), folder / ".made-of"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".busy").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not stamp.exists() or stamp.read_text() != wanted
        if missing:
            shutil.rmtree(folder, ignore_errors=True)
        yield missing
        stamp.write_text(wanted)


def _run(command: list[str], folder: Path | None = None, patience_s: float = _PATIENCE_S) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=patience_s,
        )
    except subprocess.TimeoutExpired as slow:
        said = slow.output.decode() if isinstance(slow.output, bytes) else slow.output or ""
        raise InstallError(f"{' '.join(command)}: not done in {patience_s:g} s\n{said}") from slow
    if done.returncode != 0:
        raise InstallError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
