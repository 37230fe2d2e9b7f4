"""What a measurement found: tables for a person, figures with their bars, and JSON of both."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from pathlib import Path

import msgspec
import rich.box
from rich.console import Console
from rich.table import Table as Drawn

Cell = str | int | float | None
_COMPARE = {">=": operator.ge, "<=": operator.le, "==": operator.eq, "<": operator.lt}
_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "<": "<"}


class Bar(msgspec.Struct, frozen=True):
    """What a figure is to reach: ``Bar(">=", 2.5)``."""

    sense: str
    limit: float

    def met(self, value: float) -> bool:
        """Whether a value reaches it."""
        return bool(_COMPARE[self.sense](value, self.limit))

    def __str__(self) -> str:
        return f"{_SIGNS[self.sense]} {self.limit:g}"


class Figure(msgspec.Struct, frozen=True):
    """One number that matters.

    Attributes:
        name: What it says, with what it was measured over.
        value: In ``unit``; a ratio has none.
        unit: As it is written behind the value.
        bar: What it is to reach, where something was promised.
    """

    name: str
    value: float
    unit: str = ""
    bar: Bar | None = None

    @property
    def met(self) -> bool | None:
        """Whether its bar is reached; None without one."""
        return None if self.bar is None else self.bar.met(self.value)


class Table(msgspec.Struct, frozen=True):
    """Rows for a person; numbers are written with three digits that count."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Report(msgspec.Struct, frozen=True):
    """What an area found.

    Attributes:
        figures: The numbers that matter.
        tables: What else there is to see.
        notes: What a reader has to know about them, a sentence each.
    """

    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


class Run(msgspec.Struct, frozen=True):
    """A report with what it was made on; what is written as JSON."""

    area: str
    arguments: tuple[str, ...]
    began_at: str
    took_s: float
    commit: str
    machine: dict[str, str | int | float]
    versions: dict[str, str]
    report: Report


def show(report: Report, console: Console) -> None:
    """Print a report."""
    for table in report.tables:
        _draw(table.title, table.columns, table.rows, console)
    if report.figures:
        barred = any(figure.bar is not None for figure in report.figures)
        columns = ("figure", "value", "bar", "met") if barred else ("figure", "value")
        rows = [_figure_cells(figure)[: len(columns)] for figure in report.figures]
        _draw("", columns, rows, console)
    for note in report.notes:
        console.print(note, highlight=False, markup=False)


def write(run: Run, target: Path) -> None:
    """Write a run as JSON, figures with whether their bars are met."""
    made = msgspec.to_builtins(run)
    for figure, told in zip(run.report.figures, made["report"]["figures"], strict=True):
        told["met"] = figure.met
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")


def _figure_cells(figure: Figure) -> tuple[Cell, ...]:
    value = f"{_text(figure.value)} {figure.unit}".strip()
    if figure.bar is None:
        return figure.name, value, "", ""
    return figure.name, value, f"{figure.bar} {figure.unit}".strip(), "yes" if figure.met else "NO"


def _draw(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], console: Console
) -> None:
    drawn = Drawn(title=title or None, title_justify="left", box=rich.box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        # Names may be broken, numbers may not.
        drawn.add_column(column, justify="left" if number == 0 else "right", no_wrap=number > 0)
    for row in rows:
        drawn.add_row(*(_text(cell) for cell in row))
    console.print(drawn)


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool) or not isinstance(cell, float):
        return f"{cell:,}" if isinstance(cell, int) else str(cell)
    if cell and abs(cell) < 100:
        return f"{cell:.3g}" if abs(cell) >= 0.001 else f"{cell:.1e}"
    return f"{cell:,.0f}"
