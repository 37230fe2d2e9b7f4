"""Where the daemon's log goes: a file that is rotated, the journal, or standard error."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import logging
import logging.handlers
import os
import sys
import threading
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TextIO

log = logging.getLogger(__name__)

_CHATTY = ("httpx", "httpcore", "uvicorn.error", "asyncio", "mcp")
_MOST_BYTES = 10_000_000
_KEPT = 3
_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG_PRIORITY = 7
ERROR_PREFIX = "<3>"
"""Before a line of the journal that tells of an error."""


def log_to(
    level: str, file: Path | None, kind: type[logging.Formatter] = logging.Formatter
) -> None:
    """Have the log written from now on.

    Args:
        level: The least that is written.
        file: Is rotated; None is for standard error.
        kind: Makes lines of records.
    """
    handler: logging.Handler
    formatter = kind("%(asctime)s %(levelname)s %(message)s")
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = _PrivateLog(file, maxBytes=_MOST_BYTES, backupCount=_KEPT, encoding="utf-8")
    else:
        handler = _Spoken()
        if is_journal():
            formatter = JournalFormatter(kind)
    _begin(handler, formatter, level)
    logging.getLogger("uvicorn.error").addFilter(_is_fault)


def log_to_stderr(level: str, layout: str, kind: type[logging.Formatter]) -> None:
    """Have the log of a command that is no daemon written to standard error from now on.

    Args:
        level: The least that is written.
        layout: Of its lines, as ``logging`` has it.
        kind: Makes lines of records.
    """
    _begin(_Spoken(), kind(layout), level)


def log_uncaught() -> None:
    """Have errors that nobody has caught logged, instead of printed in all their words."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _ended
    threading.excepthook = _thread_ended
    sys.unraisablehook = _passed_over


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("ended by an error of prismd's own; please report this", exc_info=error)
    if _speaks():
        return
    said = f"prismd: ended by an error of its own ({kind.__name__}); please report this"
    print(said, file=sys.stderr)


def _speaks() -> bool:
    """Whether what is logged has been said on standard error by that."""
    return any(isinstance(handler, _Spoken) for handler in logging.getLogger().handlers)


def _thread_ended(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is not SystemExit:
        log.critical("a thread ended by an error; please report this", exc_info=told.exc_value)


def _passed_over(told: sys.UnraisableHookArgs) -> None:
    log.error("an error was passed over; please report this", exc_info=told.exc_value)


def _begin(handler: logging.Handler, formatter: logging.Formatter, level: str) -> None:
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def rotated(file: Path) -> list[Path]:
    """What there is of a log: the file, and the older ones beside it."""
    return [
        path
        for path in file.parent.glob(f"{glob.escape(file.name)}*")
        if path == file or path.suffix[1:].isdigit()
    ]


def is_journal(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether standard error goes to systemd's journal.

    The variable alone says nothing: it is inherited by whatever a service starts.
    """
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or not of the system
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class JournalFormatter(logging.Formatter):
    """Lines as sd-daemon(3) has them: with a priority, and without the time, which is known.

    Args:
        kind: Makes lines of records.
    """

    def __init__(self, kind: type[logging.Formatter] = logging.Formatter) -> None:
        super().__init__()
        self._plain = kind("%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One record; every line of a trace is an entry of its own, and needs the priority."""
        priority = next(
            (priority for level, priority in _PRIORITIES if record.levelno >= level),
            _DEBUG_PRIORITY,
        )
        return "\n".join(f"<{priority}>{line}" for line in self._plain.format(record).splitlines())


class _Spoken(logging.StreamHandler[TextIO]):
    """Writes to standard error; what fails is told without what was to be written."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say that a line is missing; see ``logging.Handler``."""
        _say_unwritten()


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """Rotated files whose every new one is the user's alone: they name the user's files."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        os.fchmod(descriptor, 0o600)
        return open(descriptor, "a", encoding=self.encoding)  # noqa: PTH123 - a descriptor

    def handleError(self, record: logging.LogRecord) -> None:
        """Say that a line is missing; see ``logging.Handler``."""
        _say_unwritten()


def _say_unwritten() -> None:
    """Say that the log could not be written: of what was to be, nothing must stand elsewhere."""
    error = sys.exception()
    cause = error.strerror if isinstance(error, OSError) else type(error).__name__
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or full as well
        print(f"prismd: a line of the log could not be written ({cause})", file=sys.stderr)


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether it is one: answers that are cut short at the end are none, but uvicorn logs them."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, asyncio.CancelledError)
