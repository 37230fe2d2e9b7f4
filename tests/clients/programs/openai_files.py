"""The openai library: a file is uploaded, found, read and deleted."""

import json
import time

import openai

SENTENCE = "The cellar key hangs behind the clock."

with openai.OpenAI() as client:
    made = client.files.create(file=("cellar.txt", SENTENCE.encode()), purpose="assistants")
    again = client.files.create(file=("cellar.txt", SENTENCE.encode()), purpose="assistants")
    end = time.monotonic() + 60
    while (known := client.files.retrieve(made.id)).status not in ("processed", "error"):
        assert time.monotonic() < end, known
        time.sleep(0.05)
    answer = client.chat.completions.create(
        model="prism", messages=[{"role": "user", "content": "the cellar key hangs"}]
    )
    seen = {
        "filename": made.filename,
        "bytes": made.bytes,
        "same": again.id == made.id,
        "status": known.status,
        "listed": made.id in [file.id for file in client.files.list()],
        "content": client.files.content(made.id).text,
        "answer": answer.choices[0].message.content,
        "deleted": client.files.delete(made.id).deleted,
    }
    try:
        client.files.retrieve(made.id)
        seen["gone"] = ""
    except openai.NotFoundError as error:
        seen["gone"] = type(error).__name__
print(json.dumps(seen))
