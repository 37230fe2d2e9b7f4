"""Every error that prismd raises on purpose.

::

    PrismdError
    ├── ConfigError            a setting is wrong (exit code 2)
    ├── ExtractError           a file cannot be read as a document
    │   ├── UnsupportedMedia   no extractor takes this type
    │   ├── EncryptedDocument  a password stands before the text
    │   ├── ExtractTimeout     the parser did not finish by its deadline
    │   └── ExtractCrash       the parser's process died or outgrew its memory
    ├── WorkerError            the process that reads files cannot be started
    ├── ModelError             weights are missing, wrong, or fail to run
    │   └── PromptTooLong      a prompt does not fit the model: the request's fault
    ├── StoreError             the database cannot be opened, or refuses
    │   └── StoreLocked        another prismd holds the data directory
    ├── RequestError           a request that cannot be answered as asked
    └── DaemonUnreachable      no daemon answers (exit code 3)
        └── DaemonSilent       its process runs, and does not answer

A message gives the subject, the cause and the next step, in one sentence:
``report.pdf: encrypted; save it without a password to index it``.
"""

from __future__ import annotations

from typing import ClassVar, Self

CANCELLED = "cancelled"
"""Error code of a file that was being read, or waited for its turn, when that was called off."""
LEFT_OFF = "left_off"
"""Error code of a recording that was left behind a piece of it, so that another comes first."""
NO_OCR = "no_ocr"
"""Error code of a file that is nothing without OCR, which is not there or is switched off."""
NO_TEXT = "no_text"
"""Error code of a file that is nothing but pictures on which no words are found."""
UNSUPPORTED = "unsupported"
"""Error code of a file that no extractor takes."""


class PrismdError(Exception):
    """Base of all errors; ``str()`` of it is fit to show to a person.

    Attributes:
        discreetly: What is written of it into the log of an encrypted index, which names no file
            and no folder; empty where that is its kind alone.
    """

    exit_code: ClassVar[int] = 1
    discreetly: str = ""

    def saying(self, discreetly: str) -> Self:
        """The same error, with what may be said of it in any case."""
        self.discreetly = discreetly
        return self


class ConfigError(PrismdError):
    """A setting, flag or environment variable is wrong."""

    exit_code = 2


class ExtractError(PrismdError):
    """A file cannot be read as a document.

    Attributes:
        code: Short stable name, such as ``broken`` or ``empty``; goes to the file's record.
        skip: Nothing is wrong with the file, it is just not for indexing (empty, too large).
        transient: The same bytes may work at another try (locked, busy, crashed under load).
    """

    code: str = "broken"
    skip: bool = False
    transient: bool = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        skip: bool | None = None,
        transient: bool | None = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if skip is not None:
            self.skip = skip
        if transient is not None:
            self.transient = transient


class UnsupportedMedia(ExtractError):
    """No extractor takes this media type."""

    code = UNSUPPORTED
    skip = True


class EncryptedDocument(ExtractError):
    """The text stands behind a password."""

    code = "encrypted"


class ExtractTimeout(ExtractError):
    """The parser did not finish by its deadline and was killed."""

    code = "timeout"
    transient = True


class ExtractCrash(ExtractError):
    """The parser's process died, or outgrew its memory, and was replaced."""

    code = "crash"
    transient = True


class WorkerError(PrismdError):
    """The process that reads files cannot be started; no file is to blame."""


class ModelError(PrismdError):
    """Weights are missing, fail their checksum, or fail to run."""


class PromptTooLong(ModelError):
    """A prompt does not fit the context of the model; the same one never will."""


class StoreError(PrismdError):
    """The database cannot be opened, is damaged, or refuses what was asked."""


class StoreLocked(StoreError):
    """Another prismd process holds the data directory."""


class RequestError(PrismdError):
    """A request that cannot be answered as asked.

    Attributes:
        status: HTTP status.
        code: Short stable name for programs (OpenAI's ``code``).
        param: The field at fault, if one is.
        retry_after_s: When the same may be asked again, if that helps.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.status = status
        self.code = code
        self.param = param


class DaemonUnreachable(PrismdError):
    """No daemon answers at the configured address."""

    exit_code = 3


class DaemonSilent(DaemonUnreachable):
    """The daemon's process runs, but does not answer: it hangs, or has far too much to do."""
