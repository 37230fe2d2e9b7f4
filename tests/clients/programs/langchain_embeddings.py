"""LangChain's OpenAIEmbeddings as it comes, and with the remedy that prismd names."""

import asyncio
import json

import openai
from langchain_openai import OpenAIEmbeddings

TEXTS = ["a deposit of 2850 pounds", "a plum cake"]

try:
    OpenAIEmbeddings(model="fake").embed_documents(TEXTS)
except openai.BadRequestError as error:
    refused = error.message
remedied = OpenAIEmbeddings(model="fake", check_embedding_ctx_length=False)
seen = {
    "refused": refused,
    "documents": remedied.embed_documents(TEXTS),
    "query": remedied.embed_query(TEXTS[0]),
    "asynchronously": asyncio.run(remedied.aembed_documents(TEXTS)),
}
print(json.dumps(seen))
