"""The progress bar of ``prismd index``: files, passages per second, file in hand, time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from prismd.api.prospects import backlog_of
from prismd.api.queue_counts import QueueCounts
from prismd.daemon.assembly import Prism
from prismd.place import progress_in_words
from prismd.progress.forecast import Outlook
from prismd.progress.progress import Current
from prismd.store import counts
from prismd.timing import duration
from prismd.wording import shown_name

_FILE_SHARE = 0.3
"""Reading's share of the bar; the rest is embedding, which takes the longer part."""
_PLAIN_S = 5.0


def in_hand(item: Current) -> str:
    """A file in hand, with how far its reading has come where that is known."""
    name = shown_name(item.path)
    told = progress_in_words(item.stage, item.done, item.total)
    if told == item.stage:
        return name
    return f"{name} ({told}, {duration(item.eta_s)} left)" if item.eta_s else f"{name} ({told})"


class IndexBar:
    """Shows how far indexing is, on a terminal as a bar, elsewhere as a line now and then."""

    def __init__(self, prism: Prism, files: int, *, quiet: bool) -> None:
        self._prism = prism
        self._files = files
        self._queue = QueueCounts(prism.database)
        self._quiet = quiet or not files
        self._said = time.monotonic()
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.fields[counts]}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[rest]}", markup=False),  # a name may have brackets
            console=self._console,
            transient=True,
            disable=self._quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, counts="", rest="")

    def __enter__(self) -> IndexBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self) -> None:
        """Show the present state."""
        if self._quiet:
            return
        now = self._prism.progress.snapshot()
        done = sum(now.files.values())
        passages, embedded = self._prism.database.read(counts.passages)
        reading = done / self._files if self._files else 1.0
        meaning = embedded / passages if passages else 0.0
        share = min(1.0, _FILE_SHARE * reading + (1 - _FILE_SHARE) * meaning * reading)
        outlook = self._outlook(passages - embedded)
        left = f"{duration(outlook.eta_s)} left" if outlook.eta_s else ""
        told = f"{done}/{self._files} files  {embedded}/{passages} passages"
        hands = [
            in_hand(replace(current, eta_s=outlook.hands.get(lease)))
            for current, lease in zip(now.current, now.leases, strict=True)
        ]
        current = ", ".join(hands) or "embedding"
        rest = f"{now.embeddings_per_s:.0f} passages/s  {left}  {current[:60]}"
        self._bar.update(self._task, completed=share, counts=told, rest=rest)
        if not self._console.is_terminal and time.monotonic() - self._said > _PLAIN_S:
            self._said = time.monotonic()
            print(f"{told}  {rest}", file=sys.stderr, flush=True)

    def _outlook(self, unembedded: int) -> Outlook:
        groups = self._queue.groups()
        embeds = self._prism.models.embedder is not None
        return self._prism.progress.outlook(backlog_of(groups, unembedded if embeds else None))
