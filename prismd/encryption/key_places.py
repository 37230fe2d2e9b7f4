"""Where the key of an encrypted index is kept: in the system's keyring, or in a private file.

A place holds the key, and while it is being changed the next one too: the index has the one or
the other, whenever the change is cut short.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from prismd.encryption import asking, keyrings
from prismd.encryption.key import Key
from prismd.errors import ConfigError, StoreError
from prismd.paths.settling import settle

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

_SERVICE = "prismd"
_NEXT = " (next)"
_NEXT_SUFFIX = ".next"
_LONGEST_BYTES = 1024
_ELSEWHERE = 'or keep the key in a file: [storage] key = "file" and key_file'
_MISNAMED = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
)
"""What no waiting mends of a file that cannot be opened; all else may be a stick's."""


class KeyAway(StoreError):
    """The key cannot be had now, and may be later: whoever has the time waits for it."""


class KeyPlace(Protocol):
    """Holds the key of one index; ``str()`` of it says where."""

    kind: str
    """What it is, in words that name nothing of the user's."""

    def may_answer(self) -> bool | None:
        """Whether to ask for the key is worth it now, found out without a question to the user.

        May take as long as a disk or a keyring does not answer. Never fails.

        Returns:
            None where nobody can tell but by asking.
        """

    def read(self) -> Key | None:
        """The key, if there is one.

        Raises:
            KeyAway: The place cannot be asked now.
            ConfigError: What is there is no key, or others can read it.
        """

    def read_next(self) -> Key | None:
        """The key of a change that was not brought to its end; raises as ``read``."""

    def keep(self, key: Key) -> None:
        """Keep a key in place of what was there; raises as ``read``."""

    def keep_next(self, key: Key) -> None:
        """Keep the key to which the index is about to be changed; raises as ``read``."""

    def promote(self, key: Key) -> None:
        """Keep the next key as the key, even if it has been lost here; raises as ``read``.

        Args:
            key: The next key, which the index has by now.
        """


class FileKey:
    """A key in a file that only its owner can read.

    Args:
        path: The file.
    """

    kind = "the key file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = path.with_name(path.name + _NEXT_SUFFIX)

    def __str__(self) -> str:
        return str(self._path)

    @property
    def paths(self) -> tuple[Path, Path]:
        """The files in which there may be a key."""
        return self._path, self._next

    def may_answer(self) -> bool | None:
        """See ``KeyPlace``."""
        return os.path.isdir(self._path.parent)  # noqa: PTH112 - Path's raises what disks do

    def read(self) -> Key | None:
        """See ``KeyPlace``."""
        return _read(self._path)

    def read_next(self) -> Key | None:
        """See ``KeyPlace``."""
        return _read(self._next)

    def keep(self, key: Key) -> None:
        """See ``KeyPlace``."""
        _write(self._path, key)

    def keep_next(self, key: Key) -> None:
        """See ``KeyPlace``."""
        _write(self._next, key)

    def promote(self, key: Key) -> None:
        """See ``KeyPlace``."""
        _write(self._path, key)
        # Reading goes by the key first, so one that is left over does no harm.
        with contextlib.suppress(OSError):
            self._next.unlink()


class KeyringKey:
    """A key in the keyring of the user's session.

    Args:
        data_dir: The index; each has an entry of its own, by its real path.
        bound_s: How long each question may take; see ``asking.answer``.
    """

    kind = "the keyring"

    def __init__(self, data_dir: Path, bound_s: float | None = asking.BOUND_S) -> None:
        self._entry = os.path.realpath(data_dir)
        self._bound_s = bound_s

    def __str__(self) -> str:
        return f"the keyring (service {_SERVICE}, entry {self._entry})"

    def may_answer(self) -> bool | None:
        """See ``KeyPlace``."""
        return keyrings.is_open(_SERVICE, self._entry)

    def read(self) -> Key | None:
        """See ``KeyPlace``."""
        return self._read(self._entry)

    def read_next(self) -> Key | None:
        """See ``KeyPlace``."""
        return self._read(self._entry + _NEXT)

    def keep(self, key: Key) -> None:
        """See ``KeyPlace``."""
        self._keep(self._entry, key)

    def keep_next(self, key: Key) -> None:
        """See ``KeyPlace``."""
        self._keep(self._entry + _NEXT, key)

    def promote(self, key: Key) -> None:
        """See ``KeyPlace``."""
        self.keep(key)
        # As with files: one that is left over does no harm.
        with contextlib.suppress(Exception):
            self._ask(lambda keyring: keyring.delete_password(_SERVICE, self._entry + _NEXT))

    def _read(self, entry: str) -> Key | None:
        text = self._ask(lambda keyring: keyring.get_password(_SERVICE, entry))
        return None if text is None else _parsed(text, str(self))

    def _keep(self, entry: str, key: Key) -> None:
        self._ask(lambda keyring: keyring.set_password(_SERVICE, entry, key.text))
        # There are keyrings that take everything and keep nothing.
        if self._read(entry) != key:
            raise StoreError(f"{self}: did not keep the key; mend the keyring, {_ELSEWHERE}")

    def _ask(self, question: Callable[[KeyringBackend], T]) -> T:
        # Which one there is, is a question to the bus, which may not be answered either.
        try:
            return asking.answer(lambda: question(_keyring()), self._bound_s)
        except KeyAway:
            raise
        except Exception as error:  # backends raise whatever their libraries do
            raise _refused(error) from error


class KnownKey:
    """A place whose key has been got already: nobody is asked for it once more.

    Args:
        place: The place.
        key: Its key; None where there is none but the next.
    """

    def __init__(self, place: KeyPlace, key: Key | None) -> None:
        self.kind = place.kind
        self.may_answer, self.read_next = place.may_answer, place.read_next
        self.keep, self.keep_next, self.promote = place.keep, place.keep_next, place.promote
        self._place, self._key = place, key

    def __str__(self) -> str:
        return str(self._place)

    def read(self) -> Key | None:
        """See ``KeyPlace``."""
        return self._key


def _keyring() -> KeyringBackend:
    """The keyring of this session.

    Raises:
        KeyAway: There is none, or one that would write the key where anybody may read it.
    """
    backend = keyrings.safe_keyring()
    if backend is None:
        raise KeyAway(
            "the key of the index: this session has no keyring that keeps it safe; log in where"
            f" one runs (GNOME Keyring, KWallet, the macOS keychain), {_ELSEWHERE}"
        )
    return backend


def _refused(error: Exception) -> KeyAway:
    """What a keyring says when it is locked, or its service is not there."""
    cause = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return KeyAway(
        f"the key of the index: the keyring does not give it ({cause}); unlock it, by logging in or"
        f" in what manages passwords and keys, and start prismd again unless it waits, {_ELSEWHERE}"
    )


def _read(path: Path) -> Key | None:
    try:
        content = _content(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        kind = ConfigError if error.errno in _MISNAMED else KeyAway
        raise kind(
            f"{path}: the key cannot be read ({error.strerror}); mend that, or name another"
            " [storage] key_file"
        ) from error
    return _parsed(content.decode("ascii", "replace"), str(path))


def _content(path: Path) -> bytes:
    """What a key file says; of a stick that was pulled out it may open and not be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f"{path}: is no file; name one as [storage] key_file")
        if not _is_private(about):
            raise ConfigError(
                f"{path}: others can read the key, or it is not yours; 'chmod 600' it, and change"
                " the key ('prismd key change') if they may have"
            )
        return os.read(descriptor, _LONGEST_BYTES)
    finally:
        os.close(descriptor)


def _is_private(about: os.stat_result) -> bool:
    return not about.st_mode & 0o077 and about.st_uid in (os.geteuid(), 0)


def _parsed(text: str, place: str) -> Key:
    try:
        return Key.parse(text)
    except ValueError:
        raise ConfigError(
            f"{place}: holds no key (64 hexadecimal digits); 'prismd key restore' puts back one"
            " that you have kept"
        ) from None


def _write(path: Path, key: Key) -> None:
    """By one step, so that there is never half a key.

    Its folder is not made: it may be that of a stick which is not plugged in, and what was made in
    its place would be on the very disk on which the key is not to be.
    """
    made = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                if not _is_private(os.fstat(descriptor)):
                    raise ConfigError(
                        f"{path}: on this disk no file is its owner's alone, as on FAT, and others"
                        " could read the key; name another [storage] key_file"
                    )
                stream.write(f"{key.text}\n")
                stream.flush()
                os.fsync(stream.fileno())
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)
        settle(path.parent)
    except FileNotFoundError as error:
        raise KeyAway(
            f"{path.parent}: is not there, and the key is to be kept in it; plug in the disk that"
            " has it, or make the folder, or name another [storage] key_file"
        ) from error
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path}: the key cannot be written ({error.strerror}); make its folder writable, or name"
        " another [storage] key_file"
    )
