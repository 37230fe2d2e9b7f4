"""Of an encrypted index the log says nothing that is not prismd's own."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import prismd
from prismd.encryption.discretion import Discreet, Told, file, folder, own
from prismd.errors import ExtractError, StoreError

METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
SECRET = "zanzibar.pdf"


def line(template: str, *arguments: object, name: str = "prismd.x", error: bool = False) -> str:
    record = logging.LogRecord(name, logging.INFO, "", 1, template, arguments, None)
    if error:
        try:
            try:
                raise KeyError(SECRET)
            except KeyError as cause:
                raise ValueError(f"in {SECRET}") from cause
        except ValueError as raised:
            record.exc_info = (ValueError, raised, raised.__traceback__)
    return Discreet("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("template", "arguments", "expected"),
    [
        ("%d of %d", (3, 4), "3 of 4"),
        ("%s: gone", (SECRET,), "…: gone"),
        ("%r and %s", (SECRET, Path(SECRET)), "'…' and …"),
        ("%s", (SECRET.encode(),), "…"),
        ("%s", ([SECRET],), "…"),
        ("%s: well", (own("reading"),), "reading: well"),
        ("%s: gone", (folder(f"/home/{SECRET}", 3),), "folder 3: gone"),
        ("%s", (file(ExtractError(f"{SECRET}: x", code="broken"), 7),), "file 7: ExtractError (br"),
        ("%s", (StoreError(SECRET),), "StoreError"),
        ("%s", (OSError(28, "x", SECRET),), "OSError (No space left on device)"),
        ("%s", (StoreError(SECRET).saying("port 1 is taken"),), "StoreError (port 1 is taken)"),
        ("%s", (Told(SECRET, "it"),), "it"),
        ("no more", (), "no more"),
    ],
)
def test_only_numbers_and_what_is_told_are_said(
    template: str, arguments: tuple[object, ...], expected: str
) -> None:
    said = line(template, *arguments)
    assert said.startswith(f"INFO {expected}")
    assert SECRET not in said


def test_an_error_is_told_by_its_course_without_its_words() -> None:
    said = line("failed", error=True)
    assert SECRET not in said
    assert "ValueError" in said
    assert "KeyError" in said
    assert "test_discretion.py" in said


def test_nothing_is_taken_over_from_a_log_that_may_say_all() -> None:
    record = logging.LogRecord("prismd", logging.INFO, "", 1, "failed", (), None)
    error = ValueError(SECRET)
    record.exc_info, record.stack_info = (ValueError, error, None), SECRET
    assert logging.Formatter().format(record).count(SECRET) == 2
    assert Discreet().format(record) == "failed\nValueError"


def test_what_other_libraries_log_is_left_out() -> None:
    assert line(f"opened {SECRET}", name="uvicorn.error") == "INFO uvicorn.error: …"
    assert SECRET not in line("%(name)s", {"name": SECRET})


def test_the_same_record_is_whole_for_a_log_that_may_say_all() -> None:
    record = logging.LogRecord("prismd", logging.INFO, "", 1, "%s", (folder(SECRET, 1),), None)
    assert Discreet("%(message)s").format(record) == "folder 1"
    assert logging.Formatter("%(message)s").format(record) == SECRET


def log_calls() -> Iterator[tuple[str, ast.expr, list[ast.expr]]]:
    """Every call of the package's loggers: where it is, its template and its arguments."""
    package = Path(prismd.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "log"):
                continue
            if node.func.attr not in METHODS:  # there are other things of that name
                continue
            template, *arguments = node.args[1 if node.func.attr == "log" else 0 :]
            yield f"{path.relative_to(package)}:{node.lineno}", template, arguments


def test_what_is_logged_is_put_together_by_the_log_alone() -> None:
    """Else what is not to be said would stand in the template."""
    calls = list(log_calls())
    assert len(calls) > 40
    assert [where for where, template, _ in calls if not is_text(template)] == []


def test_no_line_is_left_without_a_word_of_prismds_own() -> None:
    """Else the log would tell of something, and nobody could guess of what."""
    wordless = [
        where
        for where, template, arguments in log_calls()
        if is_text(template)
        and not re.search("[a-z]", re.sub(r"%[-#0 +]*[\d.]*[a-z]", "", ast.literal_eval(template)))
        and not any(is_told(argument) for argument in arguments)
    ]
    assert wordless == []


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_told(node: ast.expr) -> bool:
    """Whether an argument is made where it is logged, of something that may be said."""
    if isinstance(node, ast.BoolOp):
        return all(is_told(value) for value in node.values[1:])
    name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return name in {"Told", "own", "folder", "file"}
