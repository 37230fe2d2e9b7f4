"""The space of vectors of how recordings sound; light, so that the daemon may import it."""

from __future__ import annotations

from prismd.domain import EmbeddingSpace

CEPSTRA = 19
"""Cepstral coefficients in use, the one of the level left out."""

SOUND_SPACE = EmbeddingSpace(
    model="mfcc-statistics",
    revision="1",
    dim=3 * CEPSTRA,
    max_tokens=0,
    pooling="mean",
    content="sound",
)
