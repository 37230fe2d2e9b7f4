"""The models that can be asked for, and what is said where one is not there."""

from __future__ import annotations

from prismd.api.services import ApiSettings
from prismd.errors import RequestError

PRISM = "prism"
PRISM_SOURCES = "prism+sources"
PRISM_RAW = "prism-raw"
WHISPER = "whisper-1"
"""What most tools call whatever writes down recordings."""


def unknown_model(name: str) -> RequestError:
    """The error of a model that is not there."""
    return RequestError(
        f"model: there is no {name[:80]!r} here; GET /v1/models lists what there is",
        status=404,
        code="model_not_found",
        param="model",
    )


def no_generator(settings: ApiSettings) -> RequestError:
    """The error of a request that needs a generator where none is."""
    return RequestError(
        f"model: no model that writes is installed; run '{settings.generator_command}',"
        f" or ask {PRISM!r}, which quotes your files without one",
        status=503,
        code="no_generator",
        param="model",
    )


def refused(param: str, message: str) -> RequestError:
    """The error of a parameter that cannot be had as it was given."""
    return RequestError(f"{param}: {message}", param=param, code="unsupported_parameter")
