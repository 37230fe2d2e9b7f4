"""What the rest of prismd may ask of a model; every implementation passes one contract suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace


@runtime_checkable
class TokenCounter(Protocol):
    """Cuts text into the tokens of a model."""

    def offsets(self, text: str) -> NDArray[np.int32]:
        """Where each token stands, special tokens left out.

        Returns:
            Shape ``(tokens, 2)``: start and end of each token in code points, ascending.
        """


@runtime_checkable
class Embedder(Protocol):
    """Turns text into vectors of one space."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""

    @property
    def tokens(self) -> TokenCounter:
        """The model's own tokeniser, or an estimate where the model is remote."""

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages for storage.

        Args:
            texts: Passage texts; text beyond ``space.max_tokens`` tokens is cut.

        Returns:
            Shape ``(len(texts), space.dim)``, rows L2-normalised, in input order.

        Raises:
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed one query, with the model's query prefix.

        Returns:
            Shape ``(space.dim,)``, L2-normalised.

        Raises:
            ModelError: As ``embed_passages``.
        """

    def close(self) -> None:
        """Give the memory back; the next call loads again."""


@runtime_checkable
class Reranker(Protocol):
    """Scores how well passages answer a query, reading both together."""

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score each text against the query.

        Returns:
            Shape ``(len(texts),)``, in input order: the model's logit, higher is better, not
            comparable between models.

        Raises:
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """

    def close(self) -> None:
        """Give the memory back; the next call loads again."""


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a tool that the model asks for.

    Attributes:
        id: Names the call in the answer to it.
        name: Of the tool.
        arguments: A JSON object, as text.
    """

    id: str
    name: str
    arguments: str


class Tool(msgspec.Struct, frozen=True):
    """A tool that the model may ask to be called; nothing here ever calls one.

    Attributes:
        name: By which it is called.
        description: What it does, for the model to read.
        parameters: JSON schema of the object that it is called with.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation.

    Attributes:
        role: Whose turn it was; ``tool`` gives the outcome of a call.
        content: What was said.
        tool_calls: The calls that the assistant asked for.
        tool_call_id: The call whose outcome this is.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


class Delta(msgspec.Struct, frozen=True):
    """A piece of generated text, or a whole call of a tool.

    The last one has ``finish_reason`` and the token counts.
    """

    text: str
    finish_reason: Literal["stop", "length", "tool_calls"] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tool_call: ToolCall | None = None


class Sampling(msgspec.Struct, frozen=True):
    """How a generator chooses its tokens.

    Attributes:
        response_schema: JSON schema that the text must follow.
        tools: What the model may ask to be called.
        tool_choice: Whether it may, must not, or must ask for a call.
        tool_name: With ``required``: the only tool that it may ask for; empty for any.
        parallel_tool_calls: Whether it may ask for several calls at once.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    response_schema: dict[str, Any] | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    tool_name: str = ""
    parallel_tool_calls: bool = True


@runtime_checkable
class Generator(Protocol):
    """Writes text. One completion at a time; callers wait their turn."""

    @property
    def name(self) -> str:
        """The model's name in the catalogue, or at the remote engine."""

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text; an estimate where the model is remote."""

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta]:
        """Generate, piece by piece. Closing the iterator stops the generation at once.

        Raises:
            RequestError: A schema is too large, or there is no grammar for it; at the call
                itself, before anything is begun.
            ModelError: The weights are missing, the engine died or does not answer, or the
                prompt does not fit ``context_tokens``.
        """

    def close(self) -> None:
        """Stop the engine and give the memory back; the next call starts it again."""


class SpokenWord(msgspec.Struct, frozen=True):
    """A word as it was heard, with the seconds in which it was said; ``text`` has no spaces.

    ``tokens`` are the model's own, where it has such.
    """

    start_s: float
    end_s: float
    text: str
    probability: float = 1.0
    tokens: tuple[int, ...] = ()


class Decoding(msgspec.Struct, frozen=True):
    """What a model tells of the stretch of sound that it heard at once.

    Attributes:
        start_s: Where in the recording the stretch begins.
        log_probability: Of its tokens, the mean.
        no_speech: The probability that nobody speaks in it.
        compression: How many times smaller its text becomes when it is compressed.
    """

    start_s: float
    log_probability: float
    no_speech: float
    compression: float


class Segment(msgspec.Struct, frozen=True):
    """What was said in one breath.

    Attributes:
        start_s: When it begins.
        end_s: When it ends.
        text: Its words, with the spaces between them.
        words: In order.
        probability: How sure the model is of the words.
        language: ISO 639-1 code of the language in which it was heard; empty where none is known.
        decoding: How the stretch was heard to which it belongs, where the model tells.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[SpokenWord, ...] = ()
    probability: float = 1.0
    language: str = ""
    decoding: Decoding | None = None


class Transcript(msgspec.Struct, frozen=True):
    """What is said in a recording; in a film, there may be no sound to say anything."""

    segments: tuple[Segment, ...]
    duration_s: float
    has_sound: bool = True

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that are spoken, as ISO 639-1 codes, that of most seconds first."""
        spoken_s: dict[str, float] = {}
        for segment in self.segments:
            if segment.language:
                seconds = segment.end_s - segment.start_s
                spoken_s[segment.language] = spoken_s.get(segment.language, 0.0) + seconds
        return tuple(sorted(spoken_s, key=lambda language: -spoken_s[language]))

    @property
    def language(self) -> str:
        """The language of most of what is said; empty where nothing is, or none is known."""
        return next(iter(self.languages), "")


@runtime_checkable
class Transcriber(Protocol):
    """Writes down what is said in recordings. One at a time; callers wait their turn."""

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""

    @property
    def revision(self) -> str:
        """Changes whenever the same recording may be written down otherwise."""

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes (or 639-3, where there is none) of the languages that it knows."""

    def transcribe(
        self,
        path: Path,
        *,
        language: str = "",
        prompt: str = "",
        on_step: Callable[[float, float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        known: Mapping[int, bytes] | None = None,
        on_piece: Callable[[int, bytes], None] | None = None,
        on_said: Callable[[Sequence[Segment]], None] | None = None,
        leave: Callable[[], bool] | None = None,
    ) -> Transcript:
        """Write down what is said; silence, noise, music and loops give no segment.

        Args:
            path: A recording, or a film with sound.
            language: ISO 639-1 code, where it is known; else it is found out.
            prompt: Text as it might stand before what is said: names and words that are likely
                to come are then written as they are there. Only the end of a long one counts.
            on_step: Told how many seconds are done, and of how many.
            cancelled: Asked often; once it says so, the work is given up.
            known: The pieces, by number, that an earlier call for the same content gave before it
                ended, by a transcriber of the same ``revision``: it goes on behind them, and the
                outcome is the same. Those behind one that is missing do not count.
            on_piece: Given each piece that has been written down, half a minute at most, by number
                from 0, packed.
            on_said: Given segments as they become certain, each once and in order; those that the
                transcript has besides come behind them.
            leave: Asked often; once it says so, the call ends behind the piece that is in hand,
                so that nothing is heard twice when another call goes on with it.

        Raises:
            ExtractError: The recording cannot be read: the file's fault. Its code is
                ``cancelled`` when it was called off, and ``left_off`` when it was left.
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """

    def close(self) -> None:
        """Give the memory back; the next call loads again."""


@runtime_checkable
class ImageEmbedder(Protocol):
    """Turns pictures and texts into vectors of one model, comparable with each other."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space of pictures, with ``content`` ``picture``."""

    @property
    def edge_px(self) -> int:
        """The side of the square that the model looks at."""

    @property
    def least_similarity(self) -> float:
        """The least cosine at which a picture is taken to show what a text says."""

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures.

        Args:
            pixels: Shape ``(n, edge_px, edge_px, 3)``, RGB.

        Returns:
            Shape ``(n, space.dim)``, rows L2-normalised, in input order.

        Raises:
            ModelError: The weights are missing or fail their checksum, or the engine fails.
        """

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts, to be held against pictures; what is too long for the model is cut.

        Returns:
            Shape ``(len(texts), space.dim)``, rows L2-normalised, in input order.

        Raises:
            ModelError: As ``embed_images``.
        """

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
