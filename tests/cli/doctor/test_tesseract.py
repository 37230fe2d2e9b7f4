from __future__ import annotations

from pathlib import Path

import pytest

from prismd.cli.doctor.tesseract import Tesseract, judge, look, seen
from prismd.config.options import Config, Index

GOOD = Tesseract(version="tesseract 5.3.0", data=frozenset({"eng", "deu", "osd"}))


def program(path: Path, text: str) -> str:
    """A program that stands in for Tesseract."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_its_version_and_languages_are_seen(tmp_path: Path) -> None:
    said = 'case $1 in --version) echo "tesseract 5.3.0";; *) echo Langs; echo eng; echo osd;; esac'
    found = seen(program(tmp_path / "tesseract", said))
    assert found == Tesseract(version="tesseract 5.3.0", data=frozenset({"eng", "osd"}))
    assert [v.level for v in judge(found, [], "apt")] == ["ok"]


@pytest.mark.parametrize(
    ("text", "within_s", "fault"),
    [
        ("exit 3", 60.0, "tesseract fails (it ends with 3)"),
        ("exec sleep 60", 0.2, "tesseract does not answer within 0.2 s"),
    ],
)
def test_one_that_fails_or_hangs_is_told(
    tmp_path: Path, text: str, within_s: float, fault: str
) -> None:
    found = seen(program(tmp_path / "tesseract", text), within_s)
    assert found.fault == fault
    (verdict,) = judge(found, [], "apt")
    assert verdict.level == "note"
    assert verdict.remedy == (
        "sudo apt install tesseract-ocr;"
        " until then the words on pictures and scanned pages are not read"
    )


def test_one_that_is_not_there_or_no_program_is_told(tmp_path: Path) -> None:
    assert seen(str(tmp_path / "none")).fault == "tesseract is not installed"
    (tmp_path / "text").write_text("no program")
    assert seen(str(tmp_path / "text")).fault.startswith("tesseract cannot be run")


def test_languages_that_settings_name_and_nobody_installed_are_told() -> None:
    (verdict,) = judge(GOOD, ["eng", "fra"], "dnf")
    assert verdict.level == "note"
    assert verdict.detail == "tesseract 5.3.0, languages: deu, eng; no data for fra"
    assert verdict.remedy == "sudo dnf install tesseract-langpack-fra"


@pytest.mark.parametrize(
    ("wanted", "told"), [(["german", "eng"], "german"), (["fr", "de"], "de, fr")]
)
def test_of_languages_that_nobody_offers_no_package_is_named(wanted: list[str], told: str) -> None:
    (verdict,) = judge(GOOD, wanted, "apt")
    assert verdict.level == "note"
    assert verdict.detail.endswith(f"; none is called {told}")
    assert verdict.remedy.startswith("correct ocr_languages under [index]")


def test_what_can_be_installed_is_told_beside_what_cannot() -> None:
    wrong, missing = judge(GOOD, ["fra", "xyz"], "apt")
    assert "xyz" in wrong.detail
    assert missing.remedy == "sudo apt install tesseract-ocr-fra"


def test_data_of_ones_own_is_taken_by_any_name() -> None:
    (verdict,) = judge(GOOD._replace(data=frozenset({"eng", "osd", "myhand"})), ["myhand"], "apt")
    assert verdict.level == "ok"


def test_without_any_language_english_is_advised() -> None:
    (verdict,) = judge(GOOD._replace(data=frozenset({"osd"})), [], "apt")
    assert verdict.remedy == "sudo apt install tesseract-ocr-eng"


def test_what_tells_which_way_is_up_is_missed() -> None:
    (verdict,) = judge(GOOD._replace(data=frozenset({"eng"})), [], "apt")
    assert verdict.remedy == "sudo apt install tesseract-ocr-osd"


def test_an_old_one_is_told() -> None:
    (verdict,) = judge(GOOD._replace(version="tesseract 3.05.02"), [], "apt")
    assert (verdict.level, verdict.remedy) == ("note", "sudo apt install tesseract-ocr")


def test_switched_off_it_is_not_looked_for(tmp_path: Path) -> None:
    (verdict,) = look(Config(data_dir=tmp_path, index=Index(ocr=False)))
    assert (verdict.level, verdict.detail) == ("ok", "switched off by [index] ocr")
