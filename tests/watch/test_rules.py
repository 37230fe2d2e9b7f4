"""Which files of a folder are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from prismd.watch import Rules
from prismd.watch.rules import ignore_lines
from tests.watch.watched import Watched

EVERYTHING = [
    "a.txt",
    "keep.log",
    "sub/a.txt",
    "sub/deep/a.txt",
    "sub/deep/keep.log",
    "sub/keep.log",
]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), ["a.txt", "b.log", "docs/c.txt", "docs/deep/d.log"]),
        (Rules(exclude=("*.log",)), ["a.txt", "docs/c.txt"]),
        (Rules(exclude=("docs/",)), ["a.txt", "b.log"]),
        (Rules(exclude=("/b.log",)), ["a.txt", "docs/c.txt", "docs/deep/d.log"]),
        (Rules(exclude=("*.log", "!b.log")), ["a.txt", "b.log", "docs/c.txt"]),
        (Rules(exclude=("docs/**/d.log",)), ["a.txt", "b.log", "docs/c.txt"]),
        (Rules(include=("*.txt",)), ["a.txt", "docs/c.txt"]),
        (Rules(include=("docs/deep/",)), ["docs/deep/d.log"]),
        (Rules(include=("*.txt",), exclude=("docs",)), ["a.txt"]),
        (
            Rules(hidden=True),
            [".hidden.txt", ".secret/e.txt", "a.txt", "b.log", "docs/c.txt", "docs/deep/d.log"],
        ),
        (
            Rules(junk=False),
            ["a.txt", "b.log", "docs/c.txt", "docs/deep/d.log", "node_modules/x.js", "~$a.docx"],
        ),
        (Rules(include=(".git/",), hidden=True, junk=False), [".git/config"]),
    ],
)
def test_rules_say_what_is_taken(watched: Watched, rules: Rules, expected: list[str]) -> None:
    for name in (
        "a.txt",
        "b.log",
        "docs/c.txt",
        "docs/deep/d.log",
        ".hidden.txt",
        ".secret/e.txt",
        ".git/config",
        "node_modules/x.js",
        "~$a.docx",
    ):
        watched.write(name)
    watched.rules = rules
    watched.sweep()
    assert watched.names() == expected


def test_what_is_never_taken_is_not_whatever_the_rules_say(watched: Watched) -> None:
    watched.write("data/prism.db")
    watched.write("data2/a.txt")
    watched.rules = Rules(include=("*",), never=(f"{watched.folder}/data",))
    watched.sweep()
    assert watched.names() == ["data2/a.txt"]


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ({"": "*.log"}, ["a.txt", "sub/a.txt", "sub/deep/a.txt"]),
        ({"sub": "*.log"}, ["a.txt", "keep.log", "sub/a.txt", "sub/deep/a.txt"]),
        ({"sub": "/deep"}, ["a.txt", "keep.log", "sub/a.txt", "sub/keep.log"]),
        (
            {"": "*.log\n!keep.log"},
            EVERYTHING,
        ),
        (
            {"": "*.log", "sub": "!keep.log"},
            [
                "a.txt",
                "sub/a.txt",
                "sub/deep/a.txt",
                "sub/deep/keep.log",
                "sub/keep.log",
            ],
        ),
        (
            {"": "*.log", "sub": "!keep.log", "sub/deep": "*"},
            ["a.txt", "sub/a.txt", "sub/keep.log"],
        ),
        ({"": "# a comment\n\n"}, EVERYTHING),
        ({"": "\udcff\n[\n!"}, EVERYTHING),
        ({"": "!\nkeep.*\n/\nsub"}, ["a.txt"]),
        ({"": "\ufeffkeep.log\r\nsub\r\n"}, ["a.txt"]),
    ],
)
def test_ignore_files_count_below_where_they_stand(
    watched: Watched, ignore: dict[str, str], expected: list[str]
) -> None:
    for folder in ("", "sub/", "sub/deep/"):
        for name in ("a.txt", "keep.log"):
            watched.write(folder + name)
    for folder, lines in ignore.items():
        path = watched.folder / folder / ".prismignore"
        path.write_bytes(lines.encode("utf-8", "surrogateescape"))
    watched.sweep()
    assert watched.names() == expected


def test_what_comes_to_be_excluded_is_forgotten(watched: Watched) -> None:
    watched.write("a.log")
    watched.pass_()
    watched.write(".prismignore", "*.log")
    assert watched.sweep().removed == 1
    assert watched.names() == []


def test_an_ignore_file_that_is_a_link_to_elsewhere_is_not_read(
    watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").write_text("*")
    watched.write("a.txt")
    (watched.folder / ".prismignore").symlink_to(tmp_path / "elsewhere")
    watched.sweep()
    assert watched.names() == ["a.txt"]


def test_a_line_that_is_no_pattern_costs_only_itself() -> None:
    usable, unusable = ignore_lines(b"*.tmp\n!\n[z-a]\nbuild/\n")
    assert usable == ["*.tmp", "build/", ""]
    assert unusable == ["!", "[z-a]"]
