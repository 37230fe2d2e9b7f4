"""The openai library: vector stores are listed, looked up and searched."""

import json
import os

import openai

QUESTION = os.environ["QUESTION"]

with openai.OpenAI() as client:
    stores = list(client.vector_stores.list())
    store = next(store for store in stores if store.file_counts.completed)
    found = client.vector_stores.search(store.id, query=QUESTION, max_num_results=3)
    narrowed = client.vector_stores.search(
        store.id,
        query=QUESTION,
        filters={"type": "eq", "key": "type", "value": "text"},
        ranking_options={"score_threshold": 0.0},
    )
    try:
        client.vector_stores.retrieve("vs_nothing")
        unknown = ""
    except openai.NotFoundError as error:
        unknown = type(error).__name__
    seen = {
        "names": [store.name for store in stores],
        "same": client.vector_stores.retrieve(store.id).name == store.name,
        "files": len(list(client.vector_stores.files.list(store.id))),
        "found": [
            {"filename": hit.filename, "score": hit.score, "text": hit.content[0].text}
            for hit in found
        ],
        "narrowed": [hit.filename for hit in narrowed],
        "unknown": unknown,
    }
print(json.dumps(seen))
