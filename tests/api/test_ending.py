"""What becomes of requests that are in work when the process ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from prismd.api.app import create_app
from prismd.api.ending import Ending
from prismd.api.mcp.inward import InwardTransport
from prismd.api.services import ApiSettings
from prismd.api.within import WITHIN
from prismd.errors import RequestError
from prismd.models.base import Transcriber
from prismd.models.fake import FakeGenerator
from prismd.models.fake_speech import FakeTranscriber
from tests.api.harness import TOKEN, build, unnamed_files, wait_until
from tests.speaking import write_said

STORY = "word " * 2_000
ENDING = "prismd is ending; try again when it runs again"


class Wire:
    """Calls an ASGI app, and notes what it sends."""

    def __init__(self, **scope: Any) -> None:
        self.scope: Any = {"type": "http", "headers": [], **scope}
        self.sent: list[Any] = []

    async def call(self, app: Any) -> None:
        """Have it answer."""

        async def receive() -> Any:
            await asyncio.Future()

        async def send(message: Any) -> None:
            self.sent.append(message)

        await app(self.scope, receive, send)

    @property
    def status(self) -> int:
        """Of the answer."""
        return int(self.sent[0]["status"])


async def begin(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def test_what_has_not_begun_to_answer_is_answered_with_503() -> None:
    async def end() -> None:
        closed: list[bool] = []

        async def waiting(_: Any, receive: Any, __: Any) -> None:
            try:
                await receive()
            finally:
                closed.append(True)

        ending, wire = Ending(grace_s=0), Wire()
        task = asyncio.ensure_future(wire.call(ending.around(waiting)))
        await asyncio.sleep(0)
        await ending.end()
        await task
        assert closed == [True]
        assert wire.status == 503
        assert dict(wire.sent[0]["headers"])[b"retry-after"] == b"5"
        said = json.loads(wire.sent[1]["body"])["error"]
        assert (said["message"], said["type"], said["code"]) == (ENDING, "server_error", "ending")
        late = Wire()
        await late.call(ending.around(waiting))
        assert late.status == 503

    asyncio.run(end())


def test_what_is_done_in_a_moment_is_waited_for() -> None:
    async def end() -> None:
        may_answer = asyncio.Event()

        async def quick(_: Any, __: Any, send: Any) -> None:
            await may_answer.wait()
            await begin(send)

        ending, wire = Ending(grace_s=60), Wire()
        task = asyncio.ensure_future(wire.call(ending.around(quick)))
        await asyncio.sleep(0)
        ended = asyncio.ensure_future(ending.end())
        await asyncio.sleep(0)
        may_answer.set()
        await asyncio.gather(task, ended)
        assert wire.status == 200

    asyncio.run(end())


def test_what_has_begun_to_answer_is_cut() -> None:
    async def end() -> None:
        async def endless(_: Any, receive: Any, send: Any) -> None:
            await begin(send)
            await receive()

        ending, wire = Ending(grace_s=0), Wire()
        task = asyncio.ensure_future(wire.call(ending.around(endless)))
        await asyncio.sleep(0)
        await ending.end()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(wire.sent) == 1

    asyncio.run(end())


def test_what_is_called_off_for_another_reason_is_not_answered() -> None:
    async def call_off() -> None:
        async def waiting(_: Any, receive: Any, __: Any) -> None:
            await receive()

        wire = Wire()
        task = asyncio.ensure_future(wire.call(Ending().around(waiting)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not wire.sent

    asyncio.run(call_off())


@pytest.mark.parametrize("scope", [{"type": "websocket"}, {WITHIN: True}], ids=str)
def test_others_end_in_their_own_way(scope: dict[str, Any]) -> None:
    async def end() -> None:
        async def answering(_: Any, __: Any, send: Any) -> None:
            await begin(send)

        ending, wire = Ending(grace_s=0), Wire(**scope)
        await ending.end()
        await wire.call(ending.around(answering))
        assert wire.status == 200

    asyncio.run(end())


def test_work_is_told_unless_it_took_that_back() -> None:
    async def end() -> None:
        ending = Ending(grace_s=0)
        told: list[tuple[str, Exception]] = []
        ending.tell(lambda error: told.append(("first", error)))
        ending.tell(lambda error: told.append(("second", error)))()
        await ending.end()
        ending.tell(lambda error: told.append(("late", error)))
        assert [name for name, _ in told] == ["first", "late"]
        assert all(isinstance(error, RequestError) and error.status == 503 for _, error in told)

    asyncio.run(end())


def streamed(
    tmp_path: Path,
    path: str,
    request: dict[str, Any],
    is_under_way: Callable[[str], bool],
    transcriber: Transcriber | None = None,
) -> str:
    """What a stream says whose app is ended once it is under way."""

    async def run() -> str:
        generator = FakeGenerator(delay_s=0.02)
        stack = build(tmp_path, "", generator=generator, transcriber=transcriber)
        try:
            app = create_app(stack.services, ApiSettings(version="0.0.1"))
            headers = {"Authorization": f"Bearer {TOKEN}"}
            transport, said = InwardTransport(app), ""
            async with (
                asyncio.timeout(60),
                httpx.AsyncClient(
                    transport=transport, base_url="http://127.0.0.1", headers=headers
                ) as client,
                client.stream("POST", path, **request) as stream,
            ):
                assert stream.status_code == 200
                async for piece in stream.aiter_text():
                    said += piece
                    if is_under_way(said):
                        await app.state.end()
            return said
        finally:
            stack.close()

    return asyncio.run(run())


def test_a_chat_that_is_streamed_says_why_it_ends(tmp_path: Path) -> None:
    body = {"model": "prism-raw", "stream": True, "messages": [{"role": "user", "content": STORY}]}
    said = streamed(tmp_path, "/v1/chat/completions", {"json": body}, lambda said: "word" in said)
    assert said.count("word") < 1_000
    assert ENDING in said
    assert json.loads(said.split("data: ")[-2 if "[DONE]" in said else -1])["error"]


def test_a_response_that_is_streamed_has_failed(tmp_path: Path) -> None:
    body = {"model": "prism-raw", "stream": True, "input": STORY}
    said = streamed(
        tmp_path, "/v1/responses", {"json": body}, lambda said: "output_text.delta" in said
    )
    assert "event: response.failed" in said
    assert "response.completed" not in said
    assert ENDING in said


def test_a_transcription_that_is_streamed_says_why_it_ends(tmp_path: Path) -> None:
    words = [(second, second + 1, f"Word {second}.") for second in range(1_000)]
    recording = write_said(tmp_path / "long.wav", 1_000, words).read_bytes()
    request = {"files": {"file": recording}, "data": {"model": "whisper-1", "stream": "true"}}
    ear = FakeTranscriber(delay_s=0.1)
    held = unnamed_files()
    said = streamed(tmp_path, "/v1/audio/transcriptions", request, lambda t: "Word 1" in t, ear)
    assert "transcript.text.done" not in said
    assert json.loads(said.split("data: ")[-1])["error"]["code"] == "ending"
    assert ear.heard < 100
    wait_until(lambda: unnamed_files() <= held)
