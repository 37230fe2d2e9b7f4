"""Checks the types in the comments of the page's JavaScript, with the TypeScript compiler.

It is installed from the lock once, into the tests' cache; from then on no network is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.clients.installing import InstallError, node_with_packages

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "tests" / "browser" / "packages"
NAME = "page"
"""Of the folder in the cache; the browser tests take their checker from the same one."""


def check(project: Path, installed: Path) -> int:
    """Report every problem.

    Args:
        project: Has a ``tsconfig.json``.
        installed: Has the compiler in ``node_modules``.

    Returns:
        0 where there is none.
    """
    compiler = installed / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([compiler, "--project", project], cwd=project, check=False)
    return done.returncode


def main() -> int:
    """Check this clone; where the compiler cannot be had, only CI takes that for a failure."""
    try:
        installed = node_with_packages(PACKAGES, name=NAME)
    except InstallError as error:
        print(f"check_page: left out: {error}", file=sys.stderr)
        return int(bool(os.environ.get("CI")))
    return check(ROOT, installed)


if __name__ == "__main__":
    sys.exit(main())
