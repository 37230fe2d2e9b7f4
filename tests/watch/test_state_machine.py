"""Random programs against the watcher; ``tests/watch/long_run.py`` runs thousands of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.watch.counting import shared_parsers
from tests.watch.machine import Programs, SystemPrograms

PROGRAMS = 40
STEPS = 25


@pytest.fixture(scope="module", autouse=True)
def pool() -> Iterator[None]:
    with shared_parsers():
        yield


def run(machine: type[Programs], programs: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=programs,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_after_any_program_the_index_equals_a_fresh_one() -> None:
    run(Programs, PROGRAMS)


@pytest.mark.slow
def test_the_same_holds_for_events_of_the_system() -> None:
    run(SystemPrograms, PROGRAMS // 5)
