"""A server that speaks OpenAI's protocol on loopback, answering with prismd's fakes."""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from prismd.models.base import Sampling, Tool, ToolCall
from prismd.models.fake import FakeEmbedder
from prismd.models.fake_calls import calls_of, instance_of


@dataclasses.dataclass
class Behaviour:
    """How the server differs from a good one.

    Attributes:
        key: Wanted as bearer token.
        status: Answered to everything, with ``error`` as body.
        redirect: Where it sends everybody.
        base64: Answers embeddings as text.
        reverse: Answers embeddings in another order.
        drop: Leaves the last embedding out.
        hold: Writes one piece of a completion and waits.
        silent: Reads the request and answers nothing.
        break_off: Ends a completion without its end.
        stream_error: Sends an error in the middle of a completion.
        stops_behind_calls: Says ``stop`` where calls are the end.
    """

    key: str = ""
    status: int = 200
    error: Any = None
    redirect: str = ""
    base64: bool = False
    reverse: bool = False
    drop: bool = False
    hold: bool = False
    silent: bool = False
    break_off: bool = False
    stream_error: bool = False
    stops_behind_calls: bool = False


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what many tests are about, and no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class OpenAIServer:
    """Runs while the context is open."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.requests: list[dict[str, Any]] = []
        self.arrived = threading.Event()
        self.hung_up = threading.Event()
        self._released = threading.Event()
        self._embedder = FakeEmbedder()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append({"path": self.path, "headers": self.headers, "body": body})
                outer.arrived.set()
                outer._answer(self, body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> OpenAIServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        how = self.behaviour
        if how.silent:
            self._released.wait()
        elif how.redirect:
            handler.send_response(307)
            handler.send_header("Location", how.redirect)
            handler.end_headers()
        elif how.key and handler.headers["Authorization"] != f"Bearer {how.key}":
            _json(handler, 401, {"error": {"message": "Incorrect API key"}})
        elif how.status != 200:
            _json(handler, how.status, how.error)
        elif handler.path == "/v1/embeddings":
            self._embed(handler, body)
        elif handler.path == "/v1/chat/completions":
            self._complete(handler, body)
        else:
            _json(handler, 404, {"detail": "Not Found"})

    def _embed(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        rows = []
        for index, text in enumerate(body["input"]):
            # Not normalised, as many servers' vectors are not.
            vector = self._embedder.embed_query(text) * 3
            value: Any = vector.tolist()
            if self.behaviour.base64:
                value = base64.b64encode(vector.astype("<f4").tobytes()).decode()
            rows.append({"object": "embedding", "index": index, "embedding": value})
        if self.behaviour.reverse:
            rows.reverse()
        if self.behaviour.drop:
            rows.pop()
        _json(handler, 200, {"object": "list", "data": rows, "usage": {"prompt_tokens": 1}})

    def _complete(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        how = self.behaviour
        said, calls = _answer_to(body)
        pieces = [f"{word} " for word in said.split()]
        cut = len(pieces) > body["max_tokens"]
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        _event(handler, _chunk({"role": "assistant", "content": ""}))
        handler.wfile.write(b": a comment, to keep the connection alive\n\n")
        for piece in pieces[: body["max_tokens"]]:
            _event(handler, _chunk({"content": piece}))
            if how.hold:
                self._wait_for_hang_up(handler)
                return
            if how.stream_error:
                _event(handler, {"error": {"message": "out of memory"}})
                return
        for delta in _call_deltas(calls):
            _event(handler, _chunk({"tool_calls": [delta]}))
        if how.break_off:
            return
        reason = "tool_calls" if calls and not how.stops_behind_calls else "stop"
        _event(handler, _chunk({}, "length" if cut else reason))
        usage = {"prompt_tokens": 7, "completion_tokens": len(pieces) + len(calls)}
        _event(handler, {"choices": [], "usage": usage})
        handler.wfile.write(b"data: [DONE]\n\n")

    def _wait_for_hang_up(self, handler: BaseHTTPRequestHandler) -> None:
        if not handler.rfile.read(1):
            self.hung_up.set()


def _answer_to(body: dict[str, Any]) -> tuple[str, tuple[ToolCall, ...]]:
    """What the fake generator would say and call."""
    if "response_format" in body:
        wanted = body["response_format"].get("json_schema", {})
        return json.dumps(instance_of(wanted.get("schema", {}))), ()
    choice = body.get("tool_choice", "auto")
    named = isinstance(choice, dict)
    sampling = Sampling(
        tools=tuple(
            Tool(tool["function"]["name"], "", tool["function"]["parameters"])
            for tool in body.get("tools", ())
        ),
        tool_choice="required" if named else choice,
        tool_name=choice["function"]["name"] if named else "",
        parallel_tool_calls=body.get("parallel_tool_calls", True),
    )
    return calls_of(body["messages"][-1]["content"], sampling)


def _call_deltas(calls: tuple[ToolCall, ...]) -> Iterator[dict[str, Any]]:
    """Each call in pieces: its name, then its arguments a few characters at a time."""
    for index, call in enumerate(calls):
        head = {"name": call.name, "arguments": ""}
        yield {"index": index, "id": call.id, "type": "function", "function": head}
        for at in range(0, len(call.arguments), 5):
            yield {"index": index, "function": {"arguments": call.arguments[at : at + 5]}}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def _event(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    handler.wfile.write(b"data: " + json.dumps(body).encode() + b"\n\n")
    handler.wfile.flush()


def _json(handler: BaseHTTPRequestHandler, status: int, body: Any) -> None:
    content = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
