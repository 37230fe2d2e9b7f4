"""The child that holds a GGUF model: ``python -m prismd.models.llama_worker``.

It does one completion at a time. A request to stop is seen between two tokens, and while a long
prompt is read as well. The context keeps what it has read, so that a prompt which begins like
the one before (instructions, the same evidence) is read from where it differs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from prismd.child import Channel, channel
from prismd.models.base import Message, Sampling, ToolCall
from prismd.models.llama_prompt import ChatPrompt
from prismd.models.llama_writing import Cancelled, Talk, Writer

_BATCH_TOKENS = 512


class Load(msgspec.Struct, frozen=True, tag=True):
    """Read the weights; the first request. Answered by ``Ready``."""

    path: str
    context_tokens: int
    threads: int


class Count(msgspec.Struct, frozen=True, tag=True):
    """Count the tokens of a text. Answered by ``Counted``."""

    text: str


class Complete(msgspec.Struct, frozen=True, tag=True):
    """Answer a conversation. Answered by ``Piece`` and ``Called``, any number, and one ``Done``."""

    messages: tuple[Message, ...]
    sampling: Sampling


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """End the running completion; it ends with ``Done`` as ever. Without one, ignored."""


Request = Load | Count | Complete | Cancel


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The weights are in memory."""

    context_tokens: int


class Counted(msgspec.Struct, frozen=True, tag=True):
    """How many tokens."""

    tokens: int


class Piece(msgspec.Struct, frozen=True, tag=True):
    """Some more text."""

    text: str


class Called(msgspec.Struct, frozen=True, tag=True):
    """A call of a tool, whole."""

    call: ToolCall


class Done(msgspec.Struct, frozen=True, tag=True):
    """The completion has ended."""

    finish_reason: Literal["stop", "length", "tool_calls"]
    prompt_tokens: int
    completion_tokens: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The request failed; the child is fit for the next one.

    Attributes:
        message: For a person.
        too_long: Whether its prompt does not fit the context.
    """

    message: str
    too_long: bool = False


Reply = Ready | Counted | Piece | Called | Done | Failed


class _TooLong(ValueError):
    """The prompt does not fit the context."""


class _Llama:
    """The loaded model."""

    def __init__(self, load: Load, parent: Channel) -> None:
        import llama_cpp

        self._parent = parent
        self._llama: Any = llama_cpp.Llama(
            load.path,
            n_ctx=load.context_tokens,
            n_batch=_BATCH_TOKENS,
            n_threads=load.threads,
            n_threads_batch=load.threads,
            n_gpu_layers=-1,
            verbose=False,
        )
        self._cancelled = False
        self._prompt = ChatPrompt(self._llama, llama_cpp)
        self._writer = Writer(self._llama, llama_cpp, self._asked_to_stop)

    @property
    def context_tokens(self) -> int:
        return self._writer.context_tokens

    def count(self, text: str) -> int:
        return len(self._prompt.tokens_of(text, special=False))

    def complete(self, request: Complete) -> Iterator[Piece | Called | Done]:
        """Yields pieces, calls and the end.

        Raises:
            ValueError: The prompt does not fit, or a schema cannot be followed; says what to do.
        """
        sampling = request.sampling
        offered = () if sampling.tool_choice == "none" else sampling.tools
        context = self._prompt.tokens(request.messages, offered)
        if len(context) >= self.context_tokens:
            raise _TooLong(
                f"the prompt has {len(context)} tokens, the context {self.context_tokens}; "
                "ask with less text, or raise [generation] context_tokens"
            )
        self._cancelled = False
        talk = Talk(self._writer, self._prompt, request.messages, sampling)
        with contextlib.suppress(Cancelled):
            for item in talk.go_on(context):
                yield Called(item) if isinstance(item, ToolCall) else Piece(item)
        yield Done(talk.outcome.reason, len(context), talk.outcome.tokens)

    def _asked_to_stop(self) -> bool:
        if not self._cancelled:
            self._cancelled = isinstance(self._parent.poll(Request), Cancel)  # type: ignore[arg-type]
        return self._cancelled


def main() -> None:
    """Serve one parent until it hangs up."""
    with channel() as parent:
        model: _Llama | None = None
        request: Request
        for request in parent.requests(Request):  # type: ignore[arg-type]
            try:
                if isinstance(request, Load):
                    model = _Llama(request, parent)
                    parent.send(Ready(model.context_tokens))
                elif model is not None:
                    _serve(model, request, parent)
            except ImportError as error:
                parent.send(
                    Failed(
                        f"{error.name or 'llama-cpp-python'} is not installed ({error}); "
                        "run `pip install 'prismd[llama]'`"
                    )
                )
            except (ValueError, RuntimeError) as error:
                parent.send(Failed(str(error), isinstance(error, _TooLong)))


def _serve(model: _Llama, request: Request, parent: Channel) -> None:
    if isinstance(request, Count):
        parent.send(Counted(model.count(request.text)))
    elif isinstance(request, Complete):
        for reply in model.complete(request):
            parent.send(reply)


if __name__ == "__main__":
    main()
