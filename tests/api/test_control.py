"""The switches over HTTP."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prismd.api.services import Reloaded
from prismd.errors import ConfigError
from prismd.schedule.schedule import Reason
from tests.api.harness import Live, live_server

LOW = Reason("battery", "on battery, which is low (9 %)")


def answering(live: Live, reload: Callable[[], Reloaded]) -> None:
    """Have the server read its configuration in a way of the test's own."""
    api = live.app.state.api
    services = dataclasses.replace(api.services, reload=reload)
    live.app.state.api = dataclasses.replace(api, services=services)


def test_a_pause_may_have_an_end(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        for_good = live.client.post("/pause").json()
        assert for_good["paused"] == {"by": "you", "why": "", "until": None}
        timed = live.client.post("/pause", json={"for_s": 900}).json()
        assert timed["paused"]["until"] > live.client.get("/status").json()["started_at"]
        assert live.client.post("/resume").json()["paused"] is None


def test_the_schedule_is_overridden_only_by_name(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        live.stack.ingest.holds.look((LOW,))
        for body in ({}, {"override": False}, {"override": None}):
            held = live.client.post("/resume", json=body).json()
            assert held["paused"] == {"by": "schedule", "why": LOW.why, "until": None}
        gone_on = live.client.post("/resume", json={"override": True}).json()
        assert (gone_on["paused"], gone_on["overridden"]) == (None, [LOW.why])
        assert live.client.get("/status").json()["overridden"] == [LOW.why]


def test_a_pass_overrides_the_schedule_until_it_says_that_it_is_over(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        live.stack.ingest.holds.look((LOW,))
        begun = live.client.post("/override", json={"name": "ours", "for_s": 60}).json()
        assert (begun["paused"], begun["overridden"]) == (
            None,
            [f"{LOW.why} (until 'prismd index' ends)"],
        )
        over = live.client.post("/override", json={"name": "ours", "for_s": 0}).json()
        assert (over["paused"]["why"], over["overridden"]) == (LOW.why, [])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"for_s": 1}, "name"), ({"name": "x"}, "for_s"), ({"name": "", "for_s": 1}, "name"),
        ({"name": "x", "for_s": 61}, "for_s"), ({"name": "x", "for_s": -1}, "for_s"),
    ],
)  # fmt: skip
def test_an_override_without_end_is_refused(
    live: Live, body: dict[str, object], param: str
) -> None:
    answer = live.client.post("/override", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("path", ["/pause", "/resume", "/override", "/config/reload"])
def test_switches_are_thrown_by_post_alone(live: Live, path: str) -> None:
    assert live.client.get(path).status_code == 405


def test_a_wrong_override_is_refused(live: Live) -> None:
    answer = live.client.post("/resume", json={"override": "yes"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "override")


def test_what_only_reads_the_index_has_nothing_to_reload(live: Live) -> None:
    answer = live.client.post("/config/reload")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_running")


def test_a_reload_says_what_came_of_it_or_what_is_wrong(tmp_path: Path) -> None:
    def broken() -> Reloaded:
        raise ConfigError("config.toml: [server] port: 0 given; give a whole number")

    with live_server(tmp_path, sample=False) as live:
        answering(live, lambda: Reloaded(file="/c.toml", applied=("index.rescan_s",)))
        found = live.client.post("/config/reload").json()
        assert (found["file"], found["applied"]) == ("/c.toml", ["index.rescan_s"])
        answering(live, broken)
        answer = live.client.post("/config/reload")
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("config.toml: [server] port: 0 given")


def test_reloads_that_take_long_keep_nobody_waiting(tmp_path: Path) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def slow() -> Reloaded:
        begun.set()
        assert go_on.wait(60)
        return Reloaded(file="/c.toml")

    with live_server(tmp_path, sample=False) as live, ThreadPoolExecutor(16) as many:
        answering(live, slow)
        asked = [many.submit(live.client.post, "/config/reload") for _ in range(16)]
        try:
            assert begun.wait(60)
            assert live.client.get("/status", timeout=20).status_code == 200
            assert live.client.post("/search", json={"query": "x"}, timeout=20).is_success
        finally:
            go_on.set()
        assert {answer.result().status_code for answer in asked} == {200}
