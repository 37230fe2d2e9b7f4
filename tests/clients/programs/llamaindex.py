"""LlamaIndex's OpenAILike and OpenAILikeEmbedding."""

import asyncio
import json
import os
from importlib.metadata import version
from typing import Any

from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

ADDRESS: dict[str, Any] = {
    "api_base": os.environ["OPENAI_BASE_URL"],
    "api_key": os.environ["OPENAI_API_KEY"],
}
QUESTION = os.environ["QUESTION"]
TEXTS = ["a deposit of 2850 pounds", "a plum cake"]


async def asynchronously(model: OpenAILike) -> str:
    """The answer as it is made."""
    stream = await model.astream_chat([ChatMessage(role="user", content=QUESTION)])
    return "".join([piece.delta or "" async for piece in stream])


model = OpenAILike(model="prism", is_chat_model=True, **ADDRESS)
messages = [ChatMessage(role="user", content=QUESTION)]
reply = model.chat(messages)
embedder = OpenAILikeEmbedding(model_name="fake", **ADDRESS)
seen = {
    "version": version("llama-index-llms-openai-like"),
    "chat": reply.message.content,
    "sources": reply.raw.model_extra["citations"],
    "complete": model.complete(QUESTION).text,
    "streamed": "".join(piece.delta or "" for piece in model.stream_chat(messages)),
    "asynchronously": asyncio.run(asynchronously(model)),
    "embeddings": embedder.get_text_embedding_batch(TEXTS),
    "query": embedder.get_query_embedding(TEXTS[0]),
}
print(json.dumps(seen))
