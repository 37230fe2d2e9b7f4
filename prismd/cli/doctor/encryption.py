"""The encryption of the index: whether it is as the settings say, and its key can be had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prismd.cli.doctor.verdict import Verdict, note, ok, problem, problem_of
from prismd.config.options import Config
from prismd.daemon.unlocking import key_of, key_place
from prismd.errors import PrismdError
from prismd.store import cipher
from prismd.store.database import FILE_NAME

_WHAT = "encryption"


class Seen(NamedTuple):
    """What was seen of it.

    Attributes:
        state: What the file is.
        wanted: Whether the settings want it encrypted.
        place: Where the key is kept; empty when none is needed.
        has_key: Whether it is there.
        fault: Why the key cannot be had; None when it can, or none is needed.
    """

    state: cipher.State
    wanted: bool
    place: str = ""
    has_key: bool = False
    fault: PrismdError | None = None

    @property
    def opens(self) -> bool:
        """Whether prismd will open the index, as far as encryption goes."""
        return self.fault is None and not (self.wanted and self.state == "plain")


def see(config: Config) -> Seen:
    """Look at the file and for its key; asks the keyring, which may ask its user.

    To be called before anything else opens the file; see ``cipher.state``.

    Raises:
        OSError: The file cannot be read.
    """
    path, wanted = config.data_dir / FILE_NAME, config.storage.encryption
    state = cipher.state(path)
    if state != "encrypted" and not wanted:
        return Seen(state, wanted)
    try:
        place = key_place(config, bound_s=None)  # whoever looks is not waited for long
        key = key_of(path, place) if state == "encrypted" else place.read()
    except PrismdError as error:
        return Seen(state, wanted, fault=error)
    return Seen(state, wanted, str(place), has_key=key is not None)


def judge(seen: Seen) -> Iterator[Verdict]:
    """What is to be said of it. Pure."""
    if seen.wanted and seen.state == "plain":
        detail = "the index is not encrypted, as [storage] encryption wants it"
        yield problem(_WHAT, detail, "stop prismd and run 'prismd encrypt'; or encryption = false")
    elif seen.fault is not None:
        yield problem_of(_WHAT, seen.fault)
    elif not seen.wanted and seen.state != "encrypted":
        yield ok(_WHAT, "off; whoever can read your files can read the index ('prismd encrypt')")
    elif not seen.has_key:
        yield ok(_WHAT, f"on; the first start makes a key, in {seen.place}")
    elif seen.state != "encrypted":
        yield ok(_WHAT, f"on, for an index that is still to be made; its key is in {seen.place}")
    elif seen.wanted:
        yield ok(_WHAT, f"on; the key opens the index, and is in {seen.place}")
    else:
        detail = f"the index is encrypted, and a new one would not be; the key is in {seen.place}"
        yield note(_WHAT, detail, "set encryption = true under [storage]")
