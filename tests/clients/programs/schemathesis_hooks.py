"""Keeps schemathesis, which makes up folders to watch, from having this machine's own watched."""

import os
from pathlib import Path
from typing import Any

import schemathesis

_OURS = os.path.realpath(os.environ["FOLDERS"])


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put a folder of the test in the place of one that is there."""
    body = case.body
    if case.operation.path != "/roots" or not isinstance(body, dict):
        return
    path = body.get("path")
    if isinstance(path, str) and "\0" not in path and not _is_harmless(path):
        body["path"] = _OURS


def _is_harmless(path: str) -> bool:
    try:
        real = os.path.realpath(Path(path).expanduser())
        return not Path(real).is_dir() or os.path.commonpath([real, _OURS]) == _OURS
    except (OSError, ValueError, RuntimeError):
        return True
