"""What files cost, learned from what was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.progress.costs import PRIORS, Costs, Kind, kind_of, kind_of_end

MB = 1_000_000
KINDS = st.sampled_from(sorted(PRIORS))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/a/notes.md", "text"),
        ("/a/LEASE.PDF", "pdf"),
        ("/a/photo.jpeg", "picture"),
        ("/a/call.wav", "wave"),
        ("/a/talk.opus", "sound"),
        ("/a/film.webm", "film"),
        ("/a/book.epub", "office"),
        ("/a/mail.eml", "page"),
        ("/a/Makefile", "text"),
        ("/a.pdf/none", "text"),
    ],
)
def test_a_kind_is_told_by_the_name_or_by_its_end(path: str, kind: Kind) -> None:
    assert kind_of(path) == kind
    assert kind_of_end(path.rpartition("/")[2][-5:]) == kind


def test_before_anything_was_read_the_prior_holds() -> None:
    costs = Costs()
    for kind, prior in PRIORS.items():
        found = costs.of(kind)
        assert found.seconds(1, MB) == pytest.approx(prior.seconds(1, MB), rel=0.01)
        assert found.passages(MB) == pytest.approx(prior.passages(MB))


@given(KINDS, st.floats(0.1, 50.0))
def test_how_much_dearer_a_kind_is_here_is_found_out(kind: Kind, factor: float) -> None:
    costs = Costs()
    sizes = [int(share * MB) for share in (0.1, 0.5, 1.0, 2.0, 4.0)] * 40
    for size in sizes:
        costs.observe(kind, size, factor * PRIORS[kind].seconds(1, size), size // 10_000)
    truth = factor * PRIORS[kind].seconds(len(sizes), sum(sizes))
    assert costs.of(kind).seconds(len(sizes), sum(sizes)) == pytest.approx(truth, rel=0.05)
    assert costs.of(kind).passages(MB) == pytest.approx(100, rel=0.1)


@given(KINDS, KINDS)
def test_a_kind_that_was_not_seen_is_judged_by_how_slow_the_others_are(
    seen: Kind, other: Kind
) -> None:
    costs = Costs()
    for _ in range(30):
        costs.observe(seen, MB, 3 * PRIORS[seen].seconds(1, MB), passages=1)
    expected = 3 * PRIORS[other].seconds(1, MB)
    assert costs.of(other).seconds(1, MB) == pytest.approx(expected, rel=0.02)


@given(
    st.lists(
        st.tuples(KINDS, st.integers(0, 10**10), st.floats(0, 10**5), st.integers(0, 10**6)),
        max_size=60,
    )
)
def test_whatever_was_seen_nothing_costs_less_than_nothing(
    seen: list[tuple[Kind, int, float, int]],
) -> None:
    costs = Costs()
    for kind, size_bytes, seconds, passages in seen:
        costs.observe(kind, size_bytes, seconds, passages)
    for kind in PRIORS:
        found = costs.of(kind)
        assert 0 <= found.file_s < float("inf")
        assert 0 <= found.mb_s < float("inf")
        assert 0 <= found.mb_passages < float("inf")
        assert found.seconds(1, MB) > 0


def test_the_latest_counts_most() -> None:
    costs = Costs()
    for seconds in [1.0] * 100 + [10.0] * 200:
        costs.observe("pdf", MB, seconds, passages=0)
    assert costs.of("pdf").seconds(1, MB) == pytest.approx(10, rel=0.1)
