"""Where the key of an encrypted index is kept: in the system's keyring, or in a private file.

A place holds the key, and while it is being changed the next one too: the index has the one or
the other, whenever the change is cut short.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prismd.errors import ConfigError, StoreError
from prismd.key import Key

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_SERVICE = "prismd"
_NEXT = " (next)"
_NEXT_SUFFIX = ".next"
_LONGEST_BYTES = 1024
_ELSEWHERE = 'or keep the key in a file: [storage] key = "file" and key_file'


class KeyPlace(Protocol):
    """Holds the key of one index; ``str()`` of it says where."""

    def read(self) -> Key | None:
        """The key, if there is one.

        Raises:
            StoreError: The place cannot be asked now.
            ConfigError: What is there is no key, or others can read it.
        """

    def read_next(self) -> Key | None:
        """The key of a change that was not brought to its end; raises as ``read``."""

    def keep(self, key: Key) -> None:
        """Keep a key in place of what was there; raises as ``read``."""

    def keep_next(self, key: Key) -> None:
        """Keep the key to which the index is about to be changed; raises as ``read``."""

    def promote(self) -> None:
        """Make the next key the key; raises as ``read``."""


class FileKey:
    """A key in a file that only its owner can read.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = path.with_name(path.name + _NEXT_SUFFIX)

    def __str__(self) -> str:
        return str(self._path)

    @property
    def paths(self) -> tuple[Path, Path]:
        """The files in which there may be a key."""
        return self._path, self._next

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

    def promote(self) -> None:
        """See ``KeyPlace``."""
        try:
            self._next.replace(self._path)
            _settle(self._path.parent)
        except OSError as error:
            raise _cannot_write(self._path, error) from error


class KeyringKey:
    """A key in the keyring of the user's session.

    Args:
        data_dir: The index; each has an entry of its own, by its real path.
    """

    def __init__(self, data_dir: Path) -> None:
        self._entry = os.path.realpath(data_dir)

    def __str__(self) -> str:
        return f"the keyring (service {_SERVICE}, entry {self._entry})"

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

    def promote(self) -> None:
        """See ``KeyPlace``."""
        following = self.read_next()
        if following is not None:
            self.keep(following)
            # Reading goes by the key first, so one that is left over does no harm.
            with contextlib.suppress(Exception):
                _keyring().delete_password(_SERVICE, self._entry + _NEXT)

    def _read(self, entry: str) -> Key | None:
        keyring = _keyring()
        try:
            text = keyring.get_password(_SERVICE, entry)
        except Exception as error:  # backends raise whatever their libraries do
            raise _refused(error) from error
        return None if text is None else _parsed(text, str(self))

    def _keep(self, entry: str, key: Key) -> None:
        keyring = _keyring()
        try:
            keyring.set_password(_SERVICE, entry, key.text)
        except Exception as error:
            raise _refused(error) from error
        # There are keyrings that take everything and keep nothing.
        if self._read(entry) != key:
            raise StoreError(f"{self}: did not keep the key; mend the keyring, {_ELSEWHERE}")


def _keyring() -> KeyringBackend:
    """The keyring of this session.

    Raises:
        StoreError: There is none, or one that would write the key where anybody may read it.
    """
    import keyring
    from keyring.core import recommended

    backend = keyring.get_keyring()
    if not recommended(backend):
        raise StoreError(
            "the key of the index: this session has no keyring that keeps it safe; log in where"
            f" one runs (GNOME Keyring, KWallet, the macOS keychain), {_ELSEWHERE}"
        )
    return backend


def _refused(error: Exception) -> StoreError:
    """What a keyring says when it is locked, or its service is not there."""
    cause = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return StoreError(
        f"the key of the index: the keyring does not answer ({cause}); unlock it by logging in, and"
        f" start prismd again, {_ELSEWHERE}"
    )


def _read(path: Path) -> Key | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{path}: the key cannot be read ({error.strerror}); mend that, or name another"
            " [storage] key_file"
        ) from error
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f"{path}: is no file; name one as [storage] key_file")
        if about.st_mode & 0o077 or about.st_uid not in (os.geteuid(), 0):
            raise ConfigError(
                f"{path}: others can read the key, or it is not yours; 'chmod 600' it, and change"
                " the key ('prismd key change') if they may have"
            )
        content = os.read(descriptor, _LONGEST_BYTES)
    finally:
        os.close(descriptor)
    return _parsed(content.decode("ascii", "replace"), str(path))


def _parsed(text: str, place: str) -> Key:
    try:
        return Key.parse(text)
    except ValueError:
        raise ConfigError(
            f"{place}: holds no key (64 hexadecimal digits); 'prismd key restore' puts back one"
            " that you have kept"
        ) from None


def _write(path: Path, key: Key) -> None:
    """By one step, so that there is never half a key."""
    made = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(f"{key.text}\n")
                stream.flush()
                os.fsync(stream.fileno())
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)
        _settle(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _settle(folder: Path) -> None:
    """Have what was renamed in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path}: the key cannot be written ({error.strerror}); make its folder writable, or name"
        " another [storage] key_file"
    )
