"""Writing by llama.cpp: one run of text, and completions in which tools may be called."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from prismd.models.answered_calls import AnsweredCalls
from prismd.models.base import Message, Sampling, ToolCall
from prismd.models.call_watch import CLOSE, OPEN, CallWatch
from prismd.models.guide import (
    Guide,
    answer_grammar,
    call_grammar,
    optional_grammar,
    written,
)
from prismd.models.llama_prompt import ChatPrompt

_MAX_CALLS = 16


class Cancelled(Exception):
    """Nobody wants the rest."""


@dataclass
class Outcome:
    """How a run of text ended, and how many tokens it took."""

    reason: Literal["stop", "length", "tool_calls"] = "stop"
    tokens: int = 0


class Writer:
    """Runs the loaded model; stops when it is asked to.

    Args:
        llama: llama-cpp-python's model.
        lib: The module ``llama_cpp``.
        asked_to_stop: Looks whether the run is called off.
    """

    def __init__(self, llama: Any, lib: Any, asked_to_stop: Callable[[], bool]) -> None:
        self._llama = llama
        self._lib = lib
        self._asked_to_stop = asked_to_stop
        # The library keeps only a bare pointer: the callback must live as long as the model.
        self._abort = lib.ggml_abort_callback(lambda _: asked_to_stop())
        self._tokenizer: Any = None

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return int(self._llama.n_ctx())

    def write(
        self,
        context: Sequence[int],
        sampling: Sampling,
        outcome: Outcome,
        *,
        stops: Sequence[str] = (),
        grammar: str = "",
    ) -> Iterator[str]:
        """Go on with a context; ``sampling.max_tokens`` and ``outcome.tokens`` bound it.

        Args:
            context: The tokens so far.
            sampling: How to choose.
            outcome: Gets the reason of the end, and the tokens added.
            stops: Texts that end it. A grammar has an end of its own: what it is to follow may
                hold such texts.
            grammar: What the text is to follow.

        Raises:
            Cancelled: It was called off.
            ValueError: The grammar could not be followed any more.
        """
        before = outcome.tokens
        room = min(sampling.max_tokens - before, self.context_tokens - len(context))
        if room < 1:
            outcome.reason = "length"
            return
        guide = self._guide(grammar) if grammar else None
        stream = self._llama.create_completion(
            list(context),
            max_tokens=room,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            stop=[] if guide else list(stops),
            logits_processor=None if guide is None else [guide],
            stream=True,
        )
        outcome.reason = "stop"
        try:
            for chunk in self._read(stream):
                choice = chunk["choices"][0]
                if choice["finish_reason"] == "length":
                    outcome.reason = "length"
                if choice["text"]:
                    yield choice["text"]
        finally:
            # The context holds what was given and all tokens but the last, which is not read back.
            added = int(self._llama.n_tokens) - len(context) + 1
            outcome.tokens = before + min(max(0, added), room)
        if guide is not None and guide.failure:
            raise ValueError(f"the schema is too hard to follow ({guide.failure}); simplify it")

    def _guide(self, grammar: str) -> Guide:
        if self._tokenizer is None:
            from llguidance.llamacpp import lltokenizer_from_vocab

            self._tokenizer = lltokenizer_from_vocab(self._llama._model.vocab)
        return Guide(self._tokenizer, grammar)

    def _read(self, stream: Iterator[Any]) -> Iterator[Any]:
        """The stream, watched for a request to stop."""
        # Watched from within the computation only while the prompt is read, which takes long;
        # between two tokens a look at the channel does, and costs less.
        self._watch(True)
        try:
            for chunk in stream:
                self._watch(False)
                if self._asked_to_stop():
                    raise Cancelled
                yield chunk
        except RuntimeError as error:
            # An aborted computation comes back as an error; what it left is not to be trusted.
            self._llama.reset()
            if self._asked_to_stop():
                raise Cancelled from error
            raise
        finally:
            self._watch(False)
            with contextlib.suppress(AttributeError):
                stream.close()  # type: ignore[attr-defined]

    def _watch(self, on: bool) -> None:
        callback = self._abort if on else self._lib.ggml_abort_callback()
        self._lib.llama_set_abort_callback(self._llama.ctx, callback, None)


class Talk:
    """One completion: text, and calls of tools where there are any.

    As soon as the model opens a call it goes on under a grammar, behind the mark that it was
    trained on, however it has opened it. What it read before stays in its cache. A call that was
    answered already is not given once more: the model is told the outcome in words instead.

    Args:
        writer: Runs the model.
        prompt: Knows its tokens.
        messages: The conversation.
        sampling: What is wanted.
    """

    def __init__(
        self,
        writer: Writer,
        prompt: ChatPrompt,
        messages: Sequence[Message],
        sampling: Sampling,
    ) -> None:
        self._writer = writer
        self._prompt = prompt
        self._answered = AnsweredCalls(messages)
        self._sampling = sampling
        self.outcome = Outcome()

    def go_on(self, context: Sequence[int]) -> Iterator[str | ToolCall]:
        """Text and calls behind a context; ``outcome`` says in the end how it ended.

        Raises:
            Cancelled: It was called off.
            ValueError: A grammar could not be followed.
        """
        sampling = self._sampling
        if not sampling.tools or sampling.tool_choice == "none":
            yield from self._text(context)
        elif sampling.tool_choice == "required":
            several = sampling.parallel_tool_calls
            yield from self._calls(list(context), after_text=False, several=several)
        else:
            yield from self._text_or_calls(context)

    def _text_or_calls(self, context: Sequence[int]) -> Iterator[str | ToolCall]:
        watch = CallWatch(tool.name for tool in self._sampling.tools)
        pieces = self._text(context, may_open=True)
        for piece in pieces:
            if text := watch.add(piece):
                yield text
            if watch.opened:
                break
        pieces.close()
        if not watch.opened:
            if text := watch.rest():
                yield text
            return
        said = self._prompt.tokens_of(watch.given, special=False)
        # A model that leaves out the mark knows no other way to tell two calls apart.
        several = self._sampling.parallel_tool_calls and watch.by_mark
        called = False
        for call in self._calls([*context, *said], after_text=bool(said), several=several):
            if not self._answered.holds(call):
                called = True
                yield call
        if not called and self.outcome.reason == "tool_calls":
            yield from self._text(self._prompt.tokens(self._answered.in_words(), ()))

    def _text(self, context: Sequence[int], *, may_open: bool = False) -> Any:
        schema, grammar = self._sampling.response_schema, ""
        if schema is not None:
            grammar = answer_grammar(schema, self._mark("", OPEN) if may_open else "")
        stops = [*self._prompt.stops, *self._sampling.stop]
        return self._writer.write(
            context, self._sampling, self.outcome, stops=stops, grammar=grammar
        )

    def _calls(self, context: list[int], *, after_text: bool, several: bool) -> Iterator[ToolCall]:
        sampling = self._sampling
        named = [tool for tool in sampling.tools if tool.name == sampling.tool_name]
        grammar = call_grammar(named or sampling.tools)
        opening, closing = f"\n{OPEN}\n", f"\n{CLOSE}"
        further = optional_grammar(" ".join(self._mark("\n", mark) for mark in (CLOSE, OPEN)))
        context += self._prompt.tokens_of(opening if after_text else opening[1:], special=True)
        seen: set[str] = set()
        while True:
            said = "".join(self._write(context, grammar))
            if self.outcome.reason == "length":
                return
            # A small model that repeats itself would do so without end.
            if said not in seen:
                yield _call(said)
            if not several or named or said in seen or len(seen) == _MAX_CALLS - 1:
                break
            seen.add(said)
            context += self._prompt.tokens_of(said, special=False)
            if not "".join(self._write(context, further)):
                break
            context += self._prompt.tokens_of(closing + opening, special=True)
        self.outcome.reason = "tool_calls"

    def _write(self, context: Sequence[int], grammar: str) -> Iterator[str]:
        return self._writer.write(context, self._sampling, self.outcome, grammar=grammar)

    def _mark(self, before: str, mark: str) -> str:
        return written(before, mark, special=self._prompt.is_token(mark))


def _call(said: str) -> ToolCall:
    call = json.loads(said)
    arguments = json.dumps(call["arguments"], ensure_ascii=False)
    return ToolCall(f"call_{uuid.uuid4().hex[:24]}", call["name"], arguments)
