"""The openai library: embeddings as numbers and as base64, and the list of models."""

import base64
import json
import struct
from typing import Any

import openai


def unpacked(text: Any) -> list[float]:
    """Little-endian float32."""
    raw = base64.b64decode(text)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


with openai.OpenAI() as client:
    models = [model.id for model in client.models.list()]
    texts = ["a deposit of 2850 pounds", "a plum cake", "a deposit of 2850 pounds"]
    asked: Any = {"model": "fake", "input": texts}
    plain = client.embeddings.create(**asked, encoding_format="float")
    # What the library asks for by itself, and unpacks by itself.
    packed = client.embeddings.create(**asked)
    raw = client.embeddings.create(**asked, encoding_format="base64")
    one = client.embeddings.create(model="fake", input=texts[0])
    seen = {
        "version": openai.__version__,
        "models": models,
        "model": client.models.retrieve("prism").id,
        "order": [item.index for item in plain.data],
        "float": [item.embedding for item in plain.data],
        "default": [item.embedding for item in packed.data],
        "base64": [unpacked(item.embedding) for item in raw.data],
        "one": [item.embedding for item in one.data],
        "prompt_tokens": plain.usage.prompt_tokens,
    }
print(json.dumps(seen))
