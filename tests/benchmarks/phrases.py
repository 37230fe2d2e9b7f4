"""Whether a phrase asked for over chat is cited with the second at which it is said.

    PYTHONPATH=scripts python -m tests.benchmarks.phrases FOLDER... [--phrases 50]

A folder holds ``transcripts.jsonl`` with rows of ``file`` and ``text``. Its recordings are joined
to some longer ones, with silence of random length between them, so that it is known when each
begins; a daemon of its own indexes those and is asked for the first words of as many recordings as
are wanted, all of the first folders and a random choice of the last: so many that no other
recording has them. It quotes (engine extractive); all else is as shipped.

Printed are, for each number of words and way to ask, in how many answers the first citation, and
any, leads to within a second of the first sound, or to a range that holds it; and of every failure
what was cited and what was heard at that place.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

import demo
from prismd.layout import unpack
from prismd.store import documents
from prismd.store.database import Database
from tests.benchmarks.speech import Clip, join, normal, places
from tests.benchmarks.workbench import models_folder
from tests.speaking import RATE_HZ, write_wav

FORMS = {"a question": 'Where is it said: "{}"?', "the phrase": "{}"}
OFF_S = 1.0
_LEAST_WORDS = 4
_MARKS = " .,;:!?"

Heard = Mapping[str, Sequence[tuple[str, float]]]
"""Of each recording the words as heard, and the second of each."""


class Phrase(msgspec.Struct, frozen=True):
    """The first words of a clip, the recording that it is part of, and the folder it is from."""

    words: str
    recording: str
    clip: Clip
    folder: str


class Outcome(msgspec.Struct, frozen=True):
    """How one question was answered."""

    phrase: Phrase
    citations: tuple[dict[str, Any], ...]

    def starts(self) -> list[bool]:
        """Of each citation, whether it begins within a second of the clip's first sound."""
        return [
            self._in_file(citation)
            and abs(citation["locator"]["start_s"] - self.phrase.clip.first_s) <= OFF_S
            for citation in self.citations
        ]

    def holds(self) -> list[bool]:
        """Of each citation, whether its range, a second wider, has the clip's first sound."""
        first_s = self.phrase.clip.first_s
        return [
            self._in_file(citation)
            and citation["locator"]["start_s"] - OFF_S
            <= first_s
            <= citation["locator"]["end_s"] + OFF_S
            for citation in self.citations
        ]

    def _in_file(self, citation: Mapping[str, Any]) -> bool:
        return Path(citation["path"]).name == self.phrase.recording


def cut(
    samples: NDArray[np.float32], clips: Sequence[Clip], each: int
) -> Iterator[tuple[NDArray[np.float32], list[Clip]]]:
    """Cut a joined recording into several of some clips each, with the clips' times in them."""
    begin_s = 0.0
    for at in range(0, len(clips), each):
        group = clips[at : at + each]
        end_s = group[-1].end_s
        yield (
            samples[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)],
            [
                Clip(c.first_s - begin_s, c.start_s - begin_s, c.end_s - begin_s, c.text)
                for c in group
            ],
        )
        begin_s = end_s


def write(folder: Path, target: Path, each: int) -> list[tuple[str, Clip]]:
    """Write the recordings; returns each clip with the name of the one that it is part of."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    pieces = cut(*join(folder, limit=sys.maxsize, snr_db=None), each)
    for number, (samples, clips) in enumerate(pieces, 1):
        path = write_wav(target / f"{folder.name}-{number:02}.wav", samples)
        written += [(path.name, clip) for clip in clips]
    return written


def first_words(text: str, others: Sequence[Sequence[str]], least: int) -> str:
    """The first words of a text, some at least, that occur in no other.

    Returns:
        All of it where it is shorter; nothing where it occurs elsewhere as a whole, or has too few
        words for anybody to ask for them.
    """
    words = text.replace('"', "").split()
    whole = normal(text)
    if len(whole) < _LEAST_WORDS:
        return ""
    for count in range(1, len(words) + 1):
        phrase = " ".join(words[:count]).strip(_MARKS)
        wanted = normal(phrase)
        enough = len(wanted) >= min(least, len(whole))
        if enough and not any(_occurs(wanted, other) for other in others):
            return phrase
    return ""


def _occurs(wanted: Sequence[str], words: Sequence[str]) -> bool:
    size = len(wanted)
    return any(words[at : at + size] == wanted for at in range(len(words) - size + 1))


def choose(
    written: Mapping[str, Sequence[tuple[str, Clip]]], count: int, least: int
) -> list[Phrase]:
    """The phrases to ask for: all of the first folders, then a random choice."""
    random = np.random.default_rng(0)
    spoken = [(clip, normal(clip.text)) for rows in written.values() for _, clip in rows]
    chosen: list[Phrase] = []
    for folder, rows in written.items():
        fit = []
        for recording, clip in rows:
            others = [words for other, words in spoken if other is not clip]
            if words := first_words(clip.text, others, least):
                fit.append(Phrase(words, recording, clip, folder))
        taken = min(len(fit), count - len(chosen))
        chosen += [fit[at] for at in sorted(random.choice(len(fit), taken, replace=False))]
    return chosen


@contextmanager
def daemon(files: Path, scratch: Path, models_dir: Path) -> Iterator[httpx.Client]:
    """A client of a daemon that has indexed a folder."""
    settings = scratch / "config.toml"
    settings.write_text(f"[models]\ndir = {str(models_dir)!r}\n")
    port = demo.choose_port()
    environment = {
        **os.environ,
        "PRISMD_CONFIG": str(settings),
        "PRISMD_DATA_DIR": str(scratch / "data"),
        "PRISMD_PORT": str(port),
    }
    address = f"http://127.0.0.1:{port}"
    with (
        demo.daemon(files, environment) as process,
        httpx.Client(base_url=address, timeout=300, trust_env=False) as client,
    ):
        demo.wait_until_up(process, client)
        token = subprocess.run(
            [demo.PRISMD, "token"], env=environment, capture_output=True, text=True, check=True
        )
        client.headers["Authorization"] = f"Bearer {token.stdout.strip()}"
        demo.wait_until_indexed(client)
        yield client


def ask(client: httpx.Client, form: str, phrase: Phrase) -> Outcome:
    """Ask for one phrase."""
    body = {
        "model": "prism",
        "messages": [{"role": "user", "content": form.format(phrase.words)}],
        "prism": {"engine": "extractive"},
    }
    reply = client.post("/v1/chat/completions", json=body).raise_for_status().json()
    return Outcome(phrase, tuple(reply["prism"]["citations"]))


def listen(data_dir: Path, files: Path) -> dict[str, list[tuple[str, float]]]:
    """What the daemon wrote down of each recording, word by word."""
    heard = {}
    database = Database(data_dir, writable=False)
    for path in sorted(files.iterdir()):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        content = database.read(lambda c, sha256=sha256: documents.content(c, sha256))  # type: ignore[misc]
        if content is None:
            raise demo.DemoError(f"{path.name}: not in the index; see the daemon's errors above")
        spans = unpack(content.layout)
        heard[path.name] = [
            (word, float(start_s))
            for start, end, (start_s, _) in zip(spans.starts, spans.ends, spans.boxes, strict=True)
            for word in normal(content.text[start:end])
        ]
    database.close()
    return heard


def explain(outcome: Outcome, heard: Heard) -> None:
    """Print what was asked for, what was heard there, and what was cited."""
    clip, said = outcome.phrase.clip, heard[outcome.phrase.recording]
    found = places(list(said), normal(outcome.phrase.words), clip)
    truth = f"heard {min(found):.2f} s off" if found else "not heard so"
    there = " ".join(word for word, at in said if clip.start_s - OFF_S <= at <= clip.end_s + OFF_S)
    print(f"  “{outcome.phrase.words}”  {outcome.phrase.recording} {demo.clock(clip.first_s)}")
    print(f"      {truth}: {there}")
    for citation in outcome.citations:
        name, where = Path(citation["path"]).name, demo.place(citation["locator"])
        quote = " ".join(citation["quote"].split())
        print(f"      [{citation['n']}] {name}, {where}: “{quote}”")
    if not outcome.citations:
        print("      refused")


def report(name: str, outcomes: Sequence[Outcome]) -> None:
    """Print one line of the table for each folder, and one for all."""
    folders = dict.fromkeys(outcome.phrase.folder for outcome in outcomes)
    for folder in (*folders, "all"):
        rows = [row for row in outcomes if folder in (row.phrase.folder, "all")]
        figures = [
            sum(any(row.starts()[:1]) for row in rows),
            sum(any(row.starts()) for row in rows),
            sum(any(row.holds()[:1]) for row in rows),
            sum(any(row.holds()) for row in rows),
            sum(not row.citations for row in rows),
        ]
        print(f"{name:24}{folder:20}{len(rows):5}" + "".join(f"{value:12}" for value in figures))


def main() -> None:
    """Print the failures, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--phrases", type=int, default=50, help="how many to ask for")
    parser.add_argument("--words", type=int, nargs="+", default=[6], help="of a phrase, at least")
    parser.add_argument("--clips", type=int, default=8, help="how many to a recording")
    parser.add_argument("--models", type=Path, help="where the models are")
    parser.add_argument("--work", type=Path, help="keep recordings and index here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        # Recordings of another cut would say the same once more.
        scratch = (arguments.work or Path(temporary)).absolute() / f"by-{arguments.clips}"
        files = scratch / "files"
        written = {
            folder.name: write(folder, files, arguments.clips) for folder in arguments.folder
        }
        phrases = {least: choose(written, arguments.phrases, least) for least in arguments.words}
        with daemon(files, scratch, models_folder(arguments.models).absolute()) as client:
            asked = {
                f"{least} words, {name}": [ask(client, form, phrase) for phrase in chosen]
                for least, chosen in phrases.items()
                for name, form in FORMS.items()
            }
        heard = listen(scratch / "data", files)
    for name, outcomes in asked.items():
        print(f"\nNot cited first, and to the second: {name}")
        for outcome in outcomes:
            if not any(outcome.starts()[:1]):
                explain(outcome, heard)
    titles = ("first", "any", "first holds", "any holds", "refused")
    print(f"\n{'asked by':24}{'folder':20}{'asked':>5}" + "".join(f"{t:>12}" for t in titles))
    for name, outcomes in asked.items():
        report(name, outcomes)


if __name__ == "__main__":
    main()
