"""Whether each model's weights are there, are what they should be, and can be run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from prismd.cli.doctor.verdict import Verdict, note, ok, problem
from prismd.config.options import Config
from prismd.daemon.parameters import model_settings
from prismd.errors import ModelError
from prismd.models import catalog
from prismd.models.added import entries
from prismd.models.entry import ModelEntry
from prismd.models.installed import difference
from prismd.models.load import Models, ModelState

_ENGINE = "llama-cpp-python"
_IMPORT_S = 60.0
_FINE = ("ready", "loaded")


def look(config: Config, *, fresh: bool, anew: bool) -> Iterator[Verdict]:
    """See how each role stands.

    Args:
        config: The settings.
        fresh: Whether prismd was never used here: then nothing can be missed yet.
        anew: Read all weights, even if they have not been touched since they were found right.
    """
    models = Models(model_settings(config))
    try:
        states = models.states()
    finally:
        models.close()
    for role, state in states.items():
        if state.state == "ready":
            yield _verified(config, role, state.name, anew=anew)
        else:
            yield judge(role, state, needed=role == "embedding" and not fresh)
    local = not config.generation.base_url and config.models.generation != "fake"
    if local and states["generation"].state in _FINE:
        yield engine()


def judge(role: str, state: ModelState, *, needed: bool) -> Verdict:
    """What is to be said of a model that is not ready. Pure.

    Args:
        role: What it does.
        state: How it stands.
        needed: Whether nothing else stands in for it.
    """
    if state.state == "off":
        return ok(role, state.detail)
    detail = f"{state.name} ({state.state})"
    if state.state not in ("missing", "error"):
        return ok(role, detail)
    return (problem if needed or state.state == "error" else note)(role, detail, state.detail)


def _verified(config: Config, role: str, name: str, *, anew: bool) -> Verdict:
    try:
        entry = catalog.find(name, entries(config.models_dir))
    except ModelError as error:
        return problem(role, name, str(error))
    return verified(config, role, entry, anew=anew)


def verified(config: Config, role: str, entry: ModelEntry, *, anew: bool) -> Verdict:
    """Hold the files of a model against their checksums."""
    folder = config.models_dir / entry.name
    pull = f"run `prismd models pull {catalog.spoken_name(entry.name)}`"
    for file in entry.files:
        try:
            found = difference(file, folder, anew=anew)
        except OSError as error:
            allow = f"allow yourself to read {folder / file.name}"
            remedy = allow if isinstance(error, PermissionError) else pull
            return problem(role, f"{entry.name}: {file.name}: {error.strerror}", remedy)
        if found:
            return problem(role, f"{entry.name}: {file.name} is damaged ({found})", pull)
    return ok(role, f"{entry.name} (checksum right)")


def engine(code: str = "import llama_cpp") -> Verdict:
    """See whether the engine that writes answers can be loaded, in a process of its own.

    Args:
        code: Loads it.
    """
    what = "engine"
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_IMPORT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return note(what, f"{_ENGINE} does not load within {_IMPORT_S:g} s", "end other programs")
    last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if done.returncode == 0:
        return ok(what, f"{_ENGINE} loads")
    if "ModuleNotFoundError" in last:
        remedy = (
            f"{sys.executable} -m pip install '{_ENGINE}' llguidance (builds for some minutes, and"
            ' needs a C++ compiler), or set generation = "" under [models]'
        )
        return problem(what, f"{_ENGINE} is not installed, which the pulled model needs", remedy)
    cause = last if done.returncode > 0 else f"a signal ended it: {-done.returncode}"
    remedy = (
        "build it anew for this processor: CMAKE_ARGS='-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF'"
        f" {sys.executable} -m pip install --force-reinstall --no-cache-dir"
        f" --no-binary {_ENGINE} {_ENGINE}"
    )
    return problem(what, f"{_ENGINE} does not load ({cause})", remedy)
