"""Codes of one bit per dimension."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.store import binary_codes
from prismd.store.binary_codes import BinaryCodes, Floats, encode


def made(rows: Floats, ids: list[int] | None = None, parts: int = 1) -> BinaryCodes:
    """Codes of rows, whose ids count from 1, put in by so many parts."""
    mean = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1], np.float32)
    codes = BinaryCodes(mean)
    numbers = np.array(ids or range(1, len(rows) + 1), np.int64)
    for part in np.array_split(np.arange(len(rows)), parts):
        codes = codes.extended(numbers[part], encode(rows[part], mean))
    return codes


def drawn(count: int, dim: int, seed: int = 0) -> Floats:
    """Vectors of length one."""
    rows = np.random.default_rng(seed).standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@given(
    count=st.integers(0, 60),
    dim=st.integers(1, 130),
    parts=st.integers(1, 5),
    wanted=st.integers(1, 70),
    share=st.none() | st.floats(0, 1),
    chunk=st.integers(1, 70),
)
def test_as_many_as_there_are_come_back_and_only_what_is_allowed(
    count: int, dim: int, parts: int, wanted: int, share: float | None, chunk: int
) -> None:
    rows = drawn(count, dim)
    allowed = None
    if share is not None:
        allowed = np.flatnonzero(np.random.default_rng(1).random(count + 20) < share) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binary_codes, "_CHUNK", chunk)
        codes = made(rows, parts=parts)
        found = codes.candidates(drawn(1, dim, 5)[0], wanted, allowed)
        assert all(len(part.ids) <= chunk for part in codes.chunks)
    among = set(range(1, count + 1)) & set(range(1, count + 1) if allowed is None else allowed)
    assert len(codes) == count
    assert found.tolist() == sorted(set(found.tolist()))
    assert set(found.tolist()) <= among
    assert len(found) == min(wanted, len(among))


@given(parts=st.integers(1, 6), seed=st.integers(0, 20))
def test_what_is_put_in_by_parts_is_found_as_what_is_put_in_at_once(parts: int, seed: int) -> None:
    rows = drawn(300, 70, seed)
    query = drawn(1, 70, seed + 1)[0]
    at_once, by_parts = made(rows), made(rows, parts=parts)
    assert at_once.candidates(query, 20).tolist() == by_parts.candidates(query, 20).tolist()


def test_more_codes_leave_the_earlier_ones_as_they_were() -> None:
    rows = drawn(50, 64)
    before = made(rows)
    query = drawn(1, 64, 3)[0]
    found = before.candidates(query, 10).tolist()
    after = before.extended(np.array([51]), encode(query[None, :], before.mean))
    assert before.candidates(query, 10).tolist() == found
    assert 51 in after.candidates(query, 1)


@pytest.mark.parametrize("share", [None, 0.02, 0.2, 0.7])
def test_of_many_the_nearest_are_among_the_candidates(share: float | None) -> None:
    rows = drawn(700, 384, 9)[np.random.default_rng(2).integers(0, 700, 140_000)]
    rows += drawn(len(rows), 384, 4)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    codes = made(rows)
    allowed, left = None, np.arange(len(rows))
    if share is not None:
        left = np.flatnonzero(np.random.default_rng(1).random(len(rows)) < share)
        allowed = left + 1
    found = wanted = 0
    for query in rows[:10] + 0.3 * drawn(10, 384, 6):
        nearest = left[np.argsort(-(rows[left] @ query))[:10]] + 1
        found += len(set(nearest.tolist()) & set(codes.candidates(query, 300, allowed).tolist()))
        wanted += 10
    assert found / wanted >= 0.97


def test_ids_far_apart_are_found() -> None:
    rows = drawn(40, 64)
    ids = [10**12 * number + 3 for number in range(1, 41)]
    codes = made(rows, ids)
    allowed = np.array([5, ids[7], ids[7] + 1, ids[20]], np.int64)
    assert codes.candidates(rows[7], 10, allowed).tolist() == [ids[7], ids[20]]
    assert codes.candidates(rows[7], 1).tolist() == [ids[7]]


def test_a_bit_says_whether_a_value_is_above_the_mean() -> None:
    rows = np.array([[1, -1, 0.2], [0, 0, 0]], np.float32)
    mean = np.array([0.5, -2, 0.2], np.float32)
    words = encode(rows, mean)
    assert words.shape == (2, 1)
    assert np.unpackbits(words.view(np.uint8), axis=1)[:, :3].tolist() == [[1, 1, 0], [0, 1, 0]]
