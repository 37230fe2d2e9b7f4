"""Recordings written down over HTTP, as OpenAI's clients ask for it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pysubs2
import pytest
from openai.types.audio import TranscriptionVerbose

from prismd.models.catalog_speech import WHISPER_BASE
from prismd.models.fake_speech import FakeTranscriber
from prismd.models.whisper import WhisperTranscriber
from tests.api.harness import TOKEN, Live, events, live_server, unnamed_files, wait_until
from tests.api.openai.official import client_of
from tests.speaking import (
    FOX,
    TEA,
    joined,
    silence,
    speech,
    write,
    write_film_without_sound,
    write_said,
)

URL = "/v1/audio/transcriptions"
SAID = [
    (0.5, 2.0, "On Monday we drink tea."),
    (2.5, 4.0, "In the garden."),
]
TEXT = "On Monday we drink tea. In the garden."


@pytest.fixture(scope="module")
def ear() -> FakeTranscriber:
    return FakeTranscriber()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, ear: FakeTranscriber) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("audio")
    with live_server(folder, sample=False, transcriber=ear) as live:
        yield live


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_said(tmp_path_factory.mktemp("said") / "tea.wav", 5, SAID).read_bytes()


@contextmanager
def slow(ear: FakeTranscriber, delay_s: float) -> Iterator[None]:
    ear.delay_s = delay_s
    try:
        yield
    finally:
        ear.delay_s = 0.0


def send(live: Live, recording: bytes | None, **fields: Any) -> httpx.Response:
    files: dict[str, Any] = {"mere": (None, "field")}
    if recording is not None:
        files = {"file": ("tea.wav", recording, "audio/wav")}
    return live.client.post(URL, files=files, data={"model": "whisper-1", **fields})


@pytest.fixture(scope="module")
def audio(own: Live) -> Iterator[openai.resources.audio.Audio]:
    with client_of(own) as client:
        yield client.audio


@pytest.mark.parametrize("path", [URL, "/audio/transcriptions"])
def test_json_is_what_is_asked_for_by_default(own: Live, recording: bytes, path: str) -> None:
    answer = own.client.post(path, files={"file": recording}, data={"model": "whisper-1"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"text": TEXT, "usage": {"type": "duration", "seconds": 5.0}}


def test_fields_may_come_after_the_file(own: Live, recording: bytes) -> None:
    answer = own.client.post(
        URL,
        files=[
            ("file", ("t.wav", recording)),
            ("response_format", (None, "text")),
            ("model", (None, "whisper-1")),
        ],
    )
    assert answer.text == TEXT + "\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_subtitles_are_read_by_who_reads_subtitles(own: Live, recording: bytes) -> None:
    for form, media_type in (("srt", "application/x-subrip"), ("vtt", "text/vtt")):
        answer = send(own, recording, response_format=form)
        assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
        shown = pysubs2.SSAFile.from_string(answer.text, format_=form)
        assert [(line.start, line.end, line.text) for line in shown] == [
            (500, 2000, "On Monday we drink tea."),
            (2500, 4000, "In the garden."),
        ]


def test_verbose_json_tells_what_the_model_tells_and_no_more(own: Live, recording: bytes) -> None:
    assert send(own, recording, response_format="verbose_json").json() == {
        "task": "transcribe",
        "language": "english",
        "duration": 5.0,
        "text": TEXT,
        "segments": [
            {"id": 0, "start": 0.5, "end": 2.0, "text": "On Monday we drink tea."},
            {"id": 1, "start": 2.5, "end": 4.0, "text": "In the garden."},
        ],
        "usage": {"type": "duration", "seconds": 5.0},
    }


@pytest.mark.parametrize("field", ["timestamp_granularities", "timestamp_granularities[]"])
def test_words_come_with_their_seconds_where_they_are_asked_for(
    own: Live, recording: bytes, field: str
) -> None:
    form = {"response_format": "verbose_json"}
    words = send(own, recording, **form, **{field: "word"}).json()
    assert "segments" not in words
    assert words["words"][:2] == [
        {"word": "On", "start": 0.5, "end": 0.8},
        {"word": "Monday", "start": 0.8, "end": 1.1},
    ]
    both = send(own, recording, **form, **{field: ["word", "segment"]}).json()
    assert len(both["words"]) == 8
    assert len(both["segments"]) == 2


def test_openais_client_has_all_of_it(
    audio: openai.resources.audio.Audio, recording: bytes, tmp_path: Path
) -> None:
    (tmp_path / "tea.wav").write_bytes(recording)
    make = audio.transcriptions.create
    path = tmp_path / "tea.wav"
    assert make(file=path, model="whisper-1").text == TEXT
    assert make(file=path, model="gpt-4o-transcribe", response_format="json").text == TEXT
    assert make(file=path, model="fake", response_format="text") == TEXT + "\n"
    assert make(file=path, model="whisper-1", response_format="srt").startswith("1\n00:00:00,500 ")
    assert make(file=path, model="whisper-1", response_format="vtt").startswith("WEBVTT\n\n00:00:0")
    told: TranscriptionVerbose = make(
        file=path,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="de",
        temperature=0.2,
        prompt="Tee",
    )
    assert (told.language, told.text, told.duration) == ("german", TEXT, 5.0)
    assert told.words is not None
    assert told.words[-1].word == "garden."
    stream = make(file=path, model="gpt-4o-mini-transcribe", stream=True)
    got = [event.to_dict() for event in stream]
    assert [event["type"] for event in got] == ["transcript.text.delta"] * 2 + [
        "transcript.text.done"
    ]
    assert got[-1]["text"] == TEXT


def test_the_prompt_reaches_the_model(own: Live, recording: bytes, ear: FakeTranscriber) -> None:
    assert send(own, recording, prompt="Oolong, Assam").is_success
    assert ear.prompts[-1] == "Oolong, Assam"


def test_a_stream_is_the_text_piece_by_piece(own: Live, recording: bytes) -> None:
    with own.client.stream(
        "POST", URL, files={"file": recording}, data={"model": "whisper-1", "stream": "true"}
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        *deltas, done, end = events(answer)
    assert {delta["type"] for delta in deltas} == {"transcript.text.delta"}
    assert "".join(delta["delta"] for delta in deltas) == done["text"] == TEXT
    assert end == "[DONE]"


def test_silence_is_an_empty_text(own: Live, tmp_path: Path) -> None:
    silent = write_said(tmp_path / "silent.wav", 1, []).read_bytes()
    assert send(own, silent).json()["text"] == ""
    assert send(own, silent, response_format="srt").text == ""
    assert send(own, silent, response_format="vtt").text == "WEBVTT\n\n"
    told = send(own, silent, response_format="verbose_json", language="en").json()
    assert (told["language"], told["segments"]) == ("english", [])
    with own.client.stream(
        "POST", URL, files={"file": silent}, data={"model": "whisper-1", "stream": "true"}
    ) as answer:
        assert events(answer) == [{"type": "transcript.text.done", "text": ""}, "[DONE]"]


def test_empty_fields_and_unknown_ones_mean_nothing(own: Live, recording: bytes) -> None:
    fields = {"language": "", "prompt": "", "chunking_strategy": "auto", "mood": "merry"}
    assert send(own, recording, **fields).json()["text"] == TEXT


def test_the_models_are_listed(own: Live) -> None:
    listed = {model["id"] for model in own.client.get("/v1/models").json()["data"]}
    assert {"fake", "whisper-1"} <= listed
    assert own.client.get("/v1/models/whisper-1").is_success


def test_a_client_that_goes_away_ends_the_work(
    own: Live, recording: bytes, ear: FakeTranscriber
) -> None:
    held = unnamed_files()
    with slow(ear, 600.0):
        for stream in ("false", "true"):
            before = ear.transcribed, ear.heard
            with pytest.raises(httpx.ReadTimeout):
                own.client.post(
                    URL,
                    files={"file": recording},
                    data={"model": "whisper-1", "stream": stream},
                    timeout=httpx.Timeout(20, read=0.3),
                )
            wait_until(lambda: unnamed_files() <= held)
            assert (ear.transcribed, ear.heard) == before
    assert send(own, recording).is_success


def test_the_upload_that_is_cut_leaves_nothing(own: Live, recording: bytes) -> None:
    head = (
        f"POST {URL} HTTP/1.1\r\nHost: 127.0.0.1:{own.settings.port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    ).encode()
    held = unnamed_files()
    with socket.create_connection(("127.0.0.1", own.settings.port)) as wire:
        wire.sendall(head + recording[:50_000])
        wait_until(lambda: bool(unnamed_files() - held))
    wait_until(lambda: unnamed_files() <= held)


def test_persons_take_turns_and_too_many_are_turned_away(
    tmp_path: Path, recording: bytes, ear: FakeTranscriber
) -> None:
    with live_server(tmp_path, sample=False, transcriber=ear, max_waiting_chats=1) as live:
        with slow(ear, 60.0), contextlib.ExitStack() as clients:
            for _ in range(2):
                clients.enter_context(_waiting(live, recording))
            gate = live.app.state.api.recordings
            wait_until(lambda: gate.waiting == 1)
            answer = send(live, recording)
            assert answer.status_code == 429
            assert answer.headers["retry-after"]
        wait_until(lambda: gate.waiting == 0)
        assert send(live, recording).is_success


@contextmanager
def _waiting(live: Live, recording: bytes) -> Iterator[None]:
    """A client that has sent a recording, and goes away in the end without an answer."""
    request = httpx.Request(
        "POST", live.url + URL, files={"file": recording}, data={"model": "whisper-1"}
    )
    body = request.read()
    connection = http.client.HTTPConnection("127.0.0.1", live.settings.port)
    with contextlib.closing(connection):
        kind = request.headers["content-type"]
        connection.request(
            "POST", URL, body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        )
        yield


def test_a_recording_that_is_indexed_waits_for_a_persons(tmp_path: Path, recording: bytes) -> None:
    ear = FakeTranscriber()
    with live_server(tmp_path, sample=False, transcriber=ear) as live:
        said = [(float(n), n + 0.5, f"sentence {n}") for n in range(200)]
        with slow(ear, 0.5):
            write_said(live.stack.folder / "long.wav", 200, said)
            live.stack.folders.watches.rescan()
            wait_until(lambda: ear.heard > 1)
            assert send(live, recording).json()["text"] == TEXT
            assert ear.transcribed == 1, "the long one was waited for"
        wait_until(live.stack.ingest.idle)
        wait_until(lambda: ear.transcribed == 2)
        assert ear.heard == len(said) + len(SAID)
        found = live.client.post("/search", json={"query": "sentence 39"}).json()["results"]
        assert any("sentence 39" in hit["metadata"]["text"] for hit in found)


def test_what_is_said_over_http_is_what_is_indexed(own: Live, recording: bytes) -> None:
    (own.stack.folder / "tea.wav").write_bytes(recording)
    own.stack.index()
    hits = own.client.post("/search", json={"query": "Monday tea garden"}).json()["results"]
    assert TEXT in hits[0]["metadata"]["text"]
    assert hits[0]["metadata"]["locator"]["start_s"] == 0.5


def test_nothing_is_left_of_a_recording(
    own: Live, recording: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert send(own, recording).is_success
    wait_until(lambda: unnamed_files() == set())
    assert list(folder.iterdir()) == []


@pytest.mark.models
def test_whisper_itself_is_heard_and_tells_all_that_openais_types_ask_for(
    tmp_path: Path, speech_weights: Path
) -> None:
    whisper = WhisperTranscriber(WHISPER_BASE, speech_weights)
    samples, _ = joined(silence(0.7), speech(TEA), silence(1.2), speech(FOX), silence(0.5))
    wav, mp3 = (write(tmp_path / name, samples) for name in ("two.wav", "two.mp3"))
    mute = write_film_without_sound(tmp_path / "mute.mp4")
    try:
        with live_server(tmp_path, sample=False, transcriber=whisper) as live:
            told = send(live, wav.read_bytes(), response_format="verbose_json").json()
            strict = TranscriptionVerbose.model_validate(told, strict=True)
            assert strict.language == "english"
            assert strict.segments is not None
            assert [segment.id for segment in strict.segments] == [0, 1]
            assert all(segment.tokens and segment.avg_logprob < 0 for segment in strict.segments)
            assert "green tea in the garden" in strict.text
            assert "over the lazy dog" in send(live, mp3.read_bytes()).json()["text"]
            silent = send(live, mute.read_bytes())
            assert silent.status_code == 400
            assert "has no sound" in silent.json()["error"]["message"]
            (live.stack.folder / "two.wav").write_bytes(wav.read_bytes())
            live.stack.index()
            hits = live.client.post("/search", json={"query": "green tea"}).json()["results"]
            assert hits[0]["metadata"]["text"] == strict.text
    finally:
        whisper.close()
