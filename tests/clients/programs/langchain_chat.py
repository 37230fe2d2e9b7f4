"""LangChain's ChatOpenAI: invoke, stream and their asynchronous forms."""

import asyncio
import json
import os
from importlib.metadata import version
from typing import Any

from langchain_openai import ChatOpenAI

QUESTION = os.environ["QUESTION"]


async def asynchronously(model: ChatOpenAI) -> dict[str, Any]:
    """The answer by ``ainvoke`` and by ``astream``."""
    pieces = [str(piece.content) async for piece in model.astream(QUESTION)]
    return {"whole": (await model.ainvoke(QUESTION)).content, "streamed": "".join(pieces)}


model = ChatOpenAI(model="prism")
reply = model.invoke(QUESTION)
pieces = list(model.stream(QUESTION))
gathered = pieces[0]
for piece in pieces[1:]:
    gathered += piece
seen = {
    "version": version("langchain-openai"),
    "whole": reply.content,
    "usage": reply.usage_metadata,
    "finish_reason": reply.response_metadata["finish_reason"],
    "streamed": gathered.content,
    "streamed usage": gathered.usage_metadata,
    "asynchronously": asyncio.run(asynchronously(model)),
    "listed": ChatOpenAI(model="prism+sources").invoke(QUESTION).content,
}
print(json.dumps(seen))
