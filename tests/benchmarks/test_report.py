"""How what was measured is shown and written."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.benchmarks.report import Bar, Figure, Report, Run, Table, show, write


def shown(report: Report) -> str:
    written = io.StringIO()
    show(report, Console(file=written, width=120))
    return written.getvalue()


@pytest.mark.parametrize(
    ("bar", "value", "met"),
    [
        (Bar(">=", 2.5), 2.5, True),
        (Bar(">=", 2.5), 2.49, False),
        (Bar("<=", 4), 4.0, True),
        (Bar("<", 5), 5.0, False),
        (Bar("==", 0), 0.0, True),
    ],
)
def test_a_figure_knows_whether_it_reaches_its_bar(bar: Bar, value: float, met: bool) -> None:
    assert Figure("speed", value, bar=bar).met is met


def test_a_figure_without_a_bar_reaches_nothing_and_misses_nothing() -> None:
    assert Figure("speed", 3.0).met is None


def test_figures_stand_with_their_unit_and_bar_and_what_misses_stands_out() -> None:
    figures = (
        Figure("query, p50", 5.128, "ms", Bar("<=", 4)),
        Figure("of the peer", 2.73, bar=Bar(">=", 2.5)),
    )
    lines = shown(Report(figures)).splitlines()
    assert any({"5.13", "ms", "≤", "4", "NO"} <= set(line.split()) for line in lines)
    assert any({"2.73", "≥", "2.5", "yes"} <= set(line.split()) for line in lines)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.9834, "0.983"),
        (12345.6, "12,346"),
        (1_000_000, "1,000,000"),
        (0.00002, "2.0e-05"),
        ("bge", "bge"),
    ],
)
def test_numbers_are_shown_with_three_digits_that_count(
    cell: str | int | float | None, text: str
) -> None:
    drawn = shown(Report(tables=(Table("", ("what",), ((cell,),)),)))
    assert drawn.splitlines()[-2].strip() == text


def test_notes_are_shown_below_everything() -> None:
    assert shown(Report(notes=("Measured [warm].",))).strip() == "Measured [warm]."


def test_what_is_written_holds_the_run_and_whether_each_bar_is_met(tmp_path: Path) -> None:
    report = Report((Figure("a", 1.0, "s", Bar("<", 2)), Figure("b", 2.0)), notes=("Once.",))
    run = Run(
        area="cli",
        arguments=("cli",),
        began_at="2024-01-02T03:04:05+00:00",
        took_s=1.5,
        commit="abc",
        machine={"cores": 2},
        versions={"numpy": "2"},
        report=report,
    )
    target = tmp_path / "new" / "cli.json"
    write(run, target)
    read = msgspec.json.decode(target.read_bytes())
    assert [figure["met"] for figure in read["report"]["figures"]] == [True, None]
    assert read["machine"] == {"cores": 2}
    assert msgspec.convert(read, Run) == run
