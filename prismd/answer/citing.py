"""Attributions to citation records, each with its exact place; keeps them for their links."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence

import apsw
import numpy as np
from numpy.typing import NDArray

from prismd.answer.citation import Attribution
from prismd.answer.cited_text import CitedSentence
from prismd.answer.evidence import Evidence
from prismd.domain import Citation, Layout, Locator
from prismd.errors import StoreError
from prismd.layout import line_index, locate
from prismd.place import rounded
from prismd.store import citations, documents
from prismd.store.database import Database
from prismd.wording import plain, shown_name

log = logging.getLogger(__name__)

_LAYOUTS = 16


class Citing:
    """Makes citation records.

    Args:
        database: Where the layouts are; the records are kept in it when it is writable.
        base_url: Of the daemon, for the links.
    """

    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._base_url = base_url
        self._lock = threading.Lock()
        self._layouts: OrderedDict[int, tuple[Layout, NDArray[np.int64]]] = OrderedDict()

    def cite(
        self, sentences: Sequence[CitedSentence], evidence: Sequence[Evidence]
    ) -> tuple[Citation, ...]:
        """The citations of an answer, in the order of its sentences."""
        by_number = {item.source.n: item for item in evidence}
        made = [
            self._record(by_number[attribution.n], attribution, sentence)
            for sentence in sentences
            for attribution in sentence.attributions
        ]
        if made and self._database.writable:

            def keep(connection: apsw.Connection) -> None:
                for citation, start, end in made:
                    citations.keep(connection, citation, start, end)

            try:
                self._database.write(keep)
            except StoreError as error:  # the answer is worth more than its links
                log.error("citations were not kept: %s", error)
        return tuple(citation for citation, _, _ in made)

    def _record(
        self, item: Evidence, found: Attribution, sentence: CitedSentence
    ) -> tuple[Citation, int, int]:
        hit = item.hit
        start, end = hit.passage.start + found.start, hit.passage.start + found.end
        citation_id = hashlib.sha256(f"{hit.sha256}:{start}:{end}".encode()).hexdigest()[:24]
        citation = Citation(
            n=found.n,
            citation_id=citation_id,
            file_id=f"file-{hit.file_id}",
            path=hit.path,
            sha256=hit.sha256,
            type=hit.type,
            title=plain(hit.title) or plain(shown_name(hit.path)),
            locator=rounded(self._locate(item, start, end)),
            quote=hit.passage.text[found.start : found.end],
            char_start=sentence.start,
            char_end=sentence.end,
            score=round(hit.similarity, 4),
            support=found.support,
            url=f"{self._base_url}/c/{citation_id}",
            thumbnail=(
                f"{self._base_url}/files/file-{hit.file_id}/thumbnail"
                if hit.type == "image"
                else ""
            ),
        )
        return citation, start, end

    def _locate(self, item: Evidence, start: int, end: int) -> Locator:
        hit = item.hit
        if not hit.passage.text:  # a picture or a recording as such
            return hit.passage.locator
        # The passages of one making of a document have ids in a row, which are not used again.
        making = hit.passage_id - hit.passage.ordinal
        with self._lock:
            known = self._layouts.get(making)
            if known is not None:
                self._layouts.move_to_end(making)
        if known is None:
            content = self._database.read(lambda c: documents.content(c, hit.sha256))
            passage = hit.passage
            if content is None or content.text[passage.start : passage.end] != passage.text:
                # Collected or made anew since the search: the passage's own place is still true.
                return passage.locator
            known = (content.layout, line_index(content.text))
            with self._lock:
                self._layouts[making] = known
                while len(self._layouts) > _LAYOUTS:
                    self._layouts.popitem(last=False)
        return locate(*known, start, end, hit.passage.heading)
