"""Builds llama-cpp-python once per machine, keeps the wheel, installs it into this environment.

It comes as source only, and takes 4 to 12 minutes on two cores. The wheel is kept in the user's
cache under a name made of all that it depends on, so that other clones find it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from prismd.config import load
from prismd.models import catalog, installed

LOCK = Path(__file__).parent.parent / "requirements-llama.lock"

FLAGS = ("-DGGML_NATIVE=OFF", "-DLLAVA_BUILD=OFF")
"""The default build dies with SIGILL where the compiler takes the processor for more than it is."""

HEARTBEAT_S = 30
STOP_DEADLINE_S = 10


def pinned_version() -> str:
    """The version that requirements-llama.lock names."""
    found = re.search(r"^llama-cpp-python==([\w.]+)", LOCK.read_text(), flags=re.MULTILINE)
    if not found:
        raise SystemExit(f"{LOCK.name}: names no llama-cpp-python; renew it with scripts/lock")
    return found[1]


def installed_version() -> str | None:
    """The version in this environment, if there is one."""
    try:
        return importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return None


def wheel_folder(version: str) -> Path:
    """Where the wheel of this version, platform and set of flags is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    flags = "".join(FLAGS).replace("=", "-").lower()
    # The Python version is left out: the wheel is py3-none, its library is loaded by ctypes.
    name = f"llama-cpp-python-{version}-{sysconfig.get_platform()}{flags}"
    return cache / "prismd" / "wheels" / name


def build(folder: Path) -> None:
    """Build the wheel into ``folder``, which appears only when the build has succeeded."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(
        "Building llama-cpp-python from source (once on this machine, 4 to 12 minutes)…",
        file=sys.stderr,
    )
    scratch = Path(tempfile.mkdtemp(prefix="build-", dir=folder.parent))
    made = scratch / "made"
    try:
        command = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "-r", str(LOCK), "--wheel-dir", str(made)]
        # pip does not apply --config-settings to what a requirements file names, and keeps wheels
        # that were built with other flags in its cache: hence the variable, and no cache.
        command.append("--no-cache-dir")
        # pip leaves its working files behind when it is stopped; here they go with the folder.
        environment = {**os.environ, "TMPDIR": str(scratch)}
        environment["CMAKE_ARGS"] = " ".join([os.environ.get("CMAKE_ARGS", ""), *FLAGS]).strip()
        log = folder.parent / "build.log"
        if run_with_heartbeat(command, environment, log):
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise SystemExit(f"{tail}\nllama-cpp-python: the build failed; all of it is in {log}")
        made.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run_with_heartbeat(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run a long command with its output in ``log``; say every half minute that it lives."""
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while True:
                try:
                    return process.wait(HEARTBEAT_S)
                except subprocess.TimeoutExpired:
                    minutes, seconds = divmod(int(time.monotonic() - started), 60)
                    print(f"  still building, {minutes}:{seconds:02d}…", file=sys.stderr)
        finally:
            if process.poll() is None:
                stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End pip and all below it: ninja has its compilers in groups of their own, and ends them."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def install(folder: Path) -> None:
    """Install the kept wheel into this environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-user", "--no-deps", "--force-reinstall", *map(str, folder.glob("*.whl"))]
    subprocess.run(command, check=True)


def survives(code: str, *arguments: str) -> bool:
    """Whether code runs to its end, tried in a process of its own because it may be killed."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def provide(version: str, *, build_if_missing: bool) -> int:
    """Have the library installed, as far as allowed; 3 if that would need a build."""
    if installed_version() == version:
        return 0
    folder = wheel_folder(version)
    if not folder.is_dir():
        if not build_if_missing:
            return 3
        build(folder)
    install(folder)
    if survives("import llama_cpp"):
        return 0
    print(
        f"llama-cpp-python {version} was built but does not load; remove {folder} and try again, "
        "or do without a generator",
        file=sys.stderr,
    )
    return 1


def prove(version: str, model: str) -> int:
    """Generate one token, once per environment: a wrong build is killed at the first one."""
    stamp = Path(sys.prefix) / ".llama-proved"
    if stamp.exists() and stamp.read_text() == version:
        return 0
    weights = installed.verified(catalog.find(model), load().models_dir)
    code = (
        "import sys, llama_cpp; llama_cpp.Llama(sys.argv[1], n_ctx=64, verbose=False)"
        ".create_completion('1, 2, 3,', max_tokens=1)"
    )
    if survives(code, str(next(path for path in weights.values() if path.suffix == ".gguf"))):
        stamp.write_text(version)
        return 0
    print(
        f"llama-cpp-python {version} dies at its first token here; remove {wheel_folder(version)} "
        "and try again, or do without a generator",
        file=sys.stderr,
    )
    return 1


def main() -> int:
    """Build, install and prove, as far as asked and not done yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cached", action="store_true", help="do nothing unless a wheel is kept")
    parser.add_argument("--prove", metavar="MODEL", help="generate one token with this model")
    options = parser.parse_args()
    version = pinned_version()
    if options.prove:
        return prove(version, options.prove)
    return provide(version, build_if_missing=not options.cached)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
