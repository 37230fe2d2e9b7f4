"""What was cited goes on being told, whatever became of it once."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest

from prismd.tray import lately
from prismd.tray.cited import Cited
from prismd.tray.lately import Lately
from tests.building import wait_until


def answered(_: httpx.Request) -> httpx.Response:
    return httpx.Response(500)


def test_a_menu_that_could_not_be_renewed_once_is_renewed_the_next_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lately, "_REST_S", 0.0)
    told: list[tuple[Cited, ...]] = []

    def tell(cited: tuple[Cited, ...]) -> None:
        told.append(cited)
        if len(told) == 1:
            raise RuntimeError("the menu has gone")

    def reach() -> closing[httpx.Client]:
        return closing(
            httpx.Client(transport=httpx.MockTransport(answered), base_url="http://127.0.0.1")
        )

    asking = Lately(reach, tell)
    asking.start()
    asking.look()
    wait_until(lambda: "what was cited cannot be shown" in caplog.text)
    asking.look()
    wait_until(lambda: told == [(), ()])
