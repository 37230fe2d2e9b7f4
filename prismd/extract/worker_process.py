"""A process that reads files, as the daemon holds it."""

from __future__ import annotations

import msgspec

from prismd.child import Child, ChildDied
from prismd.errors import WorkerError

_ENVIRONMENT = {
    # Workers run side by side already. Tesseract with threads of its own crawls then.
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class WorkerProcess(msgspec.Struct, eq=False):
    """A process that reads files, and how it stands.

    Attributes:
        files: How many it has had.
        ready: Whether it has started up.
        wanted: Whether another is to take its place.
    """

    child: Child
    files: int = 0
    ready: bool = False
    wanted: bool = True


def start_worker(memory_bytes: int) -> WorkerProcess:
    """Start one; it is not ready yet.

    Raises:
        WorkerError: It cannot be started.
    """
    try:
        return WorkerProcess(
            Child(
                "prismd.extract.worker",
                memory_bytes=memory_bytes,
                env=_ENVIRONMENT,
                name="extraction worker",
            )
        )
    except ChildDied as error:
        raise WorkerError(
            f"the process that reads files cannot be started ({error}); "
            "free some memory, or end some programs"
        ) from error
