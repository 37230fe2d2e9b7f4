"""Which passages a generator gets to read: few for a small one, and none that instruct it."""

from __future__ import annotations

from collections.abc import Sequence

from prismd.evidence import Evidence
from prismd.models.base import Generator
from prismd.wording import instructs

_SMALL_CONTEXT_TOKENS = 8_192
_SMALL_CONTEXT_PASSAGES = 2


def _stating(item: Evidence) -> str:
    """A passage without the sentences that tell its reader what to say; empty where none is left.

    A small model does what they say, whatever its prompt says of quotations.
    """
    text = item.source.text
    if not any(instructs(text[start:end]) for start, end in item.source.sentences):
        return text
    kept = [text[start:end] for start, end in item.source.sentences]
    return "\n".join(sentence for sentence in kept if not instructs(sentence))


def fitting(evidence: Sequence[Evidence], generator: Generator, answer_tokens: int) -> list[str]:
    """Texts for the prompt: few for a small model, and no more than its context holds."""
    offered = [text for item in evidence if (text := _stating(item))]
    room = generator.context_tokens - answer_tokens - 600
    most = (
        _SMALL_CONTEXT_PASSAGES
        if generator.context_tokens <= _SMALL_CONTEXT_TOKENS
        else len(evidence)
    )
    texts: list[str] = []
    for text in (offered or [item.source.text for item in evidence])[:most]:
        room -= generator.count_tokens(text) + 16
        if room < 0 and texts:
            break
        texts.append(text)
    return texts
