"""Everything that goes wrong has the same envelope."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from prismd.api.errors import BusyError, describe
from prismd.errors import (
    EncryptedDocument,
    ExtractCrash,
    ExtractError,
    ExtractTimeout,
    ModelError,
    PrismdError,
    PromptTooLong,
    RequestError,
    StoreError,
    WorkerError,
)
from tests.api.harness import Live, live_server


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestError("x"), 400),
        (RequestError("x", status=422), 400),
        (RequestError("x", status=404), 404),
        (BusyError("x", retry_after_s=3), 429),
        (ModelError("x"), 503),
        (PromptTooLong("x"), 400),
        (StoreError("x"), 503),
        (WorkerError("x"), 503),
        (ExtractTimeout("x"), 503),
        (ExtractCrash("x"), 503),
        (EncryptedDocument("x"), 415),
        (ExtractError("x"), 422),
        (PrismdError("x"), 400),
        (ValueError("x"), 500),
    ],
)
def test_every_error_has_its_status_and_the_envelope(error: Exception, status: int) -> None:
    found, body, _ = describe(error)
    assert found == status
    assert body.error.message
    assert body.error.type == ("server_error" if status >= 500 else body.error.type)


def test_what_is_unforeseen_is_logged_by_an_id_and_says_nothing_else(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LookupError("the secret words of a passage")

    monkeypatch.setattr(live.stack.services.search, "search", fail)
    with caplog.at_level(logging.INFO):
        response = live.client.post("/search", json={"query": "deposit"})
    assert response.status_code == 500
    error = response.json()["error"]
    assert error["type"] == "server_error"
    error_id = error["message"].rsplit(" ", 1)[1]
    assert error_id in caplog.text
    assert "LookupError" in caplog.text
    assert "secret" not in response.text + caplog.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/no/such/path", 404, "not_found"),
        ("GET", "/files/file-1/nothing", 404, "not_found"),
        ("DELETE", "/status", 405, "method_not_allowed"),
        ("GET", "/search", 405, "method_not_allowed"),
        ("GET", "/files?limit=x", 400, "invalid_request"),
    ],
)
def test_the_frameworks_own_errors_have_the_envelope(
    live: Live, method: str, path: str, status: int, code: str
) -> None:
    response = live.client.request(method, path)
    assert response.status_code == status
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["code"] == code
    if status == 405:
        assert response.headers["allow"]


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/files/file-99999/content", "This file is not among yours any more"),
        ("/c/cit-00000000000000000000", "This citation is not kept any more"),
        ("/no/such/<path>", "There is nothing at this address"),
        ("/files?limit=<b>x", "This cannot be shown"),
    ],
)
def test_a_person_is_told_by_a_page_and_a_program_by_the_envelope(
    live: Live, path: str, heading: str
) -> None:
    browser = {
        "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
        "sec-fetch-mode": "navigate",
    }
    shown = live.client.get(path, headers=browser)
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<h1>{heading}</h1>" in shown.text
    assert not re.search(r"GET /|POST /|<b>|<path>|script", shown.text)
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    told = live.client.get(path)
    assert told.status_code == shown.status_code
    assert told.json()["error"]["message"]
    posted = live.client.post(path, headers=browser)
    assert posted.headers["content-type"] == "application/json"


def test_a_file_that_has_gone_is_told_to_people_as_such(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        file_id = live.id_of("Lease.pdf")
        (live.stack.folder / "Lease.pdf").unlink()
        address = f"/files/{file_id}/content"
        browser = {"accept": "text/html", "sec-fetch-mode": "navigate"}
        shown = live.client.get(address, headers=browser)
        assert shown.status_code == 404
        assert "<h1>This file is not there any more</h1>" in shown.text
        assert live.client.get(address).json()["error"]["code"] == "file_gone"


def test_the_description_names_every_route_and_loads_nothing(live: Live) -> None:
    described = live.client.get("/schema/openapi.json").json()
    assert {"/v1/chat/completions", "/search", "/files/{file_id}/content", "/status"} <= described[
        "paths"
    ].keys()
    body = described["paths"]["/search"]["post"]["requestBody"]["content"]["application/json"]
    assert "query" in str(body["schema"])
    assert live.client.get("/schema").headers["content-type"].startswith("application/")


def test_the_description_says_which_requests_need_a_body(live: Live) -> None:
    paths = live.client.get("/schema/openapi.json").json()["paths"]
    needed = {
        path: paths[path]["post"]["requestBody"]["required"]
        for path in ("/v1/chat/completions", "/roots", "/pause", "/resume", "/retry", "/reindex")
    }
    assert [path for path in needed if needed[path]] == ["/v1/chat/completions", "/roots"]
    assert "outlives a restart" in paths["/pause"]["post"]["description"]
