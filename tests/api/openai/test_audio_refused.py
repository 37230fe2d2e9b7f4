"""Recordings that are not written down: what is said of those, and of what is asked of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import openai
import pytest

from prismd.models.fake_speech import FakeTranscriber
from prismd.models.load import ModelState
from prismd.paths.aside import place_of, shortage
from tests.api.harness import Live, live_server
from tests.api.openai.official import client_of
from tests.api.openai.test_audio import SAID, URL, send
from tests.speaking import write_said

_MOST_BYTES = 400_000


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that takes recordings of some bytes."""
    folder, ear = tmp_path_factory.mktemp("refused"), FakeTranscriber()
    with live_server(folder, sample=False, transcriber=ear, max_upload_bytes=_MOST_BYTES) as live:
        yield live


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_said(tmp_path_factory.mktemp("said") / "tea.wav", 5, SAID).read_bytes()


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"response_format": "diarized_json"}, "response_format", "speakers are not told apart"),
        ({"response_format": "xml"}, "response_format", "json, text, srt, verbose_json, vtt"),
        ({"language": "klingon"}, "language", "no language that is known"),
        ({"language": "fr"}, "language", "fake knows no French"),
        ({"temperature": "7"}, "temperature", "<= 1"),
        ({"temperature": "hot"}, "temperature", "float"),
        ({"timestamp_granularities[]": "letter"}, "timestamp_granularities[0]", "letter"),
        ({"include[]": "logprobs"}, "include", "chances of single tokens"),
        ({"stream": "true", "response_format": "srt"}, "stream", "comes whole"),
        ({"stream": "perhaps"}, "stream", "bool"),
        ({"model": "gpt-4o-transcribe-diarize"}, "model", "speakers are not told apart"),
        ({"model": ""}, "model", "missing required field"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    own: Live, recording: bytes, fields: dict[str, str], param: str, says: str
) -> None:
    answer = send(own, recording, **fields)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["param"] == param
    assert says in error["message"]


def test_an_unknown_model_is_not_found(own: Live, recording: bytes) -> None:
    answer = send(own, recording, model="whisper-enormous")
    assert answer.status_code == 404
    assert "GET /v1/models" in answer.json()["error"]["message"]
    with client_of(own) as client, pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(file=recording, model="nobody")


@pytest.mark.parametrize(
    ("recording", "says"),
    [
        (b"", "file: is empty"),
        (None, "file: is missing"),
        (b"no sound at all", "file: it cannot be opened as a recording"),
        (b"%PDF-1.7\n", "file: it cannot be opened as a recording"),
    ],
)
def test_what_is_no_recording_is_refused_in_words(
    own: Live, recording: bytes | None, says: str
) -> None:
    answer = send(own, recording)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["param"], error["code"]) == ("file", "invalid_recording")
    assert error["message"].startswith(says)


def test_a_stream_says_at_once_that_it_is_no_recording(own: Live) -> None:
    assert send(own, b"no sound at all", stream="true").status_code == 400


def test_two_files_at_once_are_refused(own: Live, recording: bytes) -> None:
    answer = own.client.post(
        URL, files=[("file", recording), ("file", recording)], data={"model": "whisper-1"}
    )
    assert "one at a time" in answer.json()["error"]["message"]


def test_a_recording_may_have_just_so_many_bytes(own: Live, recording: bytes) -> None:
    padded = recording + b"\0" * (_MOST_BYTES - len(recording))
    assert send(own, padded).is_success
    answer = send(own, padded + b"\0")
    assert answer.status_code == 413
    assert "400,000 bytes" in answer.json()["error"]["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="no disk that is full")
def test_where_there_is_no_room_for_a_recording_it_says_so_and_what_helps(
    own: Live, recording: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(**_: object) -> IO[bytes]:
        return Path("/dev/full").open("wb", buffering=0)

    monkeypatch.setattr(tempfile, "TemporaryFile", made)
    answer = send(own, recording)
    error, told = answer.json()["error"], shortage(place_of(Path(tempfile.gettempdir())))
    assert (answer.status_code, error["code"]) == (503, told.code)
    assert "while it is read (No space left on device): " in error["message"]
    assert error["message"].endswith(told.remedy)


def test_another_body_is_refused(own: Live) -> None:
    answer = own.client.post(URL, json={"model": "whisper-1"})
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize("path", ["/v1/audio/translations", "/audio/translations"])
def test_translations_are_refused_in_words(own: Live, recording: bytes, path: str) -> None:
    answer = own.client.post(path, files={"file": recording}, data={"model": "whisper-1"})
    assert answer.status_code == 400
    assert "not translated" in answer.json()["error"]["message"]


def test_without_a_model_it_says_what_to_do(tmp_path: Path, recording: bytes) -> None:
    with live_server(tmp_path, sample=False) as live:
        state = ModelState("whisper-base", "missing", "run `prismd models pull whisper-base`")
        api = live.app.state.api
        services = replace(api.services, transcriber=None, model_states=lambda: {"speech": state})
        live.app.state.api = replace(api, services=services)
        answer = send(live, recording)
        assert answer.status_code == 503
        error = answer.json()["error"]
        assert error["code"] == "no_transcriber"
        assert "run `prismd models pull whisper-base`" in error["message"]
        listed = {model["id"] for model in live.client.get("/v1/models").json()["data"]}
        assert "whisper-1" not in listed
