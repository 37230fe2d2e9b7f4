"""What tests need beside Python's packages: without it they are skipped, and fail in CI.

There, scripts/test has installed all of it, so a test that is left out would be one that is lost
without a word.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def must_run() -> bool:
    """Whether this is CI, where nothing that can be installed may be missing."""
    return bool(os.environ.get("CI"))


def leave_out(reason: str) -> NoReturn:
    """Skip the test that runs; where it must run, fail it.

    Args:
        reason: What is missing, and where it comes from.
    """
    if must_run():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def needs(there: object, reason: str) -> pytest.MarkDecorator:
    """Leaves out tests that need what is not there; where they must run, they run, and fail.

    Args:
        there: Whether it is; anything that is true or false.
        reason: What is missing.
    """
    return pytest.mark.skipif(not there and not must_run(), reason=reason)
