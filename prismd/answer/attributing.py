"""What supports the sentences of one answer, and which other files say the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prismd.answer.citation import Attribution, attribute, corroborating
from prismd.answer.cited_text import Attribute
from prismd.answer.evidence import Evidence
from prismd.models.base import Embedder

_MAX_CORROBORATIONS = 4


def attributor(asked: str, evidence: Sequence[Evidence], embedder: Embedder | None) -> Attribute:
    """Says what supports a sentence of one answer; embeds each source sentence once.

    Args:
        asked: The question.
        evidence: What the answer may rest on.
        embedder: Compares sentences by meaning; None compares words alone.
    """
    sources = [item.source for item in evidence]
    known: dict[str, NDArray[np.float32]] = {}

    def similarities(text: str, others: Sequence[str]) -> NDArray[np.float32]:
        assert embedder is not None  # noqa: S101 - looked at below
        wanted = [item for item in dict.fromkeys([text, *others]) if item not in known]
        known.update(zip(wanted, embedder.embed_passages(wanted), strict=True))
        return np.array([known[other] @ known[text] for other in others], np.float32)

    compare = similarities if embedder is not None else None

    def attributed(sentence: str, claimed: Sequence[int]) -> list[Attribution]:
        found = attribute(sentence, sources, compare, claimed, asked)
        return found + _corroborations(sentence, found, evidence, asked)

    return attributed


def _corroborations(
    sentence: str, found: Sequence[Attribution], evidence: Sequence[Evidence], asked: str
) -> list[Attribution]:
    """Other documents that say the same as a sentence that is supported, one place in each."""
    if not any(attribution.support in ("exact", "supported") for attribution in found):
        return []
    document_of = {item.source.n: item.hit.document_id for item in evidence}
    cited = {document_of[attribution.n] for attribution in found}
    others = [item.source for item in evidence if item.hit.document_id not in cited]
    further: list[Attribution] = []
    for attribution in corroborating(sentence, others, asked):
        if (document := document_of[attribution.n]) not in cited:
            cited.add(document)
            further.append(attribution)
    return further[:_MAX_CORROBORATIONS]
