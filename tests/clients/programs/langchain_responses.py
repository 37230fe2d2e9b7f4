"""LangChain's ChatOpenAI by the responses API, which hands citations on."""

import json
import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="prism", use_responses_api=True)
reply = model.invoke(os.environ["QUESTION"])
gathered = None
for piece in model.stream(os.environ["QUESTION"]):
    gathered = piece if gathered is None else gathered + piece
assert gathered is not None
seen = {
    "whole": reply.text,
    "blocks": reply.content_blocks,
    "streamed": gathered.text,
    "streamed blocks": gathered.content_blocks,
}
print(json.dumps(seen))
