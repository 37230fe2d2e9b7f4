from __future__ import annotations

import pytest

from prismd.cli.doctor.system import Installer, in_shell, installer, tesseract_command


@pytest.mark.parametrize(
    ("tools", "platform", "expected"),
    [
        (["apt-get"], "linux", "apt"),
        (["dnf"], "linux", "dnf"),
        (["pacman"], "linux", "pacman"),
        ([], "linux", ""),
        ([], "darwin", "brew"),
    ],
)
def test_what_installs_programs_is_found(
    tools: list[str], platform: str, expected: Installer
) -> None:
    which = {tool: f"/usr/bin/{tool}" for tool in tools}.get
    assert installer(which, platform) == expected


@pytest.mark.parametrize(
    ("by", "languages", "expected"),
    [
        ("apt", [], "sudo apt install tesseract-ocr"),
        ("apt", ["chi_sim", "osd"], "sudo apt install tesseract-ocr-chi-sim tesseract-ocr-osd"),
        ("dnf", [], "sudo dnf install tesseract"),
        ("dnf", ["deu", "osd"], "sudo dnf install tesseract-langpack-deu tesseract-osd"),
        ("pacman", [], "sudo pacman -S tesseract tesseract-data-eng tesseract-data-osd"),
        ("pacman", ["deu"], "sudo pacman -S tesseract-data-deu"),
        ("brew", [], "brew install tesseract"),
        ("brew", ["deu"], "brew install tesseract-lang"),
        ("", ["deu"], "install tesseract's data for deu in the way that your system has"),
        ("", [], "install tesseract in the way that your system has"),
    ],
)
def test_each_system_has_its_own_command(
    by: Installer, languages: list[str], expected: str
) -> None:
    assert tesseract_command(by, languages).startswith(expected)


def test_a_path_with_blanks_stays_one_word() -> None:
    assert in_shell("/my files/it's") == """'/my files/it'"'"'s'"""
