"""How well, how fast and how exactly in time speech is written down.

    python -m tests.benchmarks.speech FOLDER... [--model NAME...] [--beam N...] [--snr DB...]

A folder holds ``transcripts.jsonl`` with rows of ``file`` and ``text``. Its recordings are joined
to one, with silence of random length between them, so that it is known when each begins. Printed
are, for each folder, model and number of beams: the word error rate, the share of real time that
it took, the median and 95th percentile of the error of segment starts against the first sound of
each recording, and of the first three words of each recording, how often they are within a second
of where they are said, how often they were heard at all, and how many there are. ``--snr`` adds
white noise.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.config.options import Config
from prismd.models.base import Transcriber
from prismd.models.catalog import find
from prismd.models.catalog_speech import ENTRIES
from prismd.models.whisper import WhisperTranscriber
from prismd.soundtrack import RATE_HZ, Soundtrack
from tests.speaking import write_wav

_PHRASE_WORDS = 3
_NEAR_S = 5.0
_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = {word: value for value, word in enumerate(_SMALL)} | {
    word: 10 * (value + 2) for value, word in enumerate(_TENS)
}
_ORDINALS = {"first": "1st", "second": "2nd", "third": "3rd", "fifth": "5th", "twelfth": "12th"}
_ORDINALS |= {f"{word}th": f"{value}th" for word, value in _NUMBERS.items()}
_SPELLING = {"grey": "gray", "colour": "color", "mr": "mister", "mrs": "missus", "ok": "okay"}


class Clip(msgspec.Struct, frozen=True):
    """A recording within the joined one: when its first sound is, when it ends, what is said."""

    first_s: float
    start_s: float
    end_s: float
    text: str


class Result(msgspec.Struct, frozen=True):
    """What was measured of one folder with one model."""

    errors: int
    words: int
    real_time: float
    start_errors_s: tuple[float, ...]
    near: int
    heard: int
    phrases: int


def normal(text: str) -> list[str]:
    """The words of a text, without signs, numbers as figures, spelling as one writes it most.

    What stands in parentheses is not said: "(3 seconds of silence)".
    """
    plain = re.sub(r"\([^)]*\)", " ", text.lower().replace("-", " "))
    words: list[str] = []
    for found in re.findall(r"[a-z0-9']+", plain):
        word = found.strip("'")
        value = _NUMBERS.get(word)
        if value is None:
            words.append(_SPELLING.get(word, _ORDINALS.get(word, word)))
        elif words and re.fullmatch(r"[2-9]0", words[-1]) and value < 10:
            words[-1] = str(int(words[-1]) + value)  # forty two
            if len(words) > 1 and re.fullmatch(r"1[0-9]", words[-2]):
                words[-2:] = ["".join(words[-2:])]  # fourteen fifty-five, a year
        else:
            words.append(str(value))
    return words


def edits(reference: list[str], heard: list[str]) -> int:
    """Least number of words to insert, drop or change."""
    row = np.arange(len(heard) + 1)
    known = {word: number for number, word in enumerate(dict.fromkeys([*reference, *heard]))}
    told = np.array([known[word] for word in heard], dtype=np.int64)
    for number, word in enumerate(reference, 1):
        changed = np.minimum(row[:-1] + (told != known[word]), row[1:] + 1)
        row = np.concatenate(([number], changed))
        # An insertion costs one for each step to the right.
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])


def join(folder: Path, limit: int, snr_db: float | None) -> tuple[NDArray[np.float32], list[Clip]]:
    """The recordings of a folder as one, and where each of them is in it."""
    random = np.random.default_rng(0)
    parts: list[NDArray[np.float32]] = []
    clips = []
    at = 0
    with (folder / "transcripts.jsonl").open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream if line.strip()][:limit]
    for row in rows:
        with Soundtrack(folder / row["file"]) as sound:
            samples = np.concatenate(list(sound.pieces(30.0)))
        pause = np.zeros(int(random.uniform(0.4, 4.0) * RATE_HZ), dtype=np.float32)
        level = np.abs(samples)
        first = int(np.argmax(level > 0.05 * level.max()))
        start = at + len(pause)
        parts += [pause, samples]
        at = start + len(samples)
        clips.append(Clip((start + first) / RATE_HZ, start / RATE_HZ, at / RATE_HZ, row["text"]))
    joined = np.concatenate(parts)
    if snr_db is not None:
        power = float(np.mean(joined[np.abs(joined) > 0.01] ** 2)) / 10 ** (snr_db / 10)
        joined = joined + (random.standard_normal(len(joined)) * power**0.5).astype(np.float32)
    return joined.astype(np.float32), clips


def phrases(clips: list[Clip]) -> Iterator[tuple[list[str], Clip]]:
    """Three words from the beginning of each clip, whose second is known."""
    for clip in clips:
        words = normal(clip.text)
        if len(words) >= _PHRASE_WORDS:
            yield words[:_PHRASE_WORDS], clip


def places(words: list[tuple[str, float]], phrase: list[str], clip: Clip) -> list[float]:
    """How far from where it is said a phrase was found, in each place near it."""
    size = len(phrase)
    return [
        abs(words[at][1] - clip.first_s)
        for at in range(len(words) - size + 1)
        if clip.start_s - _NEAR_S <= words[at][1] <= clip.end_s + _NEAR_S
        and [word for word, _ in words[at : at + size]] == phrase
    ]


def measure(transcriber: Transcriber, path: Path, clips: list[Clip]) -> Result:
    """Write down and compare."""
    began_s = time.perf_counter()
    said = transcriber.transcribe(path, language="en").segments
    took_s = time.perf_counter() - began_s
    starts = [word.start_s for segment in said for word in segment.words]
    timed = [
        (part, word.start_s)
        for segment in said
        for word in segment.words
        for part in normal(word.text)
    ]
    reference = [word for clip in clips for word in normal(clip.text)]
    spoken = [clip for clip in clips if normal(clip.text)]
    found = [places(timed, phrase, clip) for phrase, clip in phrases(clips)]
    return Result(
        errors=edits(reference, [word for word, _ in timed]),
        words=len(reference),
        real_time=took_s / clips[-1].end_s,
        start_errors_s=tuple(min(abs(start - clip.first_s) for start in starts) for clip in spoken),
        near=sum(bool(errors) and min(errors) <= 1.0 for errors in found),
        heard=sum(map(bool, found)),
        phrases=len(found),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--model", nargs="+", default=[entry.name for entry in ENTRIES])
    parser.add_argument("--beam", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--snr", type=float, nargs="+", default=[], help="add noise, in dB")
    parser.add_argument("--limit", type=int, default=10_000, help="only so many recordings")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", type=Path, help="where the models are")
    parser.add_argument("--work", type=Path, default=Path(), help="for the joined recordings")
    arguments = parser.parse_args()
    models_dir = arguments.models or Config(data_dir=Path()).models_dir
    print(f"{'folder':28}{'model':18}{'snr':>5}{'beam':>5}{'WER':>7}{'RTF':>7}", end="")
    print(f"{'start p50':>11}{'p95':>6}{'phrases':>14}")
    for folder in arguments.folder:
        for snr_db in [None, *arguments.snr]:
            samples, clips = join(folder, arguments.limit, snr_db)
            path = write_wav(arguments.work / f"{folder.name}.joined.wav", samples)
            for name in arguments.model:
                for beam in arguments.beam:
                    transcriber = WhisperTranscriber(
                        find(name, ENTRIES), models_dir, threads=arguments.threads, beam=beam
                    )
                    transcriber.self_test()
                    result = measure(transcriber, path, clips)
                    transcriber.close()
                    middle, high = np.percentile(result.start_errors_s, (50, 95))
                    level = "" if snr_db is None else f"{snr_db:.0f}"
                    print(
                        f"{folder.name:28}{name:18}{level:>5}{beam:5}"
                        f"{result.errors / result.words:7.3f}{result.real_time:7.3f}"
                        f"{middle:11.2f}{high:6.2f}"
                        f"{result.near:6}/{result.heard}/{result.phrases}",
                        flush=True,
                    )
            path.unlink()


if __name__ == "__main__":
    main()
