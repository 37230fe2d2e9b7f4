"""The openai library: every error comes as its exception, with prismd's words and code."""

import json
import os
from collections.abc import Callable
from typing import Any

import openai

MESSAGES: Any = [{"role": "user", "content": os.environ["QUESTION"]}]


def failure(work: Callable[[], Any]) -> dict[str, Any]:
    """What a call raises."""
    try:
        work()
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "param": error.param,
            "message": error.message,
            "retry_after": error.response.headers.get("retry-after"),
        }
    raise AssertionError("nothing was raised")


with openai.OpenAI(max_retries=0) as client, openai.OpenAI(api_key="guessed") as stranger:

    def ask(model: str = "prism", **fields: Any) -> Callable[[], Any]:
        """A chat request to be sent."""
        return lambda: client.chat.completions.create(model=model, messages=MESSAGES, **fields)

    seen = {
        "wrong key": failure(stranger.models.list),
        "wrong key, streamed": failure(
            lambda: stranger.chat.completions.create(model="prism", messages=MESSAGES, stream=True)
        ),
        "unknown model": failure(ask("gpt-9")),
        "unknown model to look up": failure(lambda: client.models.retrieve("gpt-9")),
        "n": failure(ask(n=2)),
        "temperature": failure(ask(temperature=9)),
        "no question": failure(lambda: client.chat.completions.create(model="prism", messages=[])),
        "token ids": failure(lambda: client.embeddings.create(model="fake", input=[[1, 2, 3]])),
        "unknown address": failure(lambda: client.get("/nothing", cast_to=object)),
        "raw": failure(ask("prism-raw")) if os.environ.get("RAW_FAILS") else None,
    }
print(json.dumps(seen))
