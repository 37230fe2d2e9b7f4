"""Finds pictures by what they show, and recordings by how they sound."""

from __future__ import annotations

import logging
from typing import Literal

import apsw
import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from prismd.domain import GOOD_ENOUGH, EmbeddingSpace
from prismd.errors import ModelError, RequestError
from prismd.extract.audio.sound_space import SOUND_SPACE
from prismd.models.base import ImageEmbedder
from prismd.store import likeness, vectors
from prismd.store.database import Database
from prismd.store.retrieval import Ranked, Scope
from prismd.store.vector_search import SpaceSearch

log = logging.getLogger(__name__)

Vector = NDArray[np.float32]


_NARROW = 2_000
"""Documents of a scope whose passages are listed one by one."""
_WIDER = 5


class Example(msgspec.Struct, frozen=True):
    """What is to be found more of: a picture's or a recording's vector.

    ``document_id`` is what it was taken from, which is not found itself; 0 for none.
    """

    kind: Literal["image", "audio"]
    vector: Vector
    document_id: int = 0


class Likeness:
    """Searches the spaces of pictures and sounds.

    Args:
        database: Where they are.
        images: The model of pictures; None finds none by what they show.
    """

    def __init__(self, database: Database, images: ImageEmbedder | None) -> None:
        self._database = database
        self.images = images
        self._spaces: dict[EmbeddingSpace, SpaceSearch] = {}

    def embed_words(self, words: str) -> tuple[Vector | None, str]:
        """A query's vector beside pictures.

        Returns:
            The vector, or None where there is no model or no picture; and what went wrong.
        """
        if self.images is None or not words:
            return None, ""
        if not self._database.read(self._has_pictures):
            return None, self._about_other_model()
        try:
            return self.images.embed_texts([words])[0], ""
        except ModelError as error:
            log.warning("searching without pictures: %s", error)
            return None, f"searched without what pictures show: {error}"

    def _about_other_model(self) -> str:
        if not (other := self.other_model()):
            return ""
        return (
            f"searched without what pictures show: they were embedded by {other};"
            " 'prismd reindex --stale' embeds them anew"
        )

    def embed_picture(self, pixels: NDArray[np.uint8]) -> Vector:
        """A picture's vector.

        Args:
            pixels: Shape ``(edge_px, edge_px, 3)``, RGB.

        Raises:
            RequestError: There is no model of pictures.
            ModelError: It fails.
        """
        vector: Vector = self.model().embed_images(pixels[np.newaxis])[0]
        return vector

    def example(self, kind: Literal["image", "audio"], file_id: int) -> Example:
        """A file of the index as an example.

        Raises:
            RequestError: There is no such file, it is of another kind, or it has no vector yet.
        """
        space = self.model().space if kind == "image" else SOUND_SPACE
        space_id = self._space_id(space)
        found = self._database.read(lambda c: likeness.vector_of(c, space_id, file_id))
        if found is None or found.type != kind:
            what = "a picture" if kind == "image" else "a recording"
            raise RequestError(
                f"{kind}: file-{file_id} is not {what} of the index; GET /files?type={kind} lists"
                " those that are",
                param=kind,
                code="invalid_request",
            )
        if found.vector is None:
            raise RequestError(
                f"{kind}: file-{file_id} {self._why_without(kind)}",
                param=kind,
                status=409,
                code="not_ready",
            )
        return Example(kind, found.vector, found.document_id)

    def _why_without(self, kind: Literal["image", "audio"]) -> str:
        if kind == "audio":
            return "has no sound that could be compared; choose another recording"
        if other := self.other_model():
            return f"was compared by {other}; 'prismd reindex --stale' compares it anew"
        return (
            "has not been compared with others; ask again when everything is indexed, or see"
            " 'prismd status' for what keeps it from being done"
        )

    def other_model(self) -> str:
        """The model that the pictures were embedded by, where it is not the present one."""
        if self.images is None:
            return ""
        known = self._database.read(lambda c: vectors.spaces(c, "picture"))
        if any(space == self.images.space for _, space in known):
            return ""
        return next((f"{space.model} ({space.revision})" for _, space in known), "")

    def by_words(self, connection: apsw.Connection, vector: Vector, k: int, scope: Scope) -> Ranked:
        """Pictures that show what the words say, with their similarity; none that do not."""
        found = self._whole(connection, self.model().space, vector, k, scope)
        least = self.model().least_similarity
        return [(id_, as_similarity(cosine, least)) for id_, cosine in found if cosine >= least]

    def by_example(
        self, connection: apsw.Connection, example: Example, k: int, scope: Scope
    ) -> tuple[Ranked, Ranked]:
        """What is like an example: pictures or recordings, and passages."""
        if example.kind == "audio":
            sounds = self._whole(connection, SOUND_SPACE, example.vector, k, scope)
            return _cut(sounds), []
        space, least = self.model().space, self.model().least_similarity
        pictures = self._whole(connection, space, example.vector, k, scope)
        texts = self._texts(connection, example.vector, k, scope)
        return (
            _cut(pictures),
            [(id_, as_similarity(cosine, least)) for id_, cosine in texts if cosine >= least],
        )

    def _whole(
        self,
        connection: apsw.Connection,
        space: EmbeddingSpace,
        vector: Vector,
        k: int,
        scope: Scope,
    ) -> Ranked:
        search = self._open(connection, space)
        if search is None:
            return []
        allowed = likeness.vectors_in(connection, search.space_id, scope)
        ids, cosines = search.search(connection, vector, k, allowed)
        return likeness.documents_of(connection, ids.tolist(), cosines.tolist())

    def _texts(self, connection: apsw.Connection, vector: Vector, k: int, scope: Scope) -> Ranked:
        search = self._open(connection, replace(self.model().space, content="picture_text"))
        if search is None:
            return []
        allowed = None
        if scope.documents is None or len(scope.documents) <= _NARROW:
            allowed = likeness.text_vectors_in(connection, search.space_id, scope)
        else:
            k *= _WIDER  # what is outside of a broad scope is left out afterwards
        ids, cosines = search.search(connection, vector, k, allowed)
        return likeness.passages_of(connection, ids.tolist(), cosines.tolist())

    def _open(self, connection: apsw.Connection, space: EmbeddingSpace) -> SpaceSearch | None:
        if space not in self._spaces:
            for space_id, known in vectors.spaces(connection, space.content):
                if known == space:
                    self._spaces[space] = SpaceSearch(space_id, space)
        return self._spaces.get(space)

    def _space_id(self, space: EmbeddingSpace) -> int:
        search = self._database.read(lambda c: self._open(c, space))
        return search.space_id if search is not None else 0

    def _has_pictures(self, connection: apsw.Connection) -> bool:
        search = self._open(connection, self.model().space)
        return search is not None and vectors.count(connection, search.space_id) > 0

    def model(self) -> ImageEmbedder:
        """The model of pictures.

        Raises:
            RequestError: There is none.
        """
        if self.images is None:
            raise RequestError(
                "image: no model of pictures is installed; run 'prismd models pull clip'",
                param="image",
                status=503,
                code="no_image_model",
            )
        return self.images


def as_similarity(cosine: float, least: float) -> float:
    """The cosine of a text and a picture, which is small at best, beside those of two texts. Pure.

    What is just good enough becomes ``GOOD_ENOUGH``; nothing becomes 0, and equality 1.
    """
    if cosine < least:
        return GOOD_ENOUGH * max(0.0, cosine) / least
    return min(1.0, GOOD_ENOUGH + (1.0 - GOOD_ENOUGH) * (cosine - least) / (1.0 - least))


def _cut(found: Ranked) -> Ranked:
    """Cosines cut to [0, 1]."""
    return [(id_, min(1.0, max(0.0, cosine))) for id_, cosine in found]
