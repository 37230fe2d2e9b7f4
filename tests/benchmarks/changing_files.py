"""A folder of made-up texts that keep changing, and questions about them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.api.harness import write_pdf

_TOPICS = ("lease", "deposit", "boiler", "train", "invoice", "garden", "paint", "window", "oven")
_CHANGE_EVERY_S = 0.1
_SEED = 7
STILL = "still"
"""How the names of files begin that stay as they are."""


def write_files(folder: Path, count: int) -> Path:
    """Texts, of which a quarter stays as it is, and a PDF."""
    chance = random.Random(_SEED)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        _write(folder / _name(number), chance, number)
    write_pdf(folder / f"{STILL}.pdf", ("A page that says what is due, and when.",))
    return folder


def _name(number: int) -> str:
    return f"{'changing' if number % 4 else STILL}-{number}.md"


def _write(path: Path, chance: random.Random, number: int) -> None:
    path.write_text(
        f"# File {number}\n\n" + "\n\n".join(paragraph(chance, number) for _ in range(6)),
        encoding="utf-8",
    )


def paragraph(chance: random.Random, number: int) -> str:
    """Two sentences that no other file has."""
    first, second = chance.sample(_TOPICS, 2)
    return (
        f"File {number} says of the {first} that it is due on day {chance.randrange(10_000)}."
        f" The {second} costs {chance.randrange(10_000)} pounds, and that is all."
    )


@contextmanager
def changing(folder: Path, count: int, seed: int) -> Iterator[list[int]]:
    """Files are written, made and deleted meanwhile; gives how many so far."""
    chance, ended, changes = random.Random(seed), threading.Event(), [0]

    def work() -> None:
        while not ended.wait(_CHANGE_EVERY_S):
            number = 4 * chance.randrange(2 * count // 4) + chance.randint(1, 3)
            path = folder / _name(number)
            if chance.random() < 0.2:
                path.unlink(missing_ok=True)
            else:
                _write(path, chance, number)
            changes[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield changes
    finally:
        ended.set()
        thread.join()


def question(chance: random.Random) -> str:
    """Something to ask the files."""
    return f"Of the {chance.choice(_TOPICS)}, what is it that file {chance.randrange(400)} says?"
