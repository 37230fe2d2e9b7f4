"""``/v1/models``: what can be asked."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from prismd.api.openai.model_names import (
    PRISM,
    PRISM_RAW,
    PRISM_SOURCES,
    WHISPER,
    unknown_model,
)
from prismd.api.services import ApiRequest, Services, api_of


class Model(msgspec.Struct, frozen=True):
    """A model that can be asked."""

    id: str
    created: int
    object: Literal["model"] = "model"
    owned_by: str = "prismd"


class ModelList(msgspec.Struct, frozen=True):
    """Every model that can be asked."""

    data: tuple[Model, ...]
    object: Literal["list"] = "list"


@get(["/v1/models", "/models"], sync_to_thread=False, summary="What can be asked")
def list_models(request: ApiRequest) -> ModelList:
    """Every model, in a fixed order."""
    return ModelList(tuple(_models(api_of(request).services)))


@get(
    ["/v1/models/{model_id:path}", "/models/{model_id:path}"],
    sync_to_thread=False,
    summary="One model",
)
def get_model(request: ApiRequest, model_id: FromPath[PurePosixPath]) -> Model:
    """One model by its name, which may hold slashes."""
    name = str(model_id).lstrip("/")
    for model in _models(api_of(request).services):
        if model.id == name:
            return model
    raise unknown_model(name)


def _models(services: Services) -> list[Model]:
    names = [PRISM, PRISM_SOURCES]
    if services.generator is not None:
        names += [PRISM_RAW, services.generator.name]
    if services.embedder is not None:
        names.append(services.embedder.space.model)
    if services.search.likeness.images is not None:
        names.append(services.search.likeness.images.space.model)
    if services.transcriber is not None:
        names += [services.transcriber.name, WHISPER]
    if services.reranker is not None:
        names.append(services.reranker.name)
    created = int(services.started_at)
    return [Model(name, created) for name in dict.fromkeys(names)]


ROUTES: list[HTTPRouteHandler] = [list_models, get_model]
