"""What of the files a search is to look at, as OpenAI's clients say it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from prismd.api.openai.file_filters import AttributeFilter, condition_of
from prismd.domain import UPLOADS, Filters
from prismd.errors import RequestError
from prismd.search.searching import RerankMode
from prismd.store import collections
from prismd.store.collections import Collection
from prismd.store.database import Database

UPLOADS_ID = "vs_uploads"
_ID_DIGITS = 24


class RankingOptions(Struct, frozen=True, omit_defaults=True):
    """How results are ranked: ``auto`` or ``none`` for the second reading, and the least score."""

    ranker: str | None = None
    score_threshold: Annotated[float, Meta(ge=0, le=1)] | None = None


class Narrowing(Struct, frozen=True):
    """A search as OpenAI's clients narrow it.

    Attributes:
        filters: For the retrieval itself: what they leave is searched, and nothing else.
        limit: How many results at most; None where nothing is said.
        rerank: Overrides the settings.
    """

    filters: Filters = Filters()
    limit: int | None = None
    rerank: RerankMode | None = None


def narrowing(
    database: Database,
    store_ids: Sequence[str] | None,
    filters: AttributeFilter | None = None,
    max_num_results: int | None = None,
    ranking_options: RankingOptions | None = None,
    *,
    param: str = "",
    store_param: str = "vector_store_ids",
) -> Narrowing:
    """What vector stores and filters leave, and how it is ranked. Blocks.

    Args:
        database: Where the folders are.
        store_ids: Of vector stores; none stand for all.
        filters: A condition on the attributes of files.
        max_num_results: Between 1 and 50, as the wire type has it.
        ranking_options: How results are ranked.
        param: Where these fields stood, with its dot, for errors.
        store_param: The field that named the stores.

    Raises:
        RequestError: There is no such store (404), or a filter or a ranker is wrong.
    """
    options = ranking_options or RankingOptions()
    return Narrowing(
        Filters(
            roots=tuple(
                store_of(database, id_, f"{param}{store_param}").root_id
                for id_ in dict.fromkeys(store_ids or ())
            ),
            where=condition_of(filters, f"{param}filters"),
            least_similarity=options.score_threshold or 0.0,
        ),
        max_num_results,
        _rerank(options.ranker, f"{param}ranking_options.ranker"),
    )


def id_of(store: Collection) -> str:
    """The id of a store: made of the folder's path, so that it stays when an index is made anew."""
    if store.root_id == UPLOADS:
        return UPLOADS_ID
    return f"vs_{hashlib.sha256(os.fsencode(store.path)).hexdigest()[:_ID_DIGITS]}"


def store_of(database: Database, store_id: str, param: str = "vector_store_id") -> Collection:
    """A store by its id, without its figures. Blocks.

    Raises:
        RequestError: 404.
    """
    for store in database.read(collections.known):
        if id_of(store) == store_id:
            return store
    raise RequestError(
        f"{param}: there is no vector store {store_id[:80]!r}; GET /v1/vector_stores lists them",
        status=404,
        code="vector_store_not_found",
        param=param,
    )


def _rerank(ranker: str | None, param: str) -> RerankMode | None:
    if ranker == "none":
        return "never"
    if ranker is None or ranker == "auto" or ranker.startswith("default"):
        return None
    raise RequestError(
        f"{param}: {ranker[:40]!r} is not one; give 'auto', or 'none' to leave out the second"
        " reading",
        param=param,
        code="invalid_request",
    )
