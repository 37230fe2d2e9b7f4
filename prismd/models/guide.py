"""Keeps what a model writes to a JSON schema, token by token, by llguidance.

It allows no white space but one blank behind each comma and colon, so that a model cannot run on
in blanks, and it answers in microseconds what the next token may be. The daemon tries a grammar
on bytes before anything is begun; the engine's process holds the model to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prismd.errors import ModelError
from prismd.models.base import Sampling, Tool
from prismd.models.schema_limits import RESPONSE_PARAM, tool_param, unusable

_STYLE = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    # Pydantic writes a tagged union so; its tags keep the kinds apart.
    "coerce_one_of": True,
}
_CAUSE_CHARS = 200
_NOTHING_FITS = "NoExtension"


def answer_grammar(schema: dict[str, Any], opening: str = "") -> str:
    """The grammar of an answer that follows a schema.

    Args:
        schema: The schema.
        opening: What may stand in place of the answer, as ``written`` gives it.
    """
    answer = f"answer: {_json(schema)}"
    return f"start: {opening} | answer\n{answer}" if opening else f"start: answer\n{answer}"


def call_grammar(tools: Sequence[Tool]) -> str:
    """The grammar of a call of one of the tools: a JSON object of name and arguments."""
    rules = [f"start: {' | '.join(f'call_{number}' for number in range(len(tools)))}"]
    for number, tool in enumerate(tools):
        head = json.dumps(f'{{"name": {json.dumps(tool.name)}, "arguments": ')
        # Tools come from programs of all kinds: a word of their schemas that no grammar can
        # follow (``uniqueItems``, ``not``) is passed over, as it is by OpenAI.
        parameters = _json(_arguments(tool.parameters), lenient=True)
        rules.append(f'call_{number}: {head} {parameters} "}}"')
    return "\n".join(rules)


def optional_grammar(text: str) -> str:
    """The grammar of a text, as ``written`` gives it, or nothing."""
    return f"start: ({text})?"


def written(before: str, mark: str, *, special: bool) -> str:
    """A text and a mark behind it, for a grammar.

    Args:
        before: The text.
        mark: The mark, such as ``<tool_call>``.
        special: Whether the mark is one token of the model's, with no other way to write it.
    """
    parts = [json.dumps(before)] if before else []
    return " ".join([*parts, mark if special else json.dumps(mark)])


def check(sampling: Sampling) -> None:
    """Refuse schemas for which there is no grammar, or which nothing can follow.

    Raises:
        RequestError: There is one; says which and why.
        ModelError: llguidance is not installed.
    """
    if sampling.response_schema is not None:
        _check(answer_grammar(sampling.response_schema), RESPONSE_PARAM)
    if sampling.tool_choice != "none":
        for number, tool in enumerate(sampling.tools):
            _check(call_grammar([tool]), tool_param(number))


class Guide:
    """Allows only the tokens with which a text can go on; a processor of llama.cpp's logits.

    Args:
        tokenizer: llguidance's, of the model.
        grammar: What the text is to follow.
    """

    def __init__(self, tokenizer: Any, grammar: str) -> None:
        from llguidance import LLMatcher

        self._matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0)
        self._begun = False

    @property
    def failure(self) -> str:
        """Why it could not go on; empty as long as it can."""
        return _cause(self._matcher.get_error()) if self._matcher.is_error() else ""

    def __call__(self, tokens: NDArray[np.intc], logits: NDArray[np.float32]) -> Any:
        """The logits, shape ``(vocabulary,)``, with those of the tokens that may not come lost.

        Args:
            tokens: All tokens so far, the prompt's too; the last one was chosen by what the call
                before allowed.
            logits: By token; changed in place.
        """
        if self._begun:
            self._matcher.consume_token(int(tokens[-1]))
        self._begun = True
        # After a failure this allows nothing but the end.
        mask = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(mask, bitorder="little", count=len(logits))
        logits[allowed == 0] = -np.inf
        return logits


def _arguments(parameters: dict[str, Any]) -> dict[str, Any]:
    # Small models make arguments up, and few functions take what they do not know. A tool without
    # parameters takes none.
    named = not parameters or "properties" in parameters
    closed = {"additionalProperties": False} if named else {}
    return {**closed, **parameters, "type": "object"}


def _json(schema: dict[str, Any], *, lenient: bool = False) -> str:
    style = {**_STYLE, "lenient": lenient}
    return "%json " + json.dumps({**schema, "x-guidance": style})


def _check(grammar: str, param: str) -> None:
    try:
        from llguidance import LLMatcher, LLTokenizer
    except ImportError as error:
        raise ModelError(
            f"llguidance is not installed ({error}); run `pip install 'prismd[llama]'`"
        ) from error
    matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(grammar), log_level=0)
    if not matcher.is_error():
        matcher.compute_bitmask()
    if matcher.is_error():
        cause = _cause(matcher.get_error())
        if cause.startswith(_NOTHING_FITS):
            raise unusable(param, "there is nothing that follows the schema; correct it")
        raise unusable(param, f"the schema cannot be turned into a grammar ({cause}); simplify it")


def _cause(message: str) -> str:
    # What stands around the cause is of the grammar and of the parser, which nobody wrote.
    cause = message.partition("compile JSON schema: ")[2] or message
    cause = re.split(r"\n\s*\d+ \| |\n<state>", cause, maxsplit=1)[0]
    return " ".join(cause.split())[:_CAUSE_CHARS]
