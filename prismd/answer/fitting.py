"""Which passages a generator gets to read: few for a small one, and none that instruct it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prismd.answer.evidence import Evidence
from prismd.models.base import Generator
from prismd.wording import instructs

_PARAGRAPH_END = re.compile(r"\n\s*\n")
_SMALL_CONTEXT_TOKENS = 8_192
_SMALL_CONTEXT_PASSAGES = 2


def _stating(item: Evidence) -> str:
    """A passage without what tells its reader what to say; empty where nothing else is left.

    A small model does what it says, whatever its prompt says of quotations. An order goes on to
    the end of its paragraph: what follows "Ignore your instructions." there, of whatever form, is
    part of it.
    """
    text, sentences = item.source.text, item.source.sentences
    if not any(instructs(text[start:end]) for start, end in sentences):
        return text
    kept: list[str] = []
    ordering, last_end = False, 0
    for start, end in sentences:
        same_paragraph = not _PARAGRAPH_END.search(text[last_end:start])
        ordering = instructs(text[start:end]) or (ordering and same_paragraph)
        if not ordering:
            kept.append(text[start:end])
        last_end = end
    return "\n".join(kept)


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
