"""The environment of the peers, made on demand, and prismd's weights as they read them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from prismd.models.catalog import find
from prismd.models.installed import verified
from tests.clients.installing import InstallError, python_with

MODEL = "bge-small-en-v1.5"
PROGRAMS = Path(__file__).with_name("programs")
_PACKAGES = Path(__file__).parents[1] / "packages"
_CACHE = Path("build") / "bench" / "peers"
_TORCH = "torch==2.13.0"
_PATIENCE_S = 1800.0
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Nothing is fetched and nothing is told while peers are measured."""


def peers_python(named: Path | None) -> Path:
    """The interpreter that has the peers.

    Args:
        named: An environment that has them already; None makes one under ``build``, once.

    Raises:
        SystemExit: They cannot be installed, or the environment has no interpreter.
    """
    if named is not None:
        python = named.absolute() / "bin" / "python"
        if not python.exists():
            raise SystemExit(f"{named}: has no bin/python; name an environment with the peers")
        return python
    print(f"The peers, in {_CACHE} (once; with torch about 1 GB)…", file=sys.stderr)
    try:
        return python_with("peers", _PACKAGES, _CACHE.absolute(), (_TORCH,), _PATIENCE_S)
    except InstallError as error:
        raise SystemExit(
            f"the peers cannot be installed; try again, or name an environment that has them with"
            f" --environment\n{error}"
        ) from error


def checkpoint(python: Path, models_dir: Path) -> Path:
    """The weights that prismd embeds with, dequantised into a checkpoint for PyTorch, kept.

    Raises:
        SystemExit: The weights are not there, or cannot be read.
    """
    told = next(file.sha256 for file in find(MODEL).files if file.name == "model.onnx")
    target = (_CACHE / f"checkpoint-{told[:12]}").absolute()
    if not (target / "model").exists():
        files = verified(find(MODEL), models_dir)
        making = target.with_suffix(".part")
        shutil.rmtree(making, ignore_errors=True)
        sources = [str(files["model.onnx"]), str(files["tokenizer.json"])]
        command = [str(python), str(PROGRAMS / "checkpoint.py"), *sources, str(making)]
        done = subprocess.run(
            command, env=os.environ | OFFLINE, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"no checkpoint for the peers could be made:\n{done.stderr[-2000:]}")
        shutil.rmtree(target, ignore_errors=True)
        making.rename(target)
    return target / "model"
