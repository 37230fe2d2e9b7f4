"""The child that holds a GGUF model: ``python -m prismd.models.llama_worker``.

It does one completion at a time. A request to stop is seen between two tokens, and while a long
prompt is read as well. The context keeps what it has read, so that a prompt which begins like
the one before (instructions, the same evidence) is read from where it differs.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from prismd.child import Channel, channel
from prismd.models.base import Message, Sampling

_BATCH_TOKENS = 512
# Private-use characters, which no template has a reason to look at.
_MARK = ("\ue000", "\ue001")
_MARKED = re.compile(f"{_MARK[0]}(\\d+){_MARK[1]}")
_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)


class Load(msgspec.Struct, frozen=True, tag=True):
    """Read the weights; the first request. Answered by ``Ready``."""

    path: str
    context_tokens: int
    threads: int


class Count(msgspec.Struct, frozen=True, tag=True):
    """Count the tokens of a text. Answered by ``Counted``."""

    text: str


class Complete(msgspec.Struct, frozen=True, tag=True):
    """Answer a conversation. Answered by any number of ``Piece`` and one ``Done``."""

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


class Done(msgspec.Struct, frozen=True, tag=True):
    """The completion has ended."""

    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The request failed; the child is fit for the next one. ``message`` is for a person."""

    message: str


Reply = Ready | Counted | Piece | Done | Failed


class _Cancelled(Exception):
    """The parent does not want the rest."""


class _Llama:
    """The loaded model."""

    def __init__(self, load: Load, parent: Channel) -> None:
        import llama_cpp

        self._lib: Any = llama_cpp
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
        # The library keeps only a bare pointer: the callback must live as long as the model.
        self._abort = llama_cpp.ggml_abort_callback(self._asked_to_stop)
        self._formatter = self._chat_formatter()

    @property
    def context_tokens(self) -> int:
        return int(self._llama.n_ctx())

    def count(self, text: str) -> int:
        return len(self._tokens(text, special=False))

    def complete(self, request: Complete) -> Iterator[Piece | Done]:
        """Yields pieces and the end.

        Raises:
            ValueError: The prompt does not fit, or the schema is none; says what to do.
        """
        sampling = request.sampling
        prompt, stops = self._prompt(request.messages)
        room = self.context_tokens - len(prompt)
        if room < 1:
            raise ValueError(
                f"the prompt has {len(prompt)} tokens, the context {self.context_tokens}; "
                "ask with less text, or raise [generation] context_tokens"
            )
        grammar = self._grammar(sampling.response_schema)
        stream = self._llama.create_completion(
            prompt,
            max_tokens=min(sampling.max_tokens, room),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            stop=[*stops, *sampling.stop],
            grammar=grammar,
            stream=True,
        )
        reason: Literal["stop", "length"] = "stop"
        try:
            for chunk in self._read(stream):
                choice = chunk["choices"][0]
                if choice["finish_reason"] == "length":
                    reason = "length"
                if choice["text"]:
                    yield Piece(choice["text"])
        except _Cancelled:
            pass
        # The context holds the prompt and all tokens but the last, which was not read back.
        written = max(0, int(self._llama.n_tokens) - len(prompt) + 1)
        yield Done(reason, len(prompt), min(written, sampling.max_tokens))

    def _read(self, stream: Iterator[Any]) -> Iterator[Any]:
        """The stream, watched for a request to stop; raises ``_Cancelled`` then."""
        self._cancelled = False
        # Watched from within the computation only while the prompt is read, which takes long;
        # between two tokens a look at the channel does, and costs less.
        self._watch(True)
        try:
            for chunk in stream:
                self._watch(False)
                if self._asked_to_stop(None):
                    raise _Cancelled
                yield chunk
        except RuntimeError as error:
            # An aborted computation comes back as an error; what it left is not to be trusted.
            self._llama.reset()
            if self._cancelled:
                raise _Cancelled from error
            raise
        finally:
            self._watch(False)
            with contextlib.suppress(AttributeError):
                stream.close()  # type: ignore[attr-defined]

    def _watch(self, on: bool) -> None:
        callback = self._abort if on else self._lib.ggml_abort_callback()
        self._lib.llama_set_abort_callback(self._llama.ctx, callback, None)

    def _asked_to_stop(self, _: Any) -> bool:
        if not self._cancelled:
            self._cancelled = isinstance(self._parent.poll(Request), Cancel)  # type: ignore[arg-type]
        return self._cancelled

    def _prompt(self, messages: tuple[Message, ...]) -> tuple[list[int], list[str]]:
        """Tokens of the conversation, and the texts that end the answer.

        What people and documents say is tokenised apart from the template, and as plain text:
        a document that holds ``<|im_end|>`` must not end its turn.
        """
        said = [
            {"role": message.role, "content": f"{_MARK[0]}{index}{_MARK[1]}"}
            for index, message in enumerate(messages)
        ]
        formatted = self._formatter(messages=said)
        tokens: list[int] = []
        for number, part in enumerate(_MARKED.split(formatted.prompt)):
            content = messages[int(part)].content if number % 2 else part
            tokens += self._tokens(content, special=not number % 2)
        stops = formatted.stop or []
        stops = [stops] if isinstance(stops, str) else list(stops)
        return tokens, [stop for stop in stops if stop]

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        if not text:
            return []
        tokens = self._llama.tokenize(
            text.encode("utf-8", "replace"), add_bos=False, special=special
        )
        return list(tokens)

    def _chat_formatter(self) -> Any:
        from llama_cpp import llama_chat_format

        def name(token: int) -> str:
            return str(self._llama._model.token_get_text(token)) if token != -1 else ""

        return llama_chat_format.Jinja2ChatFormatter(
            template=self._llama.metadata.get("tokenizer.chat_template") or _CHATML,
            eos_token=name(self._llama.token_eos()),
            bos_token=name(self._llama.token_bos()),
            stop_token_ids=None,
        )

    def _grammar(self, schema: dict[str, Any] | None) -> Any:
        if schema is None:
            return None
        try:
            return self._lib.LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)
        except Exception as error:  # the converter raises whatever its walk runs into
            raise ValueError(
                f"the response schema cannot be turned into a grammar ({error}); simplify it"
            ) from error


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
                        f"llama-cpp-python is not installed ({error}); "
                        "run `pip install 'prismd[llama]'`"
                    )
                )
            except (ValueError, RuntimeError) as error:
                parent.send(Failed(str(error)))


def _serve(model: _Llama, request: Request, parent: Channel) -> None:
    if isinstance(request, Count):
        parent.send(Counted(model.count(request.text)))
    elif isinstance(request, Complete):
        for reply in model.complete(request):
            parent.send(reply)


if __name__ == "__main__":
    main()
