"""The openai library: responses whole, as typed events, continued and kept."""

import json
import os
from typing import Any

import openai

QUESTION = os.environ["QUESTION"]


def annotations(response: Any) -> list[Any]:
    """Those of all texts."""
    return [
        note.model_dump()
        for item in response.output
        if item.type == "message"
        for part in item.content
        for note in part.annotations
    ]


with openai.OpenAI() as client:
    whole = client.responses.create(model="prism", input=QUESTION)
    kinds, deltas, notes = [], "", 0
    with client.responses.stream(model="prism", input=QUESTION) as stream:
        for event in stream:
            kinds.append(event.type)
            deltas += event.delta if event.type == "response.output_text.delta" else ""
            notes += event.type == "response.output_text.annotation.added"
        final = stream.get_final_response()
    searched = client.responses.create(
        model="prism",
        input=[{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}],
        tools=[{"type": "file_search", "vector_store_ids": []}],
        include=["file_search_call.results"],
    )
    followed = client.responses.create(
        model="prism", input="And when does it leave?", previous_response_id=whole.id
    )
    kept = client.responses.retrieve(whole.id)
    client.responses.delete(whole.id)
    try:
        client.responses.retrieve(whole.id)
        forgotten = ""
    except openai.NotFoundError as error:
        forgotten = type(error).__name__
    seen = {
        "whole": whole.output_text,
        "status": whole.status,
        "annotations": annotations(whole),
        "total_tokens": whole.usage.total_tokens if whole.usage else 0,
        "events": [kinds[0], kinds[-1]],
        "deltas": deltas,
        "notes": notes,
        "final": final.output_text,
        "final annotations": annotations(final),
        "searched": [item.type for item in searched.output],
        "followed": followed.previous_response_id == whole.id,
        "kept": kept.output_text,
        "forgotten": forgotten,
    }
print(json.dumps(seen))
