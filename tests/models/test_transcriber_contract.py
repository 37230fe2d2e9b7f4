"""What every transcriber promises, held against every implementation."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from prismd.errors import CANCELLED, LEFT_OFF, ExtractError
from prismd.models.base import Segment, Transcriber, Transcript
from prismd.models.catalog_speech import WHISPER_BASE
from prismd.models.fake_speech import FakeTranscriber
from prismd.models.whisper import WhisperTranscriber
from tests.speaking import RATE_HZ, TEA, joined, silence, speech, write_wav

STARTS = (1.5, 9.5)


@pytest.fixture(scope="module", params=["fake", pytest.param("whisper", marks=pytest.mark.models)])
def transcriber(request: pytest.FixtureRequest) -> Iterator[Transcriber]:
    if request.param == "fake":
        yield FakeTranscriber()
    else:
        weights = request.getfixturevalue("speech_weights")
        model = WhisperTranscriber(WHISPER_BASE, weights)
        yield model
        model.close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen seconds in which one sentence is said twice."""
    spoken = speech(TEA)
    pause_s = STARTS[1] - STARTS[0] - len(spoken) / RATE_HZ
    samples, _ = joined(silence(STARTS[0]), spoken, silence(pause_s), spoken, silence(2))
    said = [(start_s, start_s + len(spoken) / RATE_HZ, TEA) for start_s in STARTS]
    return write_wav(tmp_path_factory.mktemp("said") / "twice.wav", samples, said)


def letters(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower())


def test_it_fulfils_the_protocol(transcriber: Transcriber) -> None:
    assert isinstance(transcriber, Transcriber)
    assert transcriber.name
    assert transcriber.revision


def test_what_is_said_is_written_down_with_its_seconds(
    transcriber: Transcriber, recording: Path
) -> None:
    heard = transcriber.transcribe(recording)
    for segment, start_s in zip(heard.segments, STARTS, strict=True):
        # Of a synthesiser's voice a model may mishear a word.
        assert letters(segment.text).startswith("on monday morning we will")
        assert letters(segment.text).endswith("green tea in the garden")
        assert abs(segment.start_s - start_s) < 0.3
    assert [segment.language for segment in heard.segments] == ["en", "en"]
    assert heard.language == "en"
    assert abs(heard.duration_s - 15) < 1


def test_words_make_up_their_segment_in_order(transcriber: Transcriber, recording: Path) -> None:
    segments = transcriber.transcribe(recording).segments
    assert segments
    for segment in segments:
        assert "".join(word.text for word in segment.words) == segment.text.replace(" ", "")
        assert all(word.text == word.text.strip() != "" for word in segment.words)
        times = [time for word in segment.words for time in (word.start_s, word.end_s)]
        assert times == sorted(times)
        assert segment.start_s <= times[0] + 1e-6
        assert times[-1] <= segment.end_s + 1e-6
        assert 0 < segment.probability <= 1


def test_segments_are_in_order(transcriber: Transcriber, recording: Path) -> None:
    heard = transcriber.transcribe(recording)
    starts = [segment.start_s for segment in heard.segments]
    assert starts == sorted(starts)
    assert heard.segments[-1].end_s <= heard.duration_s


def test_progress_goes_forward_to_the_end(transcriber: Transcriber, recording: Path) -> None:
    steps: list[tuple[float, float]] = []
    transcriber.transcribe(recording, on_step=lambda done, total: steps.append((done, total)))
    done = [step[0] for step in steps]
    assert done == sorted(done)
    assert all(step[0] <= step[1] for step in steps)
    assert abs(done[-1] - 15) < 2.5


def test_the_same_recording_gives_the_same(transcriber: Transcriber, recording: Path) -> None:
    assert transcriber.transcribe(recording) == transcriber.transcribe(recording)


def test_noise_says_nothing(transcriber: Transcriber, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(5 * RATE_HZ).astype(np.float32) * 0.1
    heard = transcriber.transcribe(write_wav(tmp_path / "noise.wav", noise))
    assert heard.segments == ()
    assert heard.language == ""
    assert abs(heard.duration_s - 5) < 0.1


def test_a_recording_of_no_length_says_nothing_or_is_broken(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "empty.wav", silence(0))
    try:
        assert transcriber.transcribe(path).segments == ()
    except ExtractError as error:
        assert error.code == "broken"


def test_what_is_no_recording_is_the_files_fault(transcriber: Transcriber, tmp_path: Path) -> None:
    path = tmp_path / "letter.mp3"
    path.write_bytes(b"Dear Sir or Madam, this is a letter and not a recording.")
    with pytest.raises(ExtractError) as caught:
        transcriber.transcribe(path)
    assert caught.value.code == "broken"


def test_it_can_be_called_off_before_it_begins(transcriber: Transcriber, recording: Path) -> None:
    with pytest.raises(ExtractError) as caught:
        transcriber.transcribe(recording, cancelled=lambda: True)
    assert caught.value.code == CANCELLED


def test_it_can_be_called_off_on_the_way_and_goes_on_with_the_next(
    transcriber: Transcriber, recording: Path
) -> None:
    stop = threading.Event()
    with pytest.raises(ExtractError) as caught:
        transcriber.transcribe(
            recording, on_step=lambda _done, _total: stop.set(), cancelled=stop.is_set
        )
    assert caught.value.code == CANCELLED
    assert len(transcriber.transcribe(recording).segments) == 2


def test_it_goes_on_behind_the_pieces_that_are_known(
    transcriber: Transcriber, recording: Path
) -> None:
    pieces: dict[int, bytes] = {}
    whole = transcriber.transcribe(recording, on_piece=pieces.__setitem__)
    assert list(pieces) == list(range(len(pieces)))
    assert pieces
    for known in range(len(pieces) + 1):
        more: list[int] = []
        steps: list[float] = []
        again = transcriber.transcribe(
            recording,
            known={number: pieces[number] for number in range(known)},
            on_piece=lambda number, _content, more=more: more.append(number),  # type: ignore[misc]
            on_step=lambda done_s, _total_s, steps=steps: steps.append(done_s),  # type: ignore[misc]
        )
        assert again == whole
        assert more == list(range(known, len(pieces)))
        if known:
            assert steps[0] > 0, "it shows from where it goes on"


def test_pieces_that_cannot_be_read_or_have_a_gap_are_made_anew(
    transcriber: Transcriber, recording: Path
) -> None:
    pieces: dict[int, bytes] = {}
    whole = transcriber.transcribe(recording, on_piece=pieces.__setitem__)
    for known in ({0: b"no piece"}, {1: pieces[max(pieces)]}):
        more: list[int] = []
        again = transcriber.transcribe(
            recording,
            known=known,
            on_piece=lambda number, _content, more=more: more.append(number),  # type: ignore[misc]
        )
        assert again == whole
        assert more == list(pieces)


def test_callers_wait_their_turn(transcriber: Transcriber, recording: Path) -> None:
    heard = []

    def listen() -> None:
        heard.append(transcriber.transcribe(recording))

    threads = [threading.Thread(target=listen) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 3
    assert len({each.segments for each in heard}) == 1


def test_it_works_again_after_close(transcriber: Transcriber, recording: Path) -> None:
    transcriber.close()
    assert len(transcriber.transcribe(recording).segments) == 2


def test_what_is_left_goes_on_behind_the_piece_in_hand(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    spoken = speech(TEA)
    parts = [part for _ in range(8) for part in (spoken, silence(4))]
    samples, starts = joined(*parts)
    said = [(start_s, start_s + len(spoken) / RATE_HZ, TEA) for start_s in starts[::2]]
    recording = write_wav(tmp_path / "eight.wav", samples, said)
    whole = transcriber.transcribe(recording)
    known: dict[int, bytes] = {}
    heard: Transcript | None = None
    turns = 0
    while heard is None:
        before = len(known)
        try:
            heard = transcriber.transcribe(
                recording,
                known=dict(known),
                on_piece=known.__setitem__,
                leave=lambda least=before: len(known) > least,  # type: ignore[misc]
            )
        except ExtractError as error:
            assert error.code == LEFT_OFF
            assert len(known) > before
            turns += 1
    assert turns > 1
    assert heard == whole


def test_what_is_to_be_left_before_it_has_begun_is_left(
    transcriber: Transcriber, recording: Path
) -> None:
    pieces: list[int] = []
    with pytest.raises(ExtractError) as caught:
        transcriber.transcribe(
            recording, leave=lambda: True, on_piece=lambda number, _: pieces.append(number)
        )
    assert caught.value.code == LEFT_OFF
    assert len(pieces) <= 1
    assert transcriber.transcribe(recording).segments


def test_what_is_said_is_told_once_and_in_order(transcriber: Transcriber, recording: Path) -> None:
    said: list[Segment] = []
    known: dict[int, bytes] = {}
    heard = transcriber.transcribe(
        recording, on_said=said.extend, on_piece=known.__setitem__, prompt="A talk about tea."
    )
    assert tuple(said) == heard.segments[: len(said)]
    again: list[Segment] = []
    transcriber.transcribe(recording, on_said=again.extend, known=known)
    assert again == said


def test_it_names_its_languages(transcriber: Transcriber) -> None:
    assert {"de", "en"} <= transcriber.languages
