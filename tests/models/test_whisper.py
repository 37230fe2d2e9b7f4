"""Whisper itself and its process; the rest is in the contract of transcribers."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

from prismd.errors import (
    CANCELLED,
    LEFT_OFF,
    ExtractCrash,
    ExtractError,
    ExtractTimeout,
    ModelError,
)
from prismd.models.catalog_speech import ENTRIES, WHISPER_BASE, WHISPER_TINY_EN
from prismd.models.whisper import WhisperTranscriber
from tests.speaking import (
    FORMATS,
    FOX,
    RATE_HZ,
    TEA,
    Samples,
    joined,
    silence,
    speech,
    write,
    write_film_without_sound,
    write_wav,
)

GERMAN = "Guten Morgen, heute scheint die Sonne, und wir gehen mit dem Hund in den Wald."


@pytest.fixture(scope="module")
def whisper(speech_weights: Path) -> Iterator[WhisperTranscriber]:
    model = WhisperTranscriber(WHISPER_BASE, speech_weights)
    yield model
    model.close()


def text(whisper: WhisperTranscriber, path: Path) -> str:
    return " ".join(segment.text for segment in whisper.transcribe(path).segments)


def long_recording(folder: Path) -> Path:
    samples, _ = joined(*[speech(FOX), silence(0.4), speech(TEA), silence(0.4)] * 20)
    return write_wav(folder / "long.wav", samples)


def test_the_default_comes_first_and_both_are_for_speech() -> None:
    assert [entry.name for entry in ENTRIES] == ["whisper-base", "whisper-tiny.en"]
    assert all(entry.role == "speech" and entry.engine == "ctranslate2" for entry in ENTRIES)
    assert all(entry.files[0].name == "model.bin" for entry in ENTRIES)


@pytest.mark.models
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_heard(whisper: WhisperTranscriber, tmp_path: Path, suffix: str) -> None:
    samples, _ = joined(silence(1), speech(TEA), silence(1))
    heard = whisper.transcribe(write(tmp_path / f"tea.{suffix}", samples))
    assert "green tea in the garden" in heard.segments[0].text.lower()
    assert abs(heard.segments[0].start_s - 1) < 0.2


@pytest.mark.models
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_cut_off_is_heard_as_far_as_it_goes(
    whisper: WhisperTranscriber, tmp_path: Path, suffix: str
) -> None:
    samples, _ = joined(speech(TEA), silence(1), speech(FOX), silence(1), speech(FOX))
    path = write(tmp_path / f"cut.{suffix}", samples)
    share = np.random.default_rng(len(suffix)).uniform(0.4, 0.9)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    try:
        assert "tea in the garden" in text(whisper, path)
    except ExtractError as error:
        assert error.code == "broken"
        assert suffix in ("m4a", "mp4")  # what is where in them is written at their end


@pytest.mark.models
def test_a_german_recording_comes_out_in_german(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    heard = whisper.transcribe(write_wav(tmp_path / "de.wav", speech(GERMAN, "de")))
    assert heard.language == "de"
    assert "Guten Morgen" in heard.segments[0].text


@pytest.mark.models
def test_a_recording_in_two_languages_comes_out_in_both(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    samples, _ = joined(speech(GERMAN, "de"), silence(5), speech(GERMAN, "de"), silence(5))
    samples = np.concatenate((samples, speech(TEA), silence(0.2), speech(FOX)))
    heard = whisper.transcribe(write_wav(tmp_path / "both.wav", samples))
    assert heard.languages == ("de", "en")
    assert heard.segments[0].language == "de"
    assert "Hund" in heard.segments[0].text
    (tea,) = (segment for segment in heard.segments if "green tea" in segment.text)
    assert tea.language == "en"


@pytest.mark.models
def test_an_english_model_hears_english(speech_weights: Path, tmp_path: Path) -> None:
    model = WhisperTranscriber(WHISPER_TINY_EN, speech_weights)
    heard = model.transcribe(write_wav(tmp_path / "tea.wav", speech(TEA)), language="de")
    model.close()
    assert heard.language == "en"
    assert "green tea" in heard.segments[0].text


@pytest.mark.models
def test_what_is_said_across_the_border_of_two_windows_is_heard_once(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    before = 120 - len(speech(TEA)) / RATE_HZ / 2
    samples, _ = joined(silence(before), speech(TEA), silence(10), speech(FOX), silence(1))
    heard = whisper.transcribe(write_wav(tmp_path / "border.wav", samples))
    assert len(heard.segments) == 2
    assert "we will drink a cup of green tea" in heard.segments[0].text
    assert abs(heard.segments[0].start_s - before) < 0.3


@pytest.mark.models
def test_wherever_it_is_left_it_goes_on_to_the_same_end(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    german = speech(GERMAN, "de")
    parts = [german, silence(4), speech(TEA), silence(4), speech(FOX), silence(9)] * 3
    samples, _ = joined(*parts, silence(200), *parts[:3])
    path = write(tmp_path / "long.mp3", samples)
    pieces: dict[int, bytes] = {}
    whole = whisper.transcribe(path, on_piece=pieces.__setitem__)
    assert set(whole.languages) == {"de", "en"}
    assert len(pieces) > 6
    for left in (1, len(pieces) // 2, len(pieces) - 1):
        known = {number: pieces[number] for number in range(left)}
        rest: dict[int, bytes] = {}
        assert whisper.transcribe(path, known=known, on_piece=rest.__setitem__) == whole
        assert known | rest == pieces


@pytest.mark.models
def test_ten_minutes_of_noise_silence_and_music_say_nothing(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "noise.wav", np.concatenate([*noises(), *music()]))
    heard = whisper.transcribe(path)
    assert heard.duration_s > 600
    assert heard.segments == ()


@pytest.mark.models
def test_speech_between_noise_and_music_is_heard(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    samples, starts = joined(noises()[1], speech(TEA), music()[0])
    heard = whisper.transcribe(write_wav(tmp_path / "between.wav", samples))
    assert len(heard.segments) == 1
    assert "green tea" in heard.segments[0].text
    assert abs(heard.segments[0].start_s - starts[1]) < 0.5


@pytest.mark.models
def test_a_film_without_sound_says_nothing(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    heard = whisper.transcribe(write_film_without_sound(tmp_path / "mute.mp4"))
    assert (heard.segments, heard.has_sound) == ((), False)


@pytest.mark.models
def test_a_missing_file_is_the_files_fault(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    with pytest.raises(ExtractError) as caught:
        whisper.transcribe(tmp_path / "gone.wav")
    assert caught.value.code == "unreadable"


@pytest.mark.models
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_costs_the_recording_and_not_the_next(
    whisper: WhisperTranscriber, tmp_path: Path, number: signal.Signals
) -> None:
    def crash(_done_s: float, _total_s: float) -> None:
        assert whisper.pid is not None
        os.kill(whisper.pid, number)

    with pytest.raises(ExtractCrash, match=number.name):
        whisper.transcribe(long_recording(tmp_path), on_step=crash)
    assert "green tea" in text(whisper, write_wav(tmp_path / "tea.wav", speech(TEA)))


@pytest.mark.models
def test_an_engine_that_hangs_is_killed(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "tea.wav", speech(TEA))
    whisper.self_test()
    assert whisper.pid is not None
    hung = psutil.Process(whisper.pid)
    whisper.stall_timeout_s = 0.5
    try:
        hung.suspend()
        with pytest.raises(ExtractTimeout, match="no progress"):
            whisper.transcribe(path)
    finally:
        whisper.stall_timeout_s = 300.0
    assert not hung.is_running()
    assert "green tea" in text(whisper, path)


@pytest.mark.models
def test_calling_it_off_does_not_wait_for_the_engine(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    stop, began = threading.Event(), threading.Event()

    def on_step(_done_s: float, _total_s: float) -> None:
        began.set()

    raised: list[tuple[str, float]] = []

    def listen() -> None:
        try:
            whisper.transcribe(path, on_step=on_step, cancelled=stop.is_set)
        except ExtractError as error:
            raised.append((error.code, time.monotonic()))

    path = long_recording(tmp_path)
    thread = threading.Thread(target=listen)
    thread.start()
    began.wait(60)
    stop.set()
    thread.join()
    assert [code for code, _ in raised] == [CANCELLED]
    assert not whisper.loaded


@pytest.mark.models
def test_the_engine_stays_where_a_recording_is_left_for_another(
    whisper: WhisperTranscriber, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "tea.wav", speech(TEA))
    whisper.transcribe(path)
    engine = whisper.pid
    for _ in range(3):
        with pytest.raises(ExtractError) as caught:
            whisper.transcribe(path, leave=lambda: True)
        assert caught.value.code == LEFT_OFF
        assert whisper.transcribe(path).segments
    assert whisper.pid == engine


@pytest.mark.models
def test_a_segment_tells_how_it_was_heard(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    samples, _ = joined(silence(1.5), speech(TEA))
    heard = whisper.transcribe(write_wav(tmp_path / "tea.wav", samples))
    assert heard.has_sound
    told = heard.segments[0].decoding
    assert told is not None
    assert 0.5 < told.start_s <= heard.segments[0].start_s
    assert -1 < told.log_probability < 0
    assert 0 <= told.no_speech < 0.6
    assert 0.5 < told.compression < 2.4
    assert all(word.tokens for word in heard.segments[0].words)


@pytest.mark.models
def test_close_ends_what_is_being_written(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    with pytest.raises(ExtractError) as caught:
        whisper.transcribe(long_recording(tmp_path), on_step=lambda _done, _total: whisper.close())
    assert caught.value.code == CANCELLED
    assert not whisper.loaded


@pytest.mark.models
def test_an_idle_engine_ends(speech_weights: Path, tmp_path: Path) -> None:
    model = WhisperTranscriber(WHISPER_TINY_EN, speech_weights, idle_unload_s=0.05)
    path = write_wav(tmp_path / "tea.wav", speech(TEA))
    assert model.transcribe(path).segments
    pause = threading.Event()
    while model.loaded and not pause.wait(0.01):
        pass
    assert model.transcribe(path).segments
    model.close()


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    model = WhisperTranscriber(WHISPER_BASE, tmp_path)
    with pytest.raises(ModelError, match="prismd models pull whisper-base"):
        model.transcribe(tmp_path / "a.wav")
    assert "models pull" in model.failure
    assert not model.loaded


@pytest.mark.models
def test_weights_that_are_no_model_are_an_error_of_the_model(
    speech_weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    weights = bytes(1000)
    (folder / "model.bin").write_bytes(weights)
    import hashlib

    file = msgspec.structs.replace(
        WHISPER_BASE.files[0], size_bytes=1000, sha256=hashlib.sha256(weights).hexdigest()
    )
    entry = msgspec.structs.replace(WHISPER_BASE, name="broken", files=(file,))
    model = WhisperTranscriber(entry, tmp_path)
    with pytest.raises(ModelError, match="broken: "):
        model.transcribe(write_wav(tmp_path / "tea.wav", silence(1)))
    assert model.failure
    assert not model.loaded


def noises() -> list[Samples]:
    """Five minutes: silence, hiss, rumble, hum, clicks, waves, breath."""
    random = np.random.default_rng(1)
    count = 40 * RATE_HZ
    at = np.arange(count) / RATE_HZ

    def coloured(exponent: float) -> Samples:
        spectrum = np.fft.rfft(random.standard_normal(count))
        spectrum[1:] /= np.arange(1, len(spectrum)) ** exponent
        made = np.fft.irfft(spectrum, count)
        return np.asarray(0.3 * made / np.abs(made).max(), dtype=np.float32)

    hum = sum(np.sin(2 * np.pi * 50 * part * at) / part for part in range(1, 12))
    clicks = np.where(random.random(count) < 1e-4, random.standard_normal(count), 0.0)
    made = [
        silence(40),
        coloured(0.0),
        coloured(0.5),
        coloured(1.0),
        0.2 * np.asarray(hum),
        clicks,
        coloured(0.5) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.15 * at)),
        coloured(0.5) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * at)),
    ]
    return [np.asarray(each, dtype=np.float32) for each in made]


def music() -> list[Samples]:
    """Five and a half minutes: chords, a melody, a bass, a siren, beeps, a choir of vowels."""
    at = np.arange(50 * RATE_HZ) / RATE_HZ

    def notes(chords: list[list[float]], step_s: float, parts: int) -> Samples:
        since_s = at % step_s
        number = (at // step_s).astype(int) % len(chords)
        made = np.zeros(len(at))
        for voice in range(len(chords[0])):
            pitch = np.array([chord[voice] for chord in chords])[number]
            for part in range(1, parts + 1):
                made += np.sin(2 * np.pi * pitch * part * since_s) / part
        return np.asarray(0.1 * made * np.exp(-3 * since_s) * np.minimum(1, since_s / 0.02))

    scale = [220 * 2 ** (step / 12) for step in (0, 2, 4, 5, 7, 9, 11, 12)]
    siren = 0.3 * np.sin(2 * np.pi * np.cumsum(600 + 300 * np.sin(np.pi * at)) / RATE_HZ)
    made = [
        notes([[220, 275, 330], [247, 294, 370], [165, 207, 247]], 1.0, 8),
        notes([[pitch] for pitch in scale], 0.25, 6),
        notes([[55.0], [65.0], [73.0], [49.0]], 0.5, 10),
        siren,
        0.3 * np.sin(2 * np.pi * 1000 * at) * (at % 1 < 0.1),
        choir(at),
    ]
    return [np.asarray(each, dtype=np.float32) for each in made]


def choir(at: np.ndarray) -> Samples:
    """Voices that sing vowels and no word: the nearest to speech that is none."""
    pitch = np.array([110, 123, 131, 147])[(at // 1.5).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.01 * np.sin(2 * np.pi * 5 * at))) / RATE_HZ
    vowel = (at // 0.75).astype(int) % 3
    low, high = np.array([700, 300, 500])[vowel], np.array([1100, 2300, 900])[vowel]
    made = np.zeros(len(at))
    for part in range(1, 30):
        tone = pitch * part
        made += np.sin(phase * part) * (
            np.exp(-(((tone - low) / 120) ** 2)) + 0.5 * np.exp(-(((tone - high) / 150) ** 2))
        )
    return np.asarray(0.2 * made / np.abs(made).max(), dtype=np.float32)
