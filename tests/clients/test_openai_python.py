"""OpenAI's own library for Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Daemon, Place
from tests.clients.harness import TRAIN, Runtime, assert_cites_the_train
from tests.models.openai_server import OpenAIServer
from tests.ports import free_port

pytestmark = pytest.mark.clients


@pytest.fixture(params=["openai_3", "openai_2"])
def python(request: pytest.FixtureRequest) -> Runtime:
    """Python with each major version of the library that is in use."""
    runtime: Runtime = request.getfixturevalue(request.param)
    return runtime


def test_chat_is_answered_whole_streamed_and_at_once(
    python: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = python.run("openai_chat.py", daemon, tmp_path)
    for way in ("whole", "without /v1", "streamed", "gathered", "gathered by beta"):
        assert_cites_the_train(seen[way]["text"], seen[way]["source"], daemon)
    assert seen["whole"]["finish_reason"] == seen["gathered"]["finish_reason"] == "stop"
    assert seen["whole"]["grounding"] == "supported"
    assert seen["whole"]["total_tokens"] > len(TRAIN.split())
    streamed = seen["streamed"]
    assert streamed["finish_reasons"] == [None, "stop"]
    assert streamed["ids"] == 1
    assert streamed["usage"] == [False, True]
    assert streamed["choices_of_last"] == 0
    assert seen["gathered"]["kinds"] == ["chunk", "content.delta", "content.done"]
    assert len(seen["at once"]) == 6
    assert set(seen["at once"]) == {seen["whole"]["text"]}


def test_embeddings_are_the_same_in_every_encoding_and_in_order(
    python: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = python.run("openai_embeddings.py", daemon, tmp_path)
    assert seen["models"] == ["prism", "prism+sources", "prism-raw", "fake", "whisper-1"]
    assert seen["model"] == "prism"
    assert seen["order"] == [0, 1, 2]
    assert seen["float"] == seen["default"] == seen["base64"]
    first, second, third = seen["float"]
    assert first == third != second
    assert seen["one"] == [first]
    assert seen["prompt_tokens"] > 0


def test_each_error_is_raised_as_its_exception(
    python: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = python.run("openai_errors.py", daemon, tmp_path)
    told = {
        name: (error["class"], error["status"], error["code"], error["param"])
        for name, error in seen.items()
        if error is not None
    }
    stranger = ("AuthenticationError", 401, "invalid_api_key", None)
    unknown = ("NotFoundError", 404, "model_not_found", "model")
    assert told == {
        "wrong key": stranger,
        "wrong key, streamed": stranger,
        "unknown model": unknown,
        "unknown model to look up": unknown,
        "n": ("BadRequestError", 400, "unsupported_parameter", "n"),
        "temperature": ("BadRequestError", 400, "invalid_request", "temperature"),
        "no question": ("BadRequestError", 400, "invalid_request", "messages"),
        "token ids": ("BadRequestError", 400, "unsupported_parameter", "input"),
        "unknown address": ("NotFoundError", 404, "not_found", None),
    }
    assert "prismd token" in seen["wrong key"]["message"]
    assert "GET /v1/models" in seen["unknown model"]["message"]


def test_a_generator_that_is_away_is_a_server_error(
    openai_3: Runtime, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    away = {
        "PRISMD_GENERATION_BASE_URL": f"http://127.0.0.1:{free_port()}/v1",
        "PRISMD_GENERATION_MODEL": "away",
    }
    with place.daemon(env=away) as daemon:
        folder = tmp_path_factory.mktemp("client")
        seen = openai_3.run("openai_errors.py", daemon, folder, {"RAW_FAILS": "yes"})
    failure = seen["raw"]
    assert (failure["class"], failure["status"]) == ("InternalServerError", 503)
    assert failure["code"] == "model_unavailable"


def test_of_too_many_questions_those_refused_are_told_when_to_come_back(
    openai_3: Runtime, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with OpenAIServer() as engine:
        engine.behaviour.hold = True
        few = {
            "PRISMD_GENERATION_BASE_URL": engine.base_url,
            "PRISMD_GENERATION_MODEL": "held",
            "PRISMD_SERVER_MAX_CONCURRENT_CHATS": "1",
        }
        with place.daemon(env=few) as daemon:
            folder = tmp_path_factory.mktemp("client")
            seen = openai_3.run("openai_busy.py", daemon, folder, {"COUNT": "40"})
    assert seen.keys() == {"answered", "RateLimitError too_many_requests 5"}
    assert sum(seen.values()) == 40
