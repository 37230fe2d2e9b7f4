"""Recordings that sound alike have vectors that are near."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.extract.audio.sound import SoundStatistics
from prismd.extract.audio.sound_space import SOUND_SPACE
from prismd.soundtrack import Soundtrack
from tests.speaking import FOX, RATE_HZ, TEA, Samples, silence, speech, write


def vector(*pieces: Samples) -> NDArray[np.float32]:
    statistics = SoundStatistics(RATE_HZ)
    for piece in pieces:
        statistics.add(piece)
    made = statistics.vector()
    assert made is not None
    return made


def chords() -> Samples:
    at = np.arange(5 * RATE_HZ) / RATE_HZ
    tones = [np.sin(2 * np.pi * pitch * at) for pitch in (220, 275, 330, 440, 660)]
    return (0.1 * sum(tones) * np.exp(-(at % 1))).astype(np.float32)


def noise() -> Samples:
    made = np.random.default_rng(0).standard_normal(5 * RATE_HZ) * 0.1
    return made.astype(np.float32)


def test_a_vector_is_of_its_space() -> None:
    made = vector(speech(FOX))
    assert made.shape == (SOUND_SPACE.dim,)
    assert made.dtype == np.float32
    assert np.linalg.norm(made) == pytest.approx(1.0, abs=1e-5)
    assert SOUND_SPACE.content == "sound"


def test_the_same_voice_is_nearer_than_noise_or_music() -> None:
    same = vector(speech(FOX)) @ vector(speech(TEA))
    assert same > vector(speech(FOX)) @ vector(noise()) + 0.1
    assert same > vector(speech(FOX)) @ vector(chords()) + 0.1


def test_the_level_does_not_matter() -> None:
    assert vector(speech(FOX)) @ vector(speech(FOX) * np.float32(0.1)) > 0.999


def test_half_of_it_sounds_like_the_whole() -> None:
    whole = speech(FOX + " " + TEA)
    assert vector(whole) @ vector(whole[: len(whole) // 2]) > 0.95


def test_silence_around_it_changes_little() -> None:
    padded = np.concatenate((silence(3), speech(FOX), silence(3)))
    assert vector(padded) @ vector(speech(FOX)) > 0.98


def test_a_lossy_copy_sounds_the_same(tmp_path: Path) -> None:
    with Soundtrack(write(tmp_path / "copy.mp3", speech(FOX))) as copy:
        assert vector(*copy.pieces(30.0)) @ vector(speech(FOX)) > 0.9


def test_pieces_give_what_the_whole_gives() -> None:
    whole = speech(FOX + " " + TEA)
    third = len(whole) // 3
    pieces = vector(whole[:third], whole[third : 2 * third], whole[2 * third :])
    assert pieces @ vector(whole) > 0.999


@pytest.mark.parametrize("sound", [silence(5), silence(0), silence(0.001), noise()[:800]])
def test_too_little_sound_has_no_vector(sound: Samples) -> None:
    statistics = SoundStatistics(RATE_HZ)
    statistics.add(sound)
    assert statistics.vector() is None
