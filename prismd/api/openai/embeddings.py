"""``/v1/embeddings``."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any, Literal

import msgspec
import numpy as np
from litestar import Response, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from numpy.typing import NDArray

from prismd.api.body import decode_body
from prismd.api.description import described
from prismd.api.examples import BODY_BYTES, is_data_url, pixels_of
from prismd.api.openai import wire
from prismd.api.openai.model_names import unknown_model
from prismd.api.services import Api, ApiRequest, Services, api_of
from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError, RequestError
from prismd.models.base import Embedder, ImageEmbedder

_MAX_INPUTS = 2048
_MAX_PICTURES = 64
_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {
    "anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": _MAX_INPUTS}]
}


class Embedding(msgspec.Struct, frozen=True):
    """The vector of one input, as numbers or as base64 of little-endian float32."""

    index: int
    embedding: list[float] | str
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(msgspec.Struct, frozen=True):
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, frozen=True):
    """Vectors in the order of the inputs."""

    data: tuple[Embedding, ...]
    model: str
    usage: EmbeddingUsage
    object: Literal["list"] = "list"


@post(
    ["/v1/embeddings", "/embeddings"],
    status_code=200,
    request_max_body_size=BODY_BYTES,
    operation_class=described(
        wire.EmbeddingsRequest,
        answer=EmbeddingList,
        statuses=(404,),
        rules={"properties": {"input": _TEXTS}},
    ),
    summary="Vectors of texts and pictures",
)
async def embeddings(request: ApiRequest) -> Response[Any]:
    """Embed texts as passages, or with ``input_type`` ``query`` as queries.

    The model of pictures takes pictures as data URLs, and texts to hold against them.
    """
    api = api_of(request)
    asked = await decode_body(request, wire.EmbeddingsRequest)
    inputs = _texts(asked.input)
    images = api.services.search.likeness.images
    work: Callable[[], tuple[NDArray[np.float32], int]]
    if images is not None and asked.model == images.space.model:
        _check_dimensions(asked, images.space)
        work = partial(_embed_beside, api.services, images, inputs)
    else:
        embedder = _text_embedder(api, asked, inputs)
        work = partial(_embed, embedder, inputs, queries=asked.input_type == "query")

    def answer() -> bytes:
        vectors, tokens = work()
        return msgspec.json.encode(
            EmbeddingList(
                tuple(
                    Embedding(index, _encoded(vector, asked.encoding_format))
                    for index, vector in enumerate(vectors)
                ),
                asked.model,
                EmbeddingUsage(tokens, tokens),
            )
        )

    return Response(await api.offload.embed(answer), media_type=MediaType.JSON)


def _text_embedder(api: Api, asked: wire.EmbeddingsRequest, inputs: list[str]) -> Embedder:
    embedder = api.services.embedder
    if embedder is None:
        raise ModelError("no embedding model is installed; 'prismd doctor' says how to get one")
    if asked.model != embedder.space.model:
        raise unknown_model(asked.model)
    if any(map(is_data_url, inputs)):
        api.services.search.likeness.model()  # says what to install where there is none
        raise RequestError(
            f"input: {asked.model} embeds texts alone; GET /v1/models names the model of pictures",
            param="input",
            code="unsupported_parameter",
        )
    _check_dimensions(asked, embedder.space)
    return embedder


def _check_dimensions(asked: wire.EmbeddingsRequest, space: EmbeddingSpace) -> None:
    if asked.dimensions not in (None, space.dim):
        raise RequestError(
            f"dimensions: {space.model} gives {space.dim}, not {asked.dimensions}; leave it out",
            param="dimensions",
            code="unsupported_parameter",
        )


def _texts(given: str | list[Any]) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not texts or any(text == "" for text in texts):
        raise RequestError(
            "input: is empty, or holds an empty text; give texts of at least one character",
            param="input",
            code="invalid_request",
        )
    if any(isinstance(item, int | list) for item in texts):
        raise RequestError(
            "input: token ids of another model's tokeniser mean nothing here; send texts"
            " (LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))",
            param="input",
            code="unsupported_parameter",
        )
    if not all(isinstance(item, str) for item in texts):
        raise RequestError(
            "input: must be a text or a list of texts", param="input", code="invalid_request"
        )
    if len(texts) > _MAX_INPUTS:
        raise RequestError(
            f"input: {len(texts)} texts are too many; send {_MAX_INPUTS} at most at a time",
            param="input",
            code="invalid_request",
        )
    if sum(map(is_data_url, texts)) > _MAX_PICTURES:
        raise RequestError(
            f"input: too many pictures; send {_MAX_PICTURES} at most at a time",
            param="input",
            code="invalid_request",
        )
    return texts


def _embed(
    embedder: Embedder, texts: list[str], *, queries: bool
) -> tuple[NDArray[np.float32], int]:
    """Vectors, and the tokens that were read."""
    limit = embedder.space.max_tokens
    tokens = sum(min(limit, len(embedder.tokens.offsets(text))) for text in texts)
    if queries:
        return np.stack([embedder.embed_query(text) for text in texts]), tokens
    return embedder.embed_passages(texts), tokens


def _embed_beside(
    services: Services, images: ImageEmbedder, inputs: list[str]
) -> tuple[NDArray[np.float32], int]:
    """Vectors of pictures and texts in one space, in order; tokens are not counted."""
    rows: list[NDArray[np.float32]] = []
    for shown, run in groupby(enumerate(inputs), key=lambda item: is_data_url(item[1])):
        if shown:
            edge_px = images.edge_px
            decoded = (pixels_of(services, given, edge_px, f"input[{n}]") for n, given in run)
            rows += [images.embed_images(pixels[np.newaxis]) for pixels in decoded]
        else:
            rows.append(images.embed_texts([text for _, text in run]))
    return np.concatenate(rows), 0


def _encoded(vector: NDArray[np.float32], form: str | None) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.tolist()
    return numbers


ROUTES: list[HTTPRouteHandler] = [embeddings]
