"""Work that shares the cores of a machine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.progress.lanes import Lane, ends

LANES = st.lists(st.builds(Lane, work_s=st.floats(0, 1e5), cores=st.floats(0.5, 16)), max_size=4)


def test_lanes_with_cores_of_their_own_end_when_the_longest_does() -> None:
    assert ends([Lane(10, 1), Lane(30, 1)], cores=2) == [10, 30]


def test_lanes_that_share_cores_slow_each_other_until_one_ends() -> None:
    # Half as fast for 20 s, then alone.
    assert ends([Lane(10, 2), Lane(30, 2)], cores=2) == [20, 40]


@given(LANES, st.floats(1, 16))
def test_all_takes_as_long_as_the_longest_lane_or_more_but_never_more_than_in_turn(
    lanes: list[Lane], cores: float
) -> None:
    left_s = max(ends(lanes, cores), default=0.0)
    alone = [lane.work_s * max(1.0, lane.cores / cores) for lane in lanes]
    assert left_s >= max((lane.work_s for lane in lanes), default=0.0) * 0.999
    assert left_s <= sum(alone) * 1.001 + 1e-6


@given(LANES, st.floats(0, 1e4))
def test_more_work_never_ends_earlier(lanes: list[Lane], more_s: float) -> None:
    before = max(ends(lanes, 2), default=0.0)
    assert max(ends([*lanes, Lane(more_s, 2)], 2)) >= before * 0.999
