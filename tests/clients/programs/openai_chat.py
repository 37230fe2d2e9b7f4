"""The openai library: chat whole and streamed, in step and asynchronously, by either address."""

import asyncio
import json
import os
from typing import Any

import openai

BASE_URL = os.environ["OPENAI_BASE_URL"]
ASKED: Any = {
    "model": "prism",
    "messages": [{"role": "user", "content": os.environ["QUESTION"]}],
}


def source(message: Any) -> str:
    """Where the first annotation leads."""
    return str(message.annotations[0].url_citation.url)


def whole(client: openai.OpenAI) -> dict[str, Any]:
    """One answer in one piece."""
    reply = client.chat.completions.create(**ASKED)
    message = reply.choices[0].message
    assert reply.usage is not None
    return {
        "text": message.content,
        "source": source(message),
        "finish_reason": reply.choices[0].finish_reason,
        "total_tokens": reply.usage.total_tokens,
        "grounding": reply.model_extra["prism"]["grounding"],
    }


def streamed(client: openai.OpenAI) -> dict[str, Any]:
    """The chunks as they come."""
    chunks = list(
        client.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True})
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    annotated = [choice.delta for choice in choices if hasattr(choice.delta, "annotations")]
    return {
        "text": "".join(choice.delta.content for choice in choices),
        "source": annotated[0].annotations[0]["url_citation"]["url"],
        "finish_reasons": [choice.finish_reason for choice in choices[-2:]],
        "ids": len({chunk.id for chunk in chunks}),
        "usage": [chunk.usage is not None for chunk in chunks[-2:]],
        "choices_of_last": len(chunks[-1].choices),
    }


def gathered(stream_of: Any) -> dict[str, Any]:
    """What the library's own gathering of a stream makes of it."""
    with stream_of(**ASKED) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    return {
        "text": final.choices[0].message.content,
        "source": source(final.choices[0].message),
        "finish_reason": final.choices[0].finish_reason,
        "kinds": sorted(set(kinds)),
    }


async def at_once() -> list[str]:
    """Whole and streamed answers at the same time."""
    async with openai.AsyncOpenAI() as client:

        async def piecewise() -> str:
            stream = await client.chat.completions.create(**ASKED, stream=True)
            return "".join([chunk.choices[0].delta.content async for chunk in stream])

        async def at_a_time() -> str:
            reply = await client.chat.completions.create(**ASKED)
            return str(reply.choices[0].message.content)

        return await asyncio.gather(*(work() for work in [piecewise, at_a_time] * 3))


with openai.OpenAI() as client:
    seen: dict[str, Any] = {
        "version": openai.__version__,
        "whole": whole(client),
        "streamed": streamed(client),
        "gathered": gathered(client.chat.completions.stream),
        "gathered by beta": gathered(client.beta.chat.completions.stream),
    }
seen["at once"] = asyncio.run(at_once())
with openai.OpenAI(base_url=BASE_URL.removesuffix("/v1")) as client:
    seen["without /v1"] = whole(client)
print(json.dumps(seen))
