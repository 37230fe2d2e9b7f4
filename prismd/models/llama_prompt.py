"""Conversations as the tokens of a GGUF model, by its own chat template.

What people, documents, tools and models have said is data: a document that holds ``<|im_end|>``
must not end its turn, nor one that holds ``<tool_call>`` open a call. So such marks are cut in
two by a sign that occurs nowhere, and the parts are tokenised apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from prismd.models.base import Message, Tool, ToolCall
from prismd.models.call_watch import CLOSE, OPEN

_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
_TOOLS = (
    "# Tools\n\nYou may call one or more of these functions to help the user:\n{tools}\n\n"
    f"To call one, answer with a JSON object of its name and its arguments, within marks:\n{OPEN}\n"
    '{{"name": <function-name>, "arguments": <args-json-object>}}\n'
    f"{CLOSE}"
)
_PRIVATE_USE = range(0xE000, 0xF900)
_PROBE = "probe"


class ChatPrompt:
    """Renders conversations for one loaded model.

    Args:
        llama: llama-cpp-python's model.
        lib: The module ``llama_cpp``.

    Attributes:
        stops: Texts that end an answer.
    """

    def __init__(self, llama: Any, lib: Any) -> None:
        self._llama = llama
        self._formatter = _formatter(llama)
        special = _special_texts(llama, lib)
        self._special = re.compile("|".join(map(re.escape, special))) if special else None
        self.stops: list[str] = []
        self._knows_tools = self._renders_calls()

    def tokens(self, messages: Sequence[Message], tools: Sequence[Tool]) -> list[int]:
        """Tokens of a conversation, up to where the answer begins.

        Raises:
            ValueError: The model's template does not take it; says why.
        """
        cut = _unused_sign([*map(repr, messages), *map(repr, tools)])
        prompt = self._render(
            [self._turn(message, cut) for message in messages],
            [self._plain(_described(tool), cut) for tool in tools],
        )
        return [token for part in prompt.split(cut) for token in self.tokens_of(part, special=True)]

    def tokens_of(self, text: str, *, special: bool) -> list[int]:
        """Tokens of a text; ``special`` where its marks are meant."""
        if not text:
            return []
        tokens = self._llama.tokenize(
            text.encode("utf-8", "replace"), add_bos=False, special=special
        )
        return list(tokens)

    def is_token(self, mark: str) -> bool:
        """Whether a mark is one token of the model's."""
        return len(self.tokens_of(mark, special=True)) == 1

    def _render(self, turns: list[dict[str, Any]], tools: list[Any]) -> str:
        from jinja2 import TemplateError

        if not self._knows_tools:
            turns = _in_words(turns, tools)
            tools = []
        try:
            formatted = self._formatter(messages=turns, tools=tools or None)
        except (TemplateError, TypeError, ValueError) as error:
            raise ValueError(
                f"the model's chat template does not take this conversation ({error}); "
                "begin with a question, or choose another model"
            ) from error
        stops = formatted.stop or []
        self.stops = [stop for stop in ([stops] if isinstance(stops, str) else stops) if stop]
        return str(formatted.prompt)

    def _turn(self, message: Message, cut: str) -> dict[str, Any]:
        # Cut from the template on both sides, too: no mark is half of one and half of the other.
        content = f"{cut}{self._plain(message.content, cut)}{cut}" if message.content else ""
        turn: dict[str, Any] = {"role": message.role, "content": content}
        if message.tool_calls:
            calls = [_as_sent(call) for call in message.tool_calls]
            turn["tool_calls"] = self._plain(calls, cut)
        if message.tool_call_id:
            turn["tool_call_id"] = self._plain(message.tool_call_id, cut)
        return turn

    def _plain(self, value: Any, cut: str) -> Any:
        """A value whose texts hold no mark of the model's any more."""
        if isinstance(value, str) and self._special is not None:
            return self._special.sub(lambda mark: mark[0][0] + cut + mark[0][1:], value)
        if isinstance(value, dict):
            return {self._plain(key, cut): self._plain(item, cut) for key, item in value.items()}
        if isinstance(value, list):
            return [self._plain(item, cut) for item in value]
        return value

    def _renders_calls(self) -> bool:
        """Whether the template has tools, and writes calls the way that is read here."""
        call = _as_sent(ToolCall("1", _PROBE, '{"a": 1}'))
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
        ]
        self._knows_tools = True
        try:
            prompt = self._render(turns, [_described(Tool(_PROBE, "shown"))])
        except ValueError:
            return False
        return f'{OPEN}\n{{"name": "{_PROBE}", "arguments": {{' in prompt and "shown" in prompt


def _formatter(llama: Any) -> Any:
    from llama_cpp import llama_chat_format

    def name(token: int) -> str:
        return str(llama._model.token_get_text(token)) if token != -1 else ""

    return llama_chat_format.Jinja2ChatFormatter(
        template=llama.metadata.get("tokenizer.chat_template") or _CHATML,
        eos_token=name(llama.token_eos()),
        bos_token=name(llama.token_bos()),
        stop_token_ids=None,
    )


def _special_texts(llama: Any, lib: Any) -> list[str]:
    """What the tokeniser takes for a mark, the longest first."""
    vocab = llama._model.vocab
    marks = set()
    for token in range(llama.n_vocab()):
        attributes = lib.llama_vocab_get_attr(vocab, token)
        control = attributes & (lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN)
        if control or attributes & lib.LLAMA_TOKEN_ATTR_USER_DEFINED:
            text = str(llama._model.token_get_text(token))
            # Runs of blanks are tokens like any other, and nothing ends by them.
            if len(text) > 1 and not text.isspace():
                marks.add(text)
    return sorted(marks, key=len, reverse=True)


def _unused_sign(texts: Sequence[str]) -> str:
    # repr() writes such signs as escapes in lower case.
    used = "".join(texts)
    signs = (chr(code) for code in _PRIVATE_USE)
    return next(sign for sign in signs if sign not in used and repr(sign)[1:-1] not in used)


def _described(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}


def _as_sent(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": _arguments(call)},
    }


def _arguments(call: ToolCall) -> Any:
    """As an object, which templates write as JSON; what is none stays text."""
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def _in_words(turns: list[dict[str, Any]], tools: Sequence[Any]) -> list[dict[str, Any]]:
    """A conversation for a template that has turns of text and no tools."""
    said = [_turn_in_words(turn) for turn in turns]
    if not tools:
        return said
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    text = _TOOLS.format(tools=listed)
    if said and said[0]["role"] == "system":
        return [{"role": "system", "content": f"{said[0]['content']}\n\n{text}"}, *said[1:]]
    return [{"role": "system", "content": text}, *said]


def _turn_in_words(turn: dict[str, Any]) -> dict[str, Any]:
    if turn["role"] == "tool":
        content = f"<tool_response>\n{turn['content']}\n</tool_response>"
        return {"role": "user", "content": content}
    calls = [
        f"{OPEN}\n{json.dumps(call['function'], ensure_ascii=False)}\n{CLOSE}"
        for call in turn.get("tool_calls", ())
    ]
    content = "\n".join([*([turn["content"]] if turn["content"] else []), *calls])
    return {"role": turn["role"], "content": content}
