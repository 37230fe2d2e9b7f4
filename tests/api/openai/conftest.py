"""A server with vector stores, for each file of tests about them."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.api.harness import Live
from tests.api.openai.official import client_of
from tests.api.openai.storing import live_stores


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with three vector stores; a file of tests may change what is in them."""
    with live_stores(tmp_path_factory.mktemp("stores")) as live:
        yield live


@pytest.fixture(scope="module")
def client(stores: Live) -> Iterator[openai.OpenAI]:
    """OpenAI's own client of the server with the stores."""
    with client_of(stores) as made:
        yield made
