"""Questions to a small index, and what holds of every answer."""

from __future__ import annotations

from collections.abc import Sequence

from prismd.answer.answering import (
    Answering,
    AnswerSettings,
    Question,
)
from prismd.answer.evidence import EvidenceSettings
from prismd.domain import Answer, TextLocator
from prismd.models.base import Generator, Message, Sampling
from prismd.models.fake import FakeEmbedder, FakeGenerator, FakeReranker
from prismd.search.searching import Search, SearchSettings
from prismd.store import citations, documents
from prismd.store.database import Database

LIBRARY = "The library opens at 9 am on weekdays. It is closed on Sundays."
FERRY = "The ferry to the island takes 40 minutes. Bicycles travel free of charge."
EMBEDDER = FakeEmbedder()


def answering(
    database: Database,
    generator: Generator | None = None,
    *,
    reranker: FakeReranker | None = None,
    embedder: FakeEmbedder | None = EMBEDDER,
    settings: AnswerSettings | None = None,
) -> Answering:
    search = Search(database, embedder, reranker, SearchSettings())
    settings = settings or AnswerSettings(
        evidence=EvidenceSettings(refusal_threshold=0.05, refusal_similarity=0.1)
    )
    return Answering(database, search, embedder, reranker, generator, settings)


def ask(*turns: str, **more: object) -> Question:
    """Turns of the user and the assistant by turns, the last one the user's."""
    roles = ["user", "assistant"]
    first = (len(turns) - 1) % 2
    messages = tuple(
        Message(roles[(n + first) % 2], text)  # type: ignore[arg-type]
        for n, text in enumerate(turns)
    )
    return Question(messages, **more)  # type: ignore[arg-type]


def stream(made: Answering, question: Question) -> tuple[list[str], Answer]:
    *pieces, last = made.stream(question)
    assert isinstance(last, Answer)
    texts = [piece for piece in pieces if isinstance(piece, str)]
    assert len(texts) == len(pieces)
    assert "".join(texts) == last.text
    return texts, last


def check(answer: Answer, database: Database) -> None:
    """What holds of every answer."""
    for citation in answer.citations:
        content = database.read(lambda c, s=citation.sha256: documents.content(c, s))  # type: ignore[misc]
        assert content is not None
        assert citation.quote in content.text
        assert isinstance(citation.locator, TextLocator)
        place = content.text[citation.locator.char_start : citation.locator.char_end]
        assert place == citation.quote
        line = content.text[: citation.locator.char_start].count("\n") + 1
        assert citation.locator.line_start == line
        assert f"[{citation.n}]" in answer.text[citation.char_end :]
        assert 0 <= citation.char_start < citation.char_end <= len(answer.text)
        kept = database.read(lambda c, i=citation.citation_id: citations.find(c, i))  # type: ignore[misc]
        assert kept is not None
        assert kept.quote == citation.quote
        assert content.text[kept.start : kept.end] == citation.quote
        assert citation.url.endswith(f"/c/{citation.citation_id}")


class Listening(FakeGenerator):
    """Keeps what it was asked."""

    def generate(self, messages: Sequence[Message], sampling: Sampling):  # type: ignore[no-untyped-def]
        self.asked = messages
        return super().generate(messages, sampling)
