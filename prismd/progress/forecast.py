"""How long the work that is left will take: three lanes that share the machine's cores. Pure.

Files are read in one lane, recordings in another, passages get their vectors in a third, all at
the same time. What anything costs is counted in seconds of a machine that does nothing else: a
clock runs slower while more is going on than there are cores, and stands still in a pause. The
lanes are then run to their ends on paper, where those that remain get faster as others end.

Every method is told the time, in seconds that only go forward.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from prismd.progress.costs import Costs, Kind, kind_of
from prismd.progress.lanes import Lane, ends, pace

_KNOWN_FILES = 3
_SURE_SHARE = 0.1
"""From this share of a file's steps on, its own pace alone says how long the rest takes."""
_LEAST_SHARE = 0.01
"""Below this share of its steps nothing is taken from its pace."""
_KNOWN_SHARE = 0.02
"""From this share on, how long a file takes is told by its pace."""
_OVERDUE = 0.3
"""What took longer than expected is expected to take this much of that time again."""
_FORGET = 0.9
_BATCH = 32
_BATCH_OVERHEAD = 2
"""What any batch costs besides its passages, in passages."""
_SMOOTH_SHARE = 0.1
_SMOOTH_S = (1.0, 20.0)
RECORDINGS: tuple[Kind, ...] = ("wave", "sound", "film")
OTHERS: tuple[Kind, ...] = ("text", "page", "office", "pdf", "picture")


class Queued(msgspec.Struct, frozen=True):
    """Files of a kind that are to be read.

    Attributes:
        root_id: The watched folder; None for files that were uploaded.
    """

    root_id: int | None
    kind: Kind
    files: int
    size_bytes: int


class Backlog(msgspec.Struct, frozen=True):
    """All that is left to do.

    Attributes:
        queued: Files that wait.
        held: Files in hand, of which the forecast itself knows how far they are.
        unembedded: Passages without a vector; None where there is no model to make them.
    """

    queued: tuple[Queued, ...] = ()
    held: tuple[Queued, ...] = ()
    unembedded: int | None = 0


class Hand(msgspec.Struct):
    """A file in hand.

    Attributes:
        began_s: When it was taken, by the clock of the machine that does nothing else.
        first: Steps that were done, and when, as its stage was first heard of.
        last: The same of the latest step.
        total: How many steps there are; 0 where that is not known.
    """

    kind: Kind
    size_bytes: int
    began_s: float
    stage: str = ""
    first: tuple[int, float] = (0, 0.0)
    last: tuple[int, float] = (0, 0.0)
    total: int = 0

    def step(self, stage: str, done: int, total: int, now_s: float) -> None:
        """It came to a stage, or a step of it; one that goes on from before begins above 0."""
        if stage != self.stage or total != self.total or done < self.last[0]:
            self.stage, self.total, self.first = stage, total, (done, now_s)
        self.last = (done, now_s)

    def share(self) -> float:
        """Which share of the steps was seen to be done."""
        return (self.last[0] - self.first[0]) / self.total if self.total else 0.0

    @property
    def is_known(self) -> bool:
        """Whether its own steps tell how long it takes."""
        return self.share() >= _KNOWN_SHARE

    def left_s(self, expected_s: float, now_s: float) -> float:
        """How long the rest takes alone, where so much was expected of all of it."""
        elapsed_s = now_s - self.began_s
        by_kind_s = max(expected_s - elapsed_s, _OVERDUE * elapsed_s)
        share = self.share()
        if share <= _LEAST_SHARE:
            return by_kind_s
        step_s = (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])
        by_steps_s = max(step_s * (self.total - self.last[0]) - (now_s - self.last[1]), 0.0)
        weight = min(share / _SURE_SHARE, 1.0)
        return weight * by_steps_s + (1 - weight) * by_kind_s


class Outlook(msgspec.Struct, frozen=True):
    """What is to be expected; None is what is not known.

    Attributes:
        eta_s: Until everything is read and embedded.
        roots: Until the files of a root are read, by its id; of those that have any.
        hands: Until a file in hand is read, by its lease.
    """

    eta_s: float | None = None
    roots: dict[int, float | None] = {}
    hands: dict[str, float | None] = {}


class Forecast:
    """Learns what work costs, and says how long the rest takes. Not for several threads.

    Args:
        cores: How many cores there are to share.
        now_s: The time.
    """

    def __init__(self, cores: int, now_s: float) -> None:
        self._cores = float(max(cores, 1))
        self._at_s = now_s
        self._clock_s = 0.0
        self._hands: dict[str, Hand] = {}
        self._embedding = False
        self._embedding_began_s = 0.0
        self._passages = self._passages_s = 0.0
        self._readers = 1
        self._paused = False
        self._shown: tuple[float, float] | None = None
        self.costs = Costs()

    # What happens

    def pause(self, now_s: float, *, paused: bool) -> None:
        """Work stands still, or goes on."""
        self._advance(now_s)
        self._paused = paused

    def began(self, lease: str, path: str, size_bytes: int, now_s: float) -> None:
        """A file was taken in hand."""
        self._advance(now_s)
        self._hands[lease] = Hand(kind_of(path), size_bytes, self._clock_s)
        self._readers = max(self._readers, len(self._in_lane(OTHERS)))

    def step(self, lease: str, stage: str, done: int, total: int, now_s: float) -> None:
        """A file in hand came to a stage or to a step of it."""
        self._advance(now_s)
        self._hands[lease].step(stage, done, total, self._clock_s)

    def ended(self, lease: str, now_s: float, passages: int | None) -> None:
        """A file is no more in hand.

        Args:
            lease: It.
            now_s: The time.
            passages: How many it gave; None where it was put off, which says nothing.
        """
        self._advance(now_s)
        hand = self._hands.pop(lease, None)
        if hand is not None and passages is not None:
            seconds = self._clock_s - hand.began_s
            self.costs.observe(hand.kind, hand.size_bytes, seconds, passages)

    def embedding(self, now_s: float) -> None:
        """Vectors of some passages are being made."""
        self._advance(now_s)
        self._embedding, self._embedding_began_s = True, self._clock_s

    def embedded(self, passages: int, now_s: float) -> None:
        """They are made, of so many passages; 0 where that failed."""
        self._advance(now_s)
        self._embedding = False
        if passages:
            seconds = self._clock_s - self._embedding_began_s
            # A few at a time cost more for each; what counts is how it goes with many.
            kept = _FORGET ** (passages / _BATCH)
            self._passages = kept * self._passages + passages + _BATCH_OVERHEAD
            self._passages_s = kept * self._passages_s + seconds

    def _advance(self, now_s: float) -> None:
        """Move the clock of the machine that does nothing else."""
        if not self._paused:
            self._clock_s += max(now_s - self._at_s, 0.0) * self._present_pace()
        self._at_s = now_s

    def _present_pace(self) -> float:
        others = float(len(self._in_lane(OTHERS)))
        models = self._embedding + bool(self._in_lane(RECORDINGS))
        return pace([others, self._cores * models], self._cores)

    def _in_lane(self, kinds: Sequence[Kind]) -> list[Hand]:
        return [hand for hand in self._hands.values() if hand.kind in kinds]

    # What is to be expected

    def outlook(self, backlog: Backlog, now_s: float) -> Outlook:
        """How long what is left will take."""
        self._advance(now_s)
        if self._paused:
            self._shown = None
            return Outlook(None, dict.fromkeys(_kinds_by_root(backlog)), dict.fromkeys(self._hands))
        lanes = {
            "files": self._lane(backlog, OTHERS, self._readers, float(self._readers)),
            "recordings": self._lane(backlog, RECORDINGS, 1, self._cores),
            "vectors": self._vectors(backlog),
        }
        known = [lane or Lane(0.0, 1.0) for lane in lanes.values()]
        ended = dict(zip(lanes, ends(known, self._cores), strict=True))
        wall = {name: ended[name] if lane is not None else None for name, lane in lanes.items()}
        total = None if None in wall.values() else max(ended.values())
        return Outlook(
            self._smoothed(total, now_s),
            self._by_root(backlog, wall["files"], wall["recordings"]),
            {lease: self._hand_left_s(hand) for lease, hand in self._hands.items()},
        )

    def _lane(
        self, backlog: Backlog, kinds: Sequence[Kind], width: int, cores: float
    ) -> Lane | None:
        """The reading of files of some kinds; None where nobody knows how long it takes."""
        hands = self._in_lane(kinds)
        queued = [group for group in backlog.queued if group.kind in kinds]
        if not hands and not queued:
            return Lane(0.0, cores)
        sure = any(hand.is_known for hand in hands)
        if (
            self.costs.seen(*kinds) < (_KNOWN_FILES if len(queued) + len(hands) > 1 else 1)
            and not sure
        ):
            return None
        rest = [self._left_s(hand) for hand in hands]
        waiting_s = sum(
            self._cost_s(group.kind, group.files, group.size_bytes, hands) for group in queued
        )
        return Lane(max((waiting_s + sum(rest)) / width, max(rest, default=0.0)), cores)

    def _cost_s(self, kind: Kind, files: int, size_bytes: int, hands: Sequence[Hand]) -> float:
        """What files cost; by those in hand, where none of the kind was read to its end."""
        seconds = self.costs.of(kind).seconds(files, size_bytes)
        if self.costs.seen(kind):
            return seconds
        for hand in hands:
            if hand.kind == kind and hand.share() > _LEAST_SHARE:
                whole_s = self._clock_s - hand.began_s + self._left_s(hand)
                expected_s = self.costs.of(kind).seconds(1, hand.size_bytes)
                return seconds * whole_s / max(expected_s, 1e-9)
        return seconds

    def _left_s(self, hand: Hand) -> float:
        expected_s = self.costs.of(hand.kind).seconds(1, hand.size_bytes)
        return hand.left_s(expected_s, self._clock_s)

    def _hand_left_s(self, hand: Hand) -> float | None:
        """By its own steps alone: how long a file takes that tells of none, nobody knows."""
        if not hand.is_known:
            return None
        return self._left_s(hand) / self._present_pace()

    def _vectors(self, backlog: Backlog) -> Lane | None:
        if backlog.unembedded is None:
            return Lane(0.0, self._cores)
        coming = sum(self.costs.of(g.kind).passages(g.size_bytes) for g in backlog.queued)
        coming += sum(self.costs.of(h.kind).passages(h.size_bytes) for h in self._hands.values())
        passages = backlog.unembedded + coming
        if not self._passages:
            # Files that give no passages need no vectors.
            known = not backlog.unembedded and (not coming or self.costs.seen() >= _KNOWN_FILES)
            return Lane(0.0, self._cores) if known else None
        return Lane(passages * self._passages_s / self._passages, self._cores)

    def _by_root(
        self, backlog: Backlog, files_s: float | None, recordings_s: float | None
    ) -> dict[int, float | None]:
        """A root is done when the last lane is that it has files in: files are not read by root."""
        found: dict[int, float | None] = {}
        for root_id, kinds in _kinds_by_root(backlog).items():
            waits = [files_s] if kinds & set(OTHERS) else []
            waits += [recordings_s] if kinds & set(RECORDINGS) else []
            known = [wait for wait in waits if wait is not None]
            found[root_id] = max(known) if len(known) == len(waits) else None
        return found

    def _smoothed(self, total_s: float | None, now_s: float) -> float | None:
        """What is shown: moves to what is expected now within moments, not at a jump."""
        if not total_s:
            self._shown = None
            return total_s
        if self._shown is not None:
            shown_s, at_s = self._shown
            passed_s = now_s - at_s
            before_s = max(shown_s - passed_s, 0.0)
            least_s, most_s = _SMOOTH_S
            span_s = min(max(_SMOOTH_SHARE * before_s, least_s), most_s)
            total_s = before_s + (total_s - before_s) * (1 - math.exp(-passed_s / span_s))
        self._shown = (total_s, now_s)
        return total_s


def _kinds_by_root(backlog: Backlog) -> dict[int, set[Kind]]:
    found: dict[int, set[Kind]] = {}
    for group in (*backlog.queued, *backlog.held):
        if group.root_id is not None:
            found.setdefault(group.root_id, set()).add(group.kind)
    return found
