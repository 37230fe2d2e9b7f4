"""Models without weights, for tests and for trying prismd out; picked by the name ``fake``.

They keep every contract of the real ones and are deterministic, so that what is built on them
can be tested exactly: near texts get near vectors, and the generator repeats its evidence.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError, PromptTooLong
from prismd.models.base import Delta, Message, Sampling, ToolCall
from prismd.models.fake_calls import calls_of, instance_of
from prismd.models.generation import Generation
from prismd.models.schema_limits import check_limits

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\s*\S+")
_DIM = 64
_COLOURS = {
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "orange": (255, 128, 0),
    "yellow": (255, 255, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "purple": (128, 0, 128),
    "brown": (120, 70, 20),
}
_MAX_TOKENS = 512


class FakeTokens:
    """Words and signs as tokens."""

    def offsets(self, text: str) -> NDArray[np.int32]:
        """Where each token stands, in code points, shape ``(tokens, 2)``."""
        spans = [match.span() for match in _TOKEN.finditer(text)]
        return np.array(spans, dtype=np.int32).reshape(-1, 2)


class FakeEmbedder:
    """A hashed bag of words: texts that share words are near.

    Attributes:
        embedded: How many passages it has embedded, for tests that count work.
    """

    def __init__(self, name: str = "fake", dim: int = _DIM) -> None:
        self._space = EmbeddingSpace(model=name, revision="1", dim=dim, max_tokens=_MAX_TOKENS)
        self._tokens = FakeTokens()
        self.embedded = 0

    @property
    def space(self) -> EmbeddingSpace:
        """The space of its vectors, comparable with no real model's."""
        return self._space

    @property
    def tokens(self) -> FakeTokens:
        """Its token counter."""
        return self._tokens

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages; shape ``(len(texts), dim)``, rows L2-normalised, in input order."""
        self.embedded += len(texts)
        rows = [self.embed_query(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self._space.dim)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a query; shape ``(dim,)``, L2-normalised."""
        cut = self._tokens.offsets(text)[:_MAX_TOKENS]
        text = text[: int(cut[-1, 1])] if len(cut) else ""
        vector = np.zeros(self._space.dim, dtype=np.float32)
        # The first place is never empty, so that a text without words has a direction too.
        vector[0] = 0.1
        for word in _words(text):
            digest = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
            vector[1 + digest % (self._space.dim - 1)] += 1.0
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def close(self) -> None:
        """Nothing to give back."""


class FakeReranker:
    """The share of the query's words that a text has, as a logit between -5 and 5."""

    @property
    def name(self) -> str:
        """``fake``."""
        return "fake"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score each text; shape ``(len(texts),)``, in input order."""
        wanted = set(_words(query))
        shares = [len(wanted & set(_words(text))) / max(1, len(wanted)) for text in texts]
        return (np.array(shares, dtype=np.float32) - np.float32(0.5)) * np.float32(10)

    def close(self) -> None:
        """Nothing to give back."""


class FakeImageEmbedder:
    """Knows colours only: a picture's vector is the share of each, a text's the ones it names.

    A text without the name of a colour is like no picture at all.

    Attributes:
        embedded: How many pictures it has embedded, for tests that count work.
    """

    def __init__(self) -> None:
        self._space = EmbeddingSpace(
            model="fake-image",
            revision="1",
            dim=len(_COLOURS) + 1,
            max_tokens=_MAX_TOKENS,
            pooling="none",
            content="picture",
        )
        self.embedded = 0

    @property
    def space(self) -> EmbeddingSpace:
        """The space of its pictures, comparable with no real model's."""
        return self._space

    @property
    def edge_px(self) -> int:
        """The side of the square that it looks at."""
        return 32

    @property
    def least_similarity(self) -> float:
        """A picture is red when red is the most of it."""
        return 0.6

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures of shape ``(n, 32, 32, 3)``; rows L2-normalised, in input order."""
        self.embedded += len(pixels)
        palette = np.array(list(_COLOURS.values()), dtype=np.int32)
        vectors = np.zeros((len(pixels), self._space.dim), dtype=np.float32)
        for number, picture in enumerate(pixels):
            away = picture.reshape(-1, 1, 3).astype(np.int32) - palette
            nearest = np.square(away).sum(axis=2).argmin(axis=1)
            vectors[number, :-1] = np.bincount(nearest, minlength=len(palette))
        return _normalised(vectors)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; shape ``(len(texts), dim)``, rows L2-normalised, in input order."""
        names = list(_COLOURS)
        vectors = np.zeros((len(texts), self._space.dim), dtype=np.float32)
        for number, text in enumerate(texts):
            named = [names.index(word) for word in _words(text) if word in _COLOURS]
            vectors[number, named or [-1]] = 1.0
        return _normalised(vectors)

    def close(self) -> None:
        """Nothing to give back."""


class FakeGenerator:
    """Repeats the newest turn of the user, or the newest outcome of a tool, word by word.

    ``fake_calls`` says how it is made to call a tool. With a schema it writes the least that
    follows it.

    Args:
        delay_s: Wait before each word.
        fail_after: Raise ``ModelError`` after so many words.
        echo: What to say instead.
        context_tokens: A longer prompt is refused.

    Attributes:
        closed: How many generations were closed after their start and before their end.
    """

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        fail_after: int | None = None,
        echo: str | None = None,
        context_tokens: int = 4096,
    ) -> None:
        self.delay_s = delay_s
        self.fail_after = fail_after
        self._echo = echo
        self._context_tokens = context_tokens
        self.turn = threading.Lock()
        self.closed = 0

    @property
    def name(self) -> str:
        """``fake``."""
        return "fake"

    @property
    def context_tokens(self) -> int:
        """Words of prompt and answer together."""
        return self._context_tokens

    def count_tokens(self, text: str) -> int:
        """Words and signs of a text."""
        return len(_TOKEN.findall(text))

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Generation:
        """Generate, word by word.

        Raises:
            RequestError: A schema is too large.
            ModelError: The prompt does not fit, or ``fail_after`` words were said.
        """
        check_limits(sampling)
        prompt = sum(self.count_tokens(message.content) for message in messages)
        if prompt >= self._context_tokens:
            raise PromptTooLong(
                f"fake: the prompt has {prompt} tokens, the context {self._context_tokens}; "
                "ask with less text"
            )
        text, calls = calls_of(self._answer(messages, sampling), sampling)
        return _FakeGeneration(self, text, calls, prompt, sampling)

    def close(self) -> None:
        """Nothing to give back."""

    def _answer(self, messages: Sequence[Message], sampling: Sampling) -> str:
        said = [message.content for message in messages if message.role in ("user", "tool")]
        text = self._echo if self._echo is not None else (said[-1] if said else "")
        if sampling.response_schema is not None:
            return json.dumps(instance_of(sampling.response_schema))
        for stop in sampling.stop:
            text = text.split(stop, 1)[0]
        return text


class _FakeGeneration(Generation):
    """One completion of the fake."""

    def __init__(
        self,
        generator: FakeGenerator,
        answer: str,
        calls: tuple[ToolCall, ...],
        prompt_tokens: int,
        sampling: Sampling,
    ) -> None:
        super().__init__(generator.turn)
        pieces = _PIECE.findall(answer)
        self._generator = generator
        self._pieces = pieces[: sampling.max_tokens]
        self._cut = len(pieces) > sampling.max_tokens
        self._calls = list(calls)
        self._prompt_tokens = prompt_tokens
        self._said = 0
        self._called = 0
        self._woken = threading.Event()

    def _step(self) -> Delta | None:
        generator = self._generator
        if generator.delay_s and self._woken.wait(generator.delay_s):
            generator.closed += 1
            return None
        if generator.fail_after is not None and self._said >= generator.fail_after:
            raise ModelError("fake: failed as it was told to; choose another model")
        if self._said < len(self._pieces):
            self._said += 1
            return Delta(text=self._pieces[self._said - 1])
        reason: Literal["stop", "length", "tool_calls"] = "length" if self._cut else "stop"
        if self._calls and not self._cut:
            self._called += 1
            return Delta("", tool_call=self._calls.pop(0))
        if self._called:
            reason = "tool_calls"
        return Delta("", reason, self._prompt_tokens, self._said + self._called)

    def _interrupt(self) -> None:
        self._woken.set()

    def _abandon(self) -> None:
        self._generator.closed += 1


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    normalised: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normalised
