"""Vectors as one bit per dimension, compared one and all. Pure.

A bit says whether a value is above the mean. By exclusive-or and counting bits a million codes of
384 dimensions are compared with a query in 4 ms; the few thousand nearest are then ordered by the
query's own values, signed by their bits, and the best few hundred of these are worth comparing
exactly.

(Sign codes: Charikar, STOC 2002; asymmetric comparison: Dong, Charikar, Li, SIGIR 2008.)
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Codes = NDArray[np.uint64]

_CHUNK = 32_768
_SHORTLIST = 2_000
_SAMPLED = 131_072
# More rows at once go to several threads of the linear algebra, which costs more than it gains.
_ROWS = 1_000


class _Chunk(msgspec.Struct, frozen=True):
    """Ids, ascending, of shape ``(n,)``, and codes of shape ``(words, n)``."""

    ids: Ids
    codes: Codes


class BinaryCodes(msgspec.Struct, frozen=True):
    """Codes in memory, by ascending ids; 56 bytes a vector of 384 dimensions.

    Attributes:
        mean: Shape ``(dim,)``.
        chunks: At most 32,768 codes each.
    """

    mean: Floats
    chunks: tuple[_Chunk, ...] = ()

    def __len__(self) -> int:
        return sum(len(chunk.ids) for chunk in self.chunks)

    def extended(self, ids: Ids, codes: Codes) -> BinaryCodes:
        """These and more; the arrays of whole chunks are shared.

        Args:
            ids: Shape ``(n,)``, ascending, above all that are here.
            codes: Shape ``(n, words)``, as of ``encode``.
        """
        chunks = list(self.chunks)
        columns = codes.T
        if chunks and len(chunks[-1].ids) < _CHUNK:
            last = chunks.pop()
            ids = np.concatenate([last.ids, ids])
            columns = np.concatenate([last.codes, columns], axis=1)
        for start in range(0, len(ids), _CHUNK):
            part = slice(start, start + _CHUNK)
            chunks.append(_Chunk(ids[part].copy(), np.ascontiguousarray(columns[:, part])))
        return BinaryCodes(self.mean, tuple(chunks))

    def candidates(self, query: Floats, count: int, allowed: Ids | None = None) -> Ids:
        """The ids most worth comparing exactly, ascending.

        Args:
            query: Shape ``(dim,)``.
            count: At most so many.
            allowed: Ascending ids to choose among, or None for all.
        """
        code = encode(query[None, :], self.mean)[0]
        distances = [_distances(chunk, code, allowed) for chunk in self.chunks]
        ids, codes = self._shortlist(distances, max(_SHORTLIST, count))
        if len(ids) <= count:
            return ids
        likeness = _likeness(codes, query - self.mean)
        return np.sort(ids[np.argpartition(-likeness, count - 1)[:count]])

    def _shortlist(self, distances: list[NDArray[np.uint16]], count: int) -> tuple[Ids, Codes]:
        """About so many of the least distances, or somewhat more: many are equal."""
        words = -(-len(self.mean) // 64)
        far = _far(words)
        # The limit is told well enough by some of very many.
        step = max(1, len(self) // _SAMPLED)
        histogram = np.zeros(far + 1, np.int64)
        for part in distances:
            histogram += np.bincount(part[::step], minlength=far + 1)
        limit = min(far - 1, int(np.searchsorted(np.cumsum(histogram) * step, count)))
        ids, codes = [np.empty(0, np.int64)], [np.empty((words, 0), np.uint64)]
        for chunk, part in zip(self.chunks, distances, strict=True):
            near = np.flatnonzero(part <= limit)
            ids.append(chunk.ids[near])
            codes.append(chunk.codes[:, near])
        return np.concatenate(ids), np.ascontiguousarray(np.concatenate(codes, axis=1).T)


def encode(vectors: Floats, mean: Floats) -> Codes:
    """Bit codes: shape ``(n, ceil(dim / 64))``, bit set where a value is above the mean's."""
    bits = np.packbits(vectors > mean, axis=1)
    padding = -bits.shape[1] % 8
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, padding)))).view(np.uint64)


def _far(words: int) -> int:
    """A distance that no two codes have."""
    return 64 * words + 1


def _distances(chunk: _Chunk, code: Codes, allowed: Ids | None) -> NDArray[np.uint16]:
    """Hamming distances, shape ``(n,)``; that of what is not allowed is greater than any."""
    if allowed is None:
        return _hamming(chunk.codes, code)
    first, last = np.searchsorted(allowed, (chunk.ids[0], chunk.ids[-1] + 1))
    kept = np.isin(chunk.ids, allowed[first:last], assume_unique=True)
    if 4 * (last - first) > len(chunk.ids):
        distances = _hamming(chunk.codes, code)
        distances[~kept] = _far(len(code))
    else:
        distances = np.full(len(chunk.ids), _far(len(code)), np.uint16)
        positions = np.flatnonzero(kept)
        distances[positions] = _hamming(chunk.codes[:, positions], code)
    return distances


def _hamming(codes: Codes, code: Codes) -> NDArray[np.uint16]:
    total = np.zeros(codes.shape[1], np.uint16)
    differing = np.empty(codes.shape[1], np.uint64)
    counted = np.empty(codes.shape[1], np.uint8)
    for column, word in zip(codes, code, strict=True):
        np.bitwise_xor(column, word, out=differing)
        np.bitwise_count(differing, out=counted)
        np.add(total, counted, out=total)
    return total


def _likeness(codes: Codes, values: Floats) -> Floats:
    """The sum of the values where a code has its bit set; orders as their signed sum does."""
    found = np.empty(len(codes), np.float32)
    for start in range(0, len(codes), _ROWS):
        part = slice(start, start + _ROWS)
        bits = np.unpackbits(codes[part].view(np.uint8), axis=1, count=len(values))
        found[part] = bits.astype(np.float32) @ values
    return found
