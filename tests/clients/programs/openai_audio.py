"""The openai library: a recording is written down, in every format."""

import json
import os
from pathlib import Path
from typing import Any

import openai

RECORDING = Path(os.environ["RECORDING"])

with openai.OpenAI() as client:

    def written(**options: Any) -> Any:
        """What it makes of the recording."""
        return client.audio.transcriptions.create(model="whisper-1", file=RECORDING, **options)

    verbose = written(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    seen = {
        "json": written().text,
        "text": written(response_format="text"),
        "srt": written(response_format="srt"),
        "vtt": written(response_format="vtt"),
        "verbose": verbose.text,
        "duration": float(verbose.duration),
        "words": [(word.word, word.start, word.end) for word in verbose.words or []],
        "segments": [(part.start, part.end) for part in verbose.segments or []],
    }
    try:
        client.audio.transcriptions.create(model="whisper-1", file=("no.wav", b"no recording"))
    except openai.APIStatusError as error:
        seen["refused"] = error.status_code
print(json.dumps(seen))
