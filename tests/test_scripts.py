from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pymupdf
import pytest
from packaging.requirements import Requirement

import check_lock
import demo
import sample_files

ROOT = Path(__file__).parents[1]
SCRIPTS = [ROOT / "scripts" / name for name in ("run", "test", "check", "lock", "setup.sh")]
SHELL = [*SCRIPTS, ROOT / ".ci" / "run"]


def call(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script with a PATH on which no Python is: whatever gets past its usage check fails."""
    return subprocess.run(
        ["/bin/bash", ROOT / "scripts" / script, *arguments],
        env={**os.environ, "PRISMD_PYTHON": "/nonexistent/python3"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_scripts_are_valid_bash(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize("script", [*SCRIPTS[:4], SHELL[-1]], ids=lambda path: path.name)
def test_scripts_can_be_called(script: Path) -> None:
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("script", ["run", "test", "check"])
def test_help_is_shown_without_setting_anything_up(script: str) -> None:
    shown = call(script, "--help")
    assert shown.returncode == 0
    assert f"Usage: scripts/{script}" in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonce"], "unknown option --nonce"),
        (["--port"], "--port needs a number"),
        (["--port", "http"], "--port http is not a number"),
        (["--port=70000"], "--port 70000 is not between 1 and 65535"),
        (["--port", "0"], "--port 0 is not between"),
        (["/no/such/folder"], "/no/such/folder is not a folder"),
        (["--", "--once"], "--once is not a folder"),
        (["--once", "."], "--once asks questions about the sample files"),
    ],
)
def test_run_refuses_wrong_arguments_with_status_2(arguments: list[str], message: str) -> None:
    refused = call("run", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr


def test_check_takes_no_arguments() -> None:
    assert call("check", "--fix").returncode == 2


def test_a_missing_python_is_said_so(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "scripts", clone / "scripts")
    for name in ("pyproject.toml", "requirements.lock", "requirements-llama.lock"):
        shutil.copy(ROOT / name, clone)
    done = subprocess.run(
        ["/bin/bash", clone / "scripts" / "check"],
        env={**os.environ, "PRISMD_PYTHON": "/nonexistent/python3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "no Python 3.11, 3.12 or 3.13 found" in done.stderr
    assert not (clone / ".venv").exists()


def test_the_lock_satisfies_the_project() -> None:
    assert check_lock.main() == 0


def test_a_lock_that_lags_behind_is_found() -> None:
    pins = check_lock.locked([])
    (click,) = pins["click"]
    wanted = Requirement("click>=1000")
    problem = check_lock.unsatisfied(wanted, [click])
    assert problem is not None
    assert "click>=1000 is not met by" in problem
    assert "locked 0 times" in str(check_lock.unsatisfied(wanted, []))


def test_sample_files_are_made_once_and_left_alone_after(tmp_path: Path) -> None:
    sample_files.write(tmp_path)
    made = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    named = {tmp_path / question.file for question in sample_files.QUESTIONS if question.file}
    assert named < set(made)
    sample_files.write(tmp_path)
    assert {path: path.read_bytes() for path in made} == made


def test_the_sample_lease_has_what_pdf_extraction_is_tried_on(tmp_path: Path) -> None:
    sample_files.write(tmp_path)
    with pymupdf.open(tmp_path / sample_files.LEASE) as pdf:
        assert pdf.page_count == 2
        assert "£2,850" in pdf[0].get_text()
        (table,) = pdf[0].find_tables().tables
        assert (table.row_count, table.col_count) == (4, 3)
        lefts = {round(block[0]) for block in pdf[1].get_text("blocks")}
        assert len(lefts) == 2


GOOD = {"path": f"/x/{sample_files.LEASE}", "quote": "a deposit of £2,850"}
ASKED = sample_files.QUESTIONS[0]
UNANSWERABLE = sample_files.QUESTIONS[-1]


def test_a_cited_and_right_answer_has_no_fault() -> None:
    assert list(demo.faults(ASKED, "It is £2,850 [1].", [GOOD], "supported")) == []


@pytest.mark.parametrize(
    ("question", "text", "citations", "grounding", "fault"),
    [
        (ASKED, "It is £2,850.", [], "supported", "is not cited"),
        (ASKED, "It is £2,850.", [{**GOOD, "path": "/x/b.md"}], "supported", "is not cited"),
        (ASKED, "No idea.", [{**GOOD, "quote": "a deposit"}], "supported", "does not occur"),
        (UNANSWERABLE, "Rabies [1].", [GOOD], "supported", "was not refused"),
        (UNANSWERABLE, "Rabies.", [], "partial", "was not refused"),
    ],
)
def test_faults_of_an_answer_are_found(
    question: sample_files.Question,
    text: str,
    citations: list[dict[str, str]],
    grounding: str,
    fault: str,
) -> None:
    (found,) = demo.faults(question, text, citations, grounding)
    assert fault in found


def test_places_are_told_in_words() -> None:
    page = {"kind": "page", "page": 2, "boxes": [[72.0, 90.4, 300.0, 104.0]]}
    assert demo.place(page) == "page 2, box (72 90 300 104)"
    lines = {"kind": "text", "line_start": 3, "line_end": 5, "heading": ["Tax", "Deadlines"]}
    assert demo.place(lines) == "Tax, Deadlines, lines 3 to 5"
    assert demo.place({**lines, "line_end": 3, "heading": []}) == "line 3"
