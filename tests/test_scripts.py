from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pymupdf
import pytest
from faster_whisper import WhisperModel
from packaging.requirements import Requirement
from PIL import Image, ImageOps

import check_lock
import demo
import record_speech
import sample_files
from prismd.config import load
from prismd.models.catalog import find
from prismd.models.fetch import fetch
from sample_files import Question, about
from sample_pictures import Box

ROOT = Path(__file__).parents[1]
SCRIPTS = [ROOT / "scripts" / name for name in ("run", "test", "check", "lock", "setup.sh")]
# Read at import: during a test the home directory is an empty one.
MODELS_DIR = Path(os.environ.get("PRISMD_TEST_MODELS") or load().models_dir)
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
    for name in ("pyproject.toml", *check_lock.LOCKS):
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


def sourced(command: str, *stubs: str, programs: Path) -> subprocess.CompletedProcess[str]:
    """Run a command after sourcing setup.sh, where only these programs and stubs of others are."""
    programs.mkdir()
    for name in ("bash", "dirname", "tr"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for stub in stubs:
        name, _, body = stub.partition(": ")
        (programs / name).write_text(f"#!/bin/bash\n{body}\n")
        (programs / name).chmod(0o755)
    return subprocess.run(
        ["/bin/bash", "-c", f"set -euo pipefail; source scripts/setup.sh; {command}"],
        cwd=ROOT,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_tesseract_that_may_not_be_installed_is_said_so_and_can_be_done_without(
    tmp_path: Path,
) -> None:
    done = sourced("ensure_tesseract || echo without", programs=tmp_path / "none")
    assert (done.returncode, done.stdout) == (0, "without\n")
    assert "reads scans and pictures: not found; install tesseract-ocr" in done.stderr
    no_root = ("apt-get: exit 9", "id: echo 1000", "sudo: exit 1")
    done = sourced("ensure_tesseract || echo without", *no_root, programs=tmp_path / "apt")
    assert (done.returncode, done.stdout) == (0, "without\n")
    assert "install it with: sudo apt-get install tesseract-ocr tesseract-ocr-eng" in done.stderr


@pytest.mark.parametrize(
    ("languages", "installs"),
    [("eng osd", False), ("deu eng osd snum", False), ("eng", True), ("osd english", True)],
)
def test_tesseract_is_installed_where_english_or_orientation_is_missing(
    tmp_path: Path, languages: str, installs: bool
) -> None:
    stubs = (f"tesseract: printf '%s\\n' {languages}", 'brew: echo "$@"')
    done = sourced("ensure_tesseract", *stubs, programs=tmp_path / "programs")
    assert done.returncode == 0
    assert (done.stdout == "install --quiet tesseract\n") is installs


@pytest.mark.parametrize(("packages", "installs"), [("exit 0", False), ("exit 1", True)])
def test_a_screen_is_installed_where_its_menus_cannot_be_made(
    tmp_path: Path, packages: str, installs: bool
) -> None:
    there = [f"{name}: exit 0" for name in ("Xvfb", "dbus-daemon", "gdbus", "xfce4-panel")]
    stubs = (*there, f"dpkg: {packages}", 'apt-get: echo "$@"', "id: echo 1000", "sudo: exit 1")
    done = sourced("ensure_screen || echo without", *stubs, programs=tmp_path / "programs")
    assert (done.returncode, done.stdout) == (0, "without\n" if installs else "")
    assert ("sudo apt-get install --no-install-recommends xvfb" in done.stderr) is installs


def test_a_screen_that_cannot_be_had_is_said_so(tmp_path: Path) -> None:
    done = sourced("ensure_screen || echo without", programs=tmp_path / "none")
    assert (done.returncode, done.stdout) == (0, "without\n")
    assert "for the tray's tests: not found; install" in done.stderr


@pytest.mark.parametrize("there", [True, False])
def test_fish_is_installed_where_there_is_none(tmp_path: Path, there: bool) -> None:
    stubs = ['brew: echo "$@"', *(["fish: exit 0"] if there else [])]
    done = sourced("ensure_fish", *stubs, programs=tmp_path / "programs")
    assert (done.returncode, done.stdout) == (0, "" if there else "install --quiet fish\n")


def test_the_lists_of_packages_are_fetched_once(tmp_path: Path) -> None:
    stubs = ("id: echo 0", f"apt-get: echo $1 >>{tmp_path / 'called'}", "env: exit 0")
    done = sourced(
        "system_packages one a b; system_packages two c d", *stubs, programs=tmp_path / "programs"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "called").read_text().split() == ["update"]


@pytest.mark.parametrize("name", ["chromium", "google-chrome", ""])
def test_a_browser_is_installed_where_there_is_none(tmp_path: Path, name: str) -> None:
    stubs = ['brew: echo "$@"', *([f"{name}: exit 0"] if name else [])]
    done = sourced("ensure_browser", *stubs, programs=tmp_path / "programs")
    assert done.returncode == 0
    has_apps = any(Path("/Applications").glob("*Chrom*.app"))
    assert (done.stdout == "install --quiet chromium\n") is not bool(name or has_apps)


def test_the_lock_satisfies_the_project() -> None:
    assert check_lock.main() == 0


def test_a_lock_that_lags_behind_is_found() -> None:
    pins = check_lock.locked([])
    click, *_ = pins["click"]
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


def read_by_tesseract(picture: Image.Image, file: Path) -> str:
    picture.save(file)
    done = subprocess.run(
        ["tesseract", file, "-"], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def letters(text: str) -> str:
    return "".join(filter(str.isalpha, text)).casefold()


def nearly(box: Box | None) -> object:
    assert box is not None
    return pytest.approx(box, abs=1)


def test_the_sample_scan_is_a_picture_whose_words_are_where_its_question_says(
    tmp_path: Path,
) -> None:
    path = tmp_path / "scan.pdf"
    asked = about(sample_files.SCAN)
    assert sample_files.write_guarantee(path) == nearly(asked.spot.box)
    with pymupdf.open(path) as pdf:
        assert pdf[0].get_text() == ""
        drawn = pdf[0].get_pixmap(dpi=300)
    picture = Image.frombytes("RGB", (drawn.width, drawn.height), drawn.samples)
    read = read_by_tesseract(picture, tmp_path / "scan.png")
    assert "guaranteed for six years from the day of purchase" in read
    scale = 300 / 72
    cut = picture.crop([round(side * scale) for side in asked.spot.box or ()])  # type: ignore[arg-type]
    assert "six years" in read_by_tesseract(ImageOps.expand(cut, 40, "white"), tmp_path / "cut.png")


def test_the_sample_photograph_is_stored_on_its_side_with_its_words_where_its_question_says(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sign.jpg"
    asked = about(sample_files.PHOTOGRAPH)
    assert sample_files.write_sign(path) == nearly(asked.spot.box)
    with Image.open(path) as stored:
        assert stored.height > stored.width
        upright = ImageOps.exif_transpose(stored)
    assert upright.size == (1200, 900)
    read = read_by_tesseract(upright, tmp_path / "sign.png")
    assert "Last entry to the pool at 20:45" in read
    cut = upright.crop([round(side) for side in asked.spot.box or ()])  # type: ignore[arg-type]
    assert "20:45" in read_by_tesseract(ImageOps.expand(cut, 40, "#0b5c3b"), tmp_path / "cut.png")


@pytest.mark.models
def test_the_sample_recording_is_understood_word_for_word() -> None:
    fetch([find("whisper-base")], MODELS_DIR)
    model = WhisperModel(str(MODELS_DIR / "whisper-base"), device="cpu", compute_type="int8")
    segments, _ = model.transcribe(str(sample_files.RECORDING), word_timestamps=True)
    words = [word for segment in segments for word in segment.words]
    heard = "".join(word.word for word in words).replace("4", "four")
    assert letters(heard) == letters("".join(record_speech.SENTENCES))
    asked = about(sample_files.VOICE_MESSAGE)
    (piano,) = [number for number, word in enumerate(words) if "piano" in word.word]
    assert words[piano - 1].start == pytest.approx(asked.spot.second, abs=0.5)


def test_the_sample_recording_is_small_enough_to_be_kept_in_the_repository() -> None:
    assert sample_files.RECORDING.stat().st_size < 60_000


GOOD = {
    "path": f"/x/{sample_files.LEASE}",
    "quote": "a deposit of £2,850",
    "locator": {"kind": "page", "page": 1, "boxes": [[72, 300, 523, 350]]},
}
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
        (ASKED, "£2,850 [1].", [{**GOOD, "locator": {"page": 2}}], "supported", "not the place"),
        (UNANSWERABLE, "Rabies [1].", [GOOD], "supported", "was not refused"),
        (UNANSWERABLE, "Rabies.", [], "partial", "was not refused"),
    ],
)
def test_faults_of_an_answer_are_found(
    question: Question,
    text: str,
    citations: list[dict[str, object]],
    grounding: str,
    fault: str,
) -> None:
    (found,) = demo.faults(question, text, citations, grounding)
    assert fault in found


@pytest.mark.parametrize(
    ("boxes", "right"),
    [
        ([[90, 90, 310, 130]], True),
        ([[100, 102, 300, 118]], True),
        ([[0, 0, 50, 50], [95, 98, 305, 122]], True),
        ([[100, 100, 200, 120]], False),
        ([[100, 130, 300, 150]], False),
        ([], False),
    ],
)
def test_a_cited_box_has_to_cover_the_deciding_words(boxes: list[list[float]], right: bool) -> None:
    spot = sample_files.Spot(box=(100, 100, 300, 120))
    assert demo.leads_to({"kind": "image", "boxes": boxes}, spot) is right


def test_a_cited_second_has_to_be_near_the_beginning_of_the_sentence() -> None:
    spot = sample_files.Spot(second=11.0)
    assert demo.leads_to({"kind": "time", "start_s": 10.4, "end_s": 14.0}, spot)
    assert not demo.leads_to({"kind": "time", "start_s": 0.0, "end_s": 21.0}, spot)


def test_a_question_whose_reader_is_missing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = about(sample_files.SCAN)
    assert demo.lacking(asked) == ""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert demo.lacking(asked) == "tesseract"
    assert demo.lacking(ASKED) == ""


def test_places_are_told_in_words() -> None:
    page = {"kind": "page", "page": 2, "boxes": [[72.0, 90.4, 300.0, 104.0]]}
    assert demo.place(page) == "page 2, box (72 90 300 104)"
    assert demo.place({**page, "kind": "image"}) == "box (72 90 300 104)"
    time = {"kind": "time", "start_s": 59.96, "end_s": 61.25}
    assert demo.place(time) == "1:00.0 to 1:01.2"
    lines = {"kind": "text", "line_start": 3, "line_end": 5, "heading": ["Tax", "Deadlines"]}
    assert demo.place(lines) == "Tax, Deadlines, lines 3 to 5"
    assert demo.place({**lines, "line_end": 3, "heading": []}) == "line 3"
