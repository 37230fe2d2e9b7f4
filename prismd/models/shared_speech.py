"""One transcriber for persons and for indexing: who waits for an answer goes first.

Writing down an hour takes minutes, and somebody who has spoken for five seconds waits for the
words. So what is being indexed is left as soon as a person's recording comes, behind the piece in
hand, which is half a minute at most, and goes on there once no person's is left. The model stays
in memory, no piece is heard twice, and each turn brings what is indexed on by one at least.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict, Unpack

from prismd.errors import LEFT_OFF, ExtractError
from prismd.models.base import Segment, Transcriber, Transcript

_LOOK_S = 0.2


class _Persons:
    """How many persons' recordings are in hand or wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def any(self) -> bool:
        return self._count > 0

    def wait_for_none(self, cancelled: Callable[[], bool]) -> None:
        """Wait until nobody's is left, or the call is called off."""
        with self._changed:
            while self._count and not cancelled():
                self._changed.wait(_LOOK_S)


class _Sharing:
    def __init__(self, model: Transcriber, persons: _Persons) -> None:
        self._model = model
        self._persons = persons

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self._model.name

    @property
    def revision(self) -> str:
        """Changes whenever the same recording may be written down otherwise."""
        return self._model.revision

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it knows."""
        return self._model.languages

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._model.close()


class SharedTranscriber(_Sharing):
    """A transcriber, as those who index see it: it lets persons go first.

    Args:
        model: Whose time is shared.
    """

    def __init__(self, model: Transcriber) -> None:
        super().__init__(model, _Persons())

    def for_persons(self) -> Transcriber:
        """The same transcriber for recordings that a person waits for."""
        return _PersonsTranscriber(self._model, self._persons)

    def transcribe(
        self,
        path: Path,
        *,
        language: str = "",
        prompt: str = "",
        on_step: Callable[[float, float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        known: Mapping[int, bytes] | None = None,
        on_piece: Callable[[int, bytes], None] | None = None,
        on_said: Callable[[Sequence[Segment]], None] | None = None,
        leave: Callable[[], bool] | None = None,
    ) -> Transcript:
        """Write down what is said, as often as it takes; see ``models.base.Transcriber``."""
        called_off, is_left = cancelled or _never, leave or _never
        pieces = dict(known or {})
        given = 0

        def keep(number: int, content: bytes) -> None:
            pieces[number] = content
            if on_piece is not None:
                on_piece(number, content)

        def tell(segments: Sequence[Segment]) -> None:
            nonlocal given
            given += len(segments)
            if on_said is not None:
                on_said(segments)

        while True:
            self._persons.wait_for_none(called_off)
            try:
                return self._model.transcribe(
                    path,
                    language=language,
                    prompt=prompt,
                    on_step=on_step,
                    cancelled=cancelled,
                    known=pieces,
                    on_piece=keep,
                    on_said=_behind(given, tell) if on_said is not None else None,
                    leave=lambda: self._persons.any() or is_left(),
                )
            except ExtractError as error:
                if error.code != LEFT_OFF or is_left():
                    raise


class _Wanted(TypedDict, total=False):
    """What ``models.base.Transcriber.transcribe`` takes beside the path."""

    language: str
    prompt: str
    on_step: Callable[[float, float], None] | None
    cancelled: Callable[[], bool] | None
    leave: Callable[[], bool] | None
    known: Mapping[int, bytes] | None
    on_piece: Callable[[int, bytes], None] | None
    on_said: Callable[[Sequence[Segment]], None] | None


class _PersonsTranscriber(_Sharing):
    """A transcriber, as persons see it."""

    def transcribe(self, path: Path, **wanted: Unpack[_Wanted]) -> Transcript:
        """Write down what is said before all that is indexed; see ``models.base.Transcriber``."""
        with self._persons.one():
            return self._model.transcribe(path, **wanted)


def _behind(
    count: int, tell: Callable[[Sequence[Segment]], None]
) -> Callable[[Sequence[Segment]], None]:
    """Tells of segments but the first so many, of which was told before."""
    left = count

    def behind(segments: Sequence[Segment]) -> None:
        nonlocal left
        new = segments[left:]
        left = max(0, left - len(segments))
        if new:
            tell(new)

    return behind


def _never() -> bool:
    return False
