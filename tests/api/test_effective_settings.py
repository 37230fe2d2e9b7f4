"""``GET /settings``: what holds, as the daemon says it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from prismd.api.configuration import Configuration, Section, Setting
from prismd.store.stale import Stale
from tests.api.harness import Live, live_server

LIMIT = Setting(
    key="search.limit", value=7, default=10, about="Hits.", source="file", place="/c.toml"
)
FOUND = Configuration(
    file="/c.toml",
    exists=True,
    sections=(Section(name="search", about="How passages are found.", settings=(LIMIT,)),),
)


def test_settings_are_shown_with_what_waits_and_what_is_stale(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        api = live.app.state.api
        services = replace(
            api.services,
            configuration=lambda: FOUND,
            after_restart=lambda: ("server.port",),
            config_fault=lambda: "c.toml: [search] limit: 0 given",
            stale=lambda: (Stale("documents", 3, "cut in another way"),),
        )
        live.app.state.api = replace(api, services=services)
        found = live.client.get("/settings").json()
    [section] = found.pop("sections")
    assert found == {
        "file": "/c.toml",
        "exists": True,
        "reload": "prismd config reload",
        "after_restart": ["server.port"],
        "fault": "c.toml: [search] limit: 0 given",
        "stale": [
            {
                "what": "documents",
                "count": 3,
                "why": "cut in another way",
                "command": "prismd reindex --stale",
            }
        ],
    }
    assert (section["name"], section["about"]) == ("search", "How passages are found.")
    assert section["settings"] == [
        {
            "key": "search.limit",
            "value": 7,
            "default": 10,
            "about": "Hits.",
            "source": "file",
            "place": "/c.toml",
        }
    ]


def test_settings_are_only_read_over_http(live: Live) -> None:
    assert live.client.get("/settings").json()["sections"] == []
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert live.client.request(method, "/settings", json={}).status_code == 405


def test_settings_are_shown_to_nobody_without_the_token(live: Live) -> None:
    refused = live.client.get("/settings", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401
