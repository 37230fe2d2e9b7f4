"""The openai library: more questions at once than are taken; some are refused, and come again."""

import asyncio
import json
import os
from collections import Counter
from typing import Any

import openai

MESSAGES: Any = [{"role": "user", "content": os.environ["QUESTION"]}]
COUNT = int(os.environ["COUNT"])


async def ask(client: openai.AsyncOpenAI) -> str:
    """How one question ends."""
    try:
        stream = await client.chat.completions.create(
            model="prism-raw", messages=MESSAGES, stream=True
        )
        await stream.close()
    except openai.RateLimitError as error:
        return f"{type(error).__name__} {error.code} {error.response.headers['retry-after']}"
    return "answered"


async def main() -> None:
    """Ask so many at once that most must be refused."""
    async with openai.AsyncOpenAI(max_retries=0) as client:
        print(json.dumps(Counter(await asyncio.gather(*(ask(client) for _ in range(COUNT))))))


asyncio.run(main())
