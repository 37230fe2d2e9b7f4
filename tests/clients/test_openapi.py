"""The description of the API, tried against a real daemon by a program that knows nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.harness import Daemon, Place
from tests.clients.harness import PROGRAMS

pytestmark = [pytest.mark.clients, pytest.mark.slow]

_EXAMPLES_EACH = 10
_SEED = 7
_PATIENCE_S = 400.0
_CLOSING_CHARS = 20_000
_FAKES = {
    "PRISMD_MODELS_GENERATION": "fake",
    "PRISMD_MODELS_SPEECH": "fake",
    "PRISMD_MODELS_IMAGE": "fake",
    # Who shows no token is refused for that, and never for coming too often.
    "PRISMD_SERVER_FAILED_LOGINS_PER_MINUTE": "0",
}


def test_every_answer_is_one_that_the_description_knows(
    schemathesis: Path, place: Place, tmp_path: Path
) -> None:
    place.write_sample()
    with place.daemon(env=_FAKES) as daemon:
        daemon.await_idle()
        tried = try_out(schemathesis, daemon, tmp_path)
        closing = f"{tried.stdout[-_CLOSING_CHARS:]}\n{tried.stderr}"
        assert tried.returncode == 0, f"{closing}\n{place.log.read_text()[-_CLOSING_CHARS:]}"
        described = daemon.client.get("/schema/openapi.json").raise_for_status().json()
    routes = sum(map(len, described["paths"].values()))
    assert f"Tested: {routes}\n" in closing, closing


def try_out(schemathesis: Path, daemon: Daemon, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis in a folder of its own, over every route and with every check."""
    for name in ("schemathesis.toml", "schemathesis_hooks.py"):
        shutil.copy(PROGRAMS / name, folder)
    return subprocess.run(
        [
            schemathesis,
            "run",
            f"{daemon.url}/schema/openapi.json",
            f"--header=Authorization: {daemon.client.headers['Authorization']}",
            "--phases=examples,coverage,fuzzing,stateful",
            f"--max-examples={_EXAMPLES_EACH}",
            f"--seed={_SEED}",
            "--continue-on-failure",
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "FOLDERS": str(daemon.place.folder),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
