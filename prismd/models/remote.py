"""Generation and embedding by an OpenAI-compatible server that the user runs.

Requests go to the configured host and nowhere else: redirects are not followed, and proxies of
the environment are left out of it when the host is this machine.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError
from prismd.models.base import Delta, Message, Sampling, ToolCall
from prismd.models.generation import Generation
from prismd.models.remote_chat import CallParts, chat_request
from prismd.models.remote_http import (
    RemoteEngine,
    check_address,
    error_text,
    host_of,
    mapped,
    open_client,
    refusal,
)
from prismd.models.schema_limits import check_limits

_BATCH_TEXTS = 64
_CHARS_PER_TOKEN = 4
_DATA = "data:"
_ENDS: dict[str, Literal["stop", "length", "tool_calls"]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
}


class EstimatedTokens:
    """Counts four characters as a token, as no tokeniser is at hand; words are kept whole."""

    def offsets(self, text: str) -> NDArray[np.int32]:
        """Stretches of at most four characters, shape ``(tokens, 2)``, blanks left out."""
        spans = [
            (start, min(start + _CHARS_PER_TOKEN, end))
            for begin, end in _words(text)
            for start in range(begin, end, _CHARS_PER_TOKEN)
        ]
        return np.array(spans, dtype=np.int32).reshape(-1, 2)


class _Choice(msgspec.Struct):
    delta: dict[str, Any] | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Row(msgspec.Struct):
    embedding: list[float] | str
    index: int


class _Embeddings(msgspec.Struct):
    data: list[_Row]


class RemoteGenerator:
    """A generator behind ``/chat/completions``, streamed.

    Args:
        engine: The server and its model.
        context_tokens: Tokens of prompt and answer together, as the server is set up.
    """

    def __init__(self, engine: RemoteEngine, *, context_tokens: int = 8192) -> None:
        self.engine = engine
        self._context_tokens = context_tokens
        self._turn = threading.Lock()
        check_address(engine, "generation")

    @property
    def name(self) -> str:
        """The model's name at the server."""
        return self.engine.model

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return self._context_tokens

    def count_tokens(self, text: str) -> int:
        """An estimate: four characters to a token."""
        return len(EstimatedTokens().offsets(text))

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Generation:
        """Generate, piece by piece. ``close`` drops the connection, from any thread.

        Raises:
            RequestError: At once: a schema is too large.
            ModelError: While iterating: the server is not there, refuses, or breaks off.
        """
        check_limits(sampling)
        return _RemoteGeneration(self.engine, chat_request(self.engine.model, messages, sampling))

    def close(self) -> None:
        """Nothing is kept between completions."""


class _RemoteGeneration(Generation):
    """One streamed completion, on a connection of its own."""

    def __init__(self, engine: RemoteEngine, body: dict[str, Any]) -> None:
        # The server has turns of its own; completions here need not wait for each other.
        super().__init__(threading.Lock())
        self._engine = engine
        self._body = body
        self._open = contextlib.ExitStack()
        self._events: Iterator[str] | None = None
        self._socket: socket.socket | None = None
        self._reason = ""
        self._parts = CallParts()
        self._calls: list[ToolCall] | None = None
        self._usage = _Usage()

    def _step(self) -> Delta | None:
        if self._calls is not None:
            return self._end_of()
        with mapped(self._engine, "generation"):
            if self._events is None:
                self._events = self._connect()
            for event in self._events:
                if event == "[DONE]":
                    break
                if text := self._take(event):
                    return Delta(text)
        self._open.close()
        if not self._reason:
            raise ModelError(
                f"{host_of(self._engine)}: broke off in the middle of an answer; try again"
            )
        return self._end_of()

    def _end_of(self) -> Delta:
        """The calls one by one, then the end."""
        if self._calls is None:
            # What the length has cut is no call.
            self._calls = [] if self._reason == "length" else self._parts.calls()
            # Servers have other words, too (``eos``, ``content_filter``), and some say ``stop``
            # behind a call.
            if self._reason != "length":
                self._reason = "tool_calls" if self._calls else "stop"
        if self._calls:
            return Delta("", tool_call=self._calls.pop(0))
        usage = self._usage
        return Delta(
            "", _ENDS[self._reason], usage.prompt_tokens or 0, usage.completion_tokens or 0
        )

    def _connect(self) -> Iterator[str]:
        client = self._open.enter_context(open_client(self._engine))
        response = self._open.enter_context(
            client.stream(
                "POST",
                f"{self._engine.base_url.rstrip('/')}/chat/completions",
                json=self._body,
                extensions={"trace": self._keep_socket},
            )
        )
        if response.status_code != httpx.codes.OK:
            response.read()
            raise refusal(self._engine, "generation", response)
        return _events(response)

    def _take(self, event: str) -> str:
        """The text of an event; its end and token counts are kept."""
        chunk = msgspec.json.decode(event.encode(), type=_Chunk)
        if chunk.error:
            raise ModelError(
                f"{host_of(self._engine)}: failed ({error_text(chunk.error)}); try again"
            )
        if chunk.usage is not None:
            self._usage = chunk.usage
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        if choice.finish_reason:
            self._reason = choice.finish_reason
        delta = choice.delta or {}
        self._parts.add(delta.get("tool_calls"))
        text = delta.get("content")
        return text if isinstance(text, str) else ""

    def _keep_socket(self, event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._socket = info["return_value"].get_extra_info("socket")
            if self._closing.is_set():
                self._interrupt()

    def _interrupt(self) -> None:
        # Closing a socket does not wake the thread that reads it; shutting it down does.
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _abandon(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            self._open.close()


class RemoteEmbedder:
    """An embedder behind ``/embeddings``.

    Args:
        engine: The server and its model.
        dim: What the model gives; another width is an error.
        max_tokens: The longest text, in tokens; cutting is the server's part.
        query_prefix: Put before every query.
        passage_prefix: Put before every passage.
    """

    def __init__(
        self,
        engine: RemoteEngine,
        *,
        dim: int,
        max_tokens: int = 512,
        query_prefix: str = "",
        passage_prefix: str = "",
    ) -> None:
        self._engine = engine
        self._tokens = EstimatedTokens()
        self._space = EmbeddingSpace(
            model=engine.model,
            revision="remote",
            dim=dim,
            max_tokens=max_tokens,
            pooling="none",
            query_prefix=query_prefix,
            passage_prefix=passage_prefix,
        )
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        check_address(engine, "embedding")

    @property
    def space(self) -> EmbeddingSpace:
        """The space of the server's vectors."""
        return self._space

    @property
    def tokens(self) -> EstimatedTokens:
        """An estimate."""
        return self._tokens

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages; shape ``(len(texts), dim)``, rows L2-normalised, in input order.

        Raises:
            ModelError: The server is not there, refuses, or gives other vectors than expected.
        """
        prefixed = [self._space.passage_prefix + text for text in texts]
        vectors = np.empty((len(texts), self._space.dim), dtype=np.float32)
        for start in range(0, len(texts), _BATCH_TEXTS):
            batch = prefixed[start : start + _BATCH_TEXTS]
            vectors[start : start + len(batch)] = self._embed(batch)
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a query with the query prefix; shape ``(dim,)``, L2-normalised.

        Raises:
            ModelError: As ``embed_passages``.
        """
        vector: NDArray[np.float32] = self._embed([self._space.query_prefix + text])[0]
        return vector

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # Several servers refuse an empty text; a blank stands for it.
        body = {
            "model": self._engine.model,
            "input": [text if text.strip() else " " for text in texts],
            "encoding_format": "float",
        }
        with self._lock, mapped(self._engine, "embedding"):
            if self._http is None:
                self._http = open_client(self._engine)
            response = self._http.post(f"{self._engine.base_url.rstrip('/')}/embeddings", json=body)
            if response.status_code != httpx.codes.OK:
                raise refusal(self._engine, "embedding", response)
            rows = msgspec.json.decode(response.content, type=_Embeddings).data
        return self._checked(rows, len(texts))

    def _checked(self, rows: Sequence[_Row], count: int) -> NDArray[np.float32]:
        host, dim = host_of(self._engine), self._space.dim
        rows = sorted(rows, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(count)):
            raise ModelError(f"{host}: gave {len(rows)} vectors for {count} texts; check the model")
        vectors = np.empty((count, dim), dtype=np.float32)
        for row in rows:
            vector = _vector(row.embedding)
            if vector.shape != (dim,):
                raise ModelError(
                    f"{host}: gave {len(vector)} dimensions, expected {dim}; "
                    "set [embedding] dim to what the model gives, and reindex"
                )
            vectors[row.index] = vector
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or (norms == 0).any():
            raise ModelError(f"{host}: gave vectors without a direction; check the model")
        normalised: NDArray[np.float32] = vectors / norms
        return normalised


def _events(response: httpx.Response) -> Iterator[str]:
    """The data of each server-sent event."""
    for line in response.iter_lines():
        if line.startswith(_DATA):
            yield line[len(_DATA) :].strip()


def _vector(embedding: list[float] | str) -> NDArray[np.float32]:
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), dtype="<f4")
    return np.array(embedding, dtype=np.float32)


def _words(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for word in text.split():
        at = text.index(word, at)
        yield at, at + len(word)
        at += len(word)
