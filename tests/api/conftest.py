"""One live server for all tests that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.harness import Live, live_server


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server over the sample, for tests that change nothing; it has no generator."""
    with live_server(tmp_path_factory.mktemp("live")) as server:
        yield server
