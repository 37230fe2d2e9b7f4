"""Keeps what was searched and asked, where that is wanted, at no cost to whoever asked."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

import apsw
import msgspec

from prismd.domain import UPLOADS, Answer, Filters
from prismd.encryption.discretion import own
from prismd.errors import StoreError
from prismd.store import attributes, cited, facts, files, history, responses
from prismd.store.cited import CitedFile
from prismd.store.database import Database
from prismd.store.erasing import empty_log
from prismd.store.history import NOTHING, Entry, KeptEntry, Kind

log = logging.getLogger(__name__)

_DAY_S = 86_400.0
_QUERY_CHARS = 4_000
_SWITCH = "history"
_OFF = "off"


class HistorySettings(msgspec.Struct, frozen=True):
    """What is kept.

    Attributes:
        kept: Whether anything is.
        entries: How many at most.
        days: For how long; 0 is for ever.
    """

    kept: bool = True
    entries: int = 10_000
    days: int = 365


class History:
    """What was searched and asked. Any thread may call.

    Args:
        database: Where it is kept, when it is writable.
        settings: What is kept.
        clock: Seconds since the epoch.
        cited: Told, in any thread, when the files that the last answers cited may be others.
    """

    def __init__(
        self,
        database: Database,
        settings: HistorySettings,
        clock: Callable[[], float] = time.time,
        cited: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._cited = cited
        self._failing = False
        self.settings = settings
        """What is kept; may be set by any thread, and counts from the next question on."""
        self._switched_off = database.read(lambda c: facts.get(c, _SWITCH)) == _OFF

    @property
    def kept(self) -> bool:
        """Whether anything is added: the settings allow it, and nobody has switched it off."""
        return self.settings.kept and not self._switched_off

    def switch(self, *, on: bool) -> None:
        """Keep what is searched and asked, or not, from now on and after every start. Blocks.

        On, no more is kept than the settings allow.

        Raises:
            StoreError: It cannot be written down; off it is all the same, until the next start.
        """
        if not on:
            self._switched_off = True
        self._database.write(lambda c: facts.put(c, _SWITCH, "" if on else _OFF))
        self._switched_off = not on

    def searched(self, query: str, filters: Filters, *, hits: int, example: str = "") -> None:
        """Keep a search. Returns at once and never fails: the answer is worth more.

        Args:
            query: As it was written.
            filters: All that narrowed it.
            hits: How many came of it.
            example: ``image`` or ``audio`` where the like of something was looked for.
        """
        self._note(Entry(kind="search", query=_short(query), example=example, hits=hits), filters)

    def asked(self, question: str, answer: Answer, filters: Filters) -> None:
        """Keep a question that was answered. Returns at once and never fails."""
        entry = Entry(
            kind="ask",
            query=_short(question),
            hits=len(answer.hits),
            engine=answer.engine,
            grounding=answer.grounding,
            cited=_cited(answer),
        )
        self._note(entry, filters)

    def page(
        self, *, limit: int, before_id: int | None = None, kind: Kind | None = None
    ) -> tuple[Sequence[KeptEntry], int]:
        """What is kept, newest first, and how much it is in all. Blocks."""
        return self._database.read(
            lambda c: history.page(c, limit=limit, before_id=before_id, kind=kind)
        )

    def cited_files(self, limit: int) -> list[CitedFile]:
        """The files that the last of the kept answers cited, the latest first. Blocks."""
        return self._database.read(lambda c: cited.recent(c, limit))

    def remove(self, entry_id: int) -> bool:
        """Forget one entry; says whether there was one. Blocks.

        Raises:
            StoreError: It cannot be written.
        """
        removed = self._database.write(lambda c: history.remove(c, entry_id))
        self._cited()
        return removed

    def clear(self) -> int:
        """Forget everything, kept responses included; returns how many entries. Blocks.

        Raises:
            StoreError: It cannot be written.
        """

        def clear(connection: apsw.Connection) -> int:
            responses.clear(connection)
            return history.clear(connection)

        count = self._database.write(clear)
        self._cited()
        # Of the log of writes, too, which keeps the questions until it is written over.
        with contextlib.suppress(StoreError):
            self._database.run_outside_transaction(empty_log)
        return count

    def _note(self, entry: Entry, filters: Filters) -> None:
        settings = self.settings
        if not self.kept or not self._database.writable:
            return
        now = self._clock()
        before = now - settings.days * _DAY_S if settings.days else 0.0

        def keep(connection: apsw.Connection) -> None:
            told = _told(filters, {root.id: root.path for root in files.roots(connection)})
            history.add(connection, msgspec.structs.replace(entry, asked_at=now, filters=told))
            history.prune(connection, most=settings.entries, before=before)

        # Both say that the index is being closed.
        with contextlib.suppress(StoreError, RuntimeError):
            noted = self._database.submit(keep)
            noted.add_done_callback(self._written)
            if entry.cited != NOTHING:
                noted.add_done_callback(lambda _: self._cited())

    def _written(self, done: Future[None]) -> None:
        error = done.exception() if not done.cancelled() else None
        if error is not None and not self._failing:
            # Said once for a disk that is full: the reason alone, never what was asked.
            reason = error if isinstance(error, StoreError) else own(type(error).__name__)
            log.warning("what is asked is not being noted: %s", reason)
        self._failing = error is not None


def _short(query: str) -> str:
    return attributes.storable(query.strip()[:_QUERY_CHARS])


def _cited(answer: Answer) -> str:
    """What an answer rests on, as JSON."""
    ids = (citation.citation_id for citation in answer.citations if citation.support != "none")
    return msgspec.json.encode(list(dict.fromkeys(ids))).decode()


def _told(filters: Filters, folders: Mapping[int, str]) -> str:
    """Filters as JSON, without those that narrow nothing, and with folders by their paths."""
    told = msgspec.to_builtins(filters)
    told["roots"] = [
        "uploads" if number == UPLOADS else folders[number]
        for number in filters.roots
        if number == UPLOADS or number in folders
    ]
    return msgspec.json.encode({name: value for name, value in told.items() if value}).decode()
