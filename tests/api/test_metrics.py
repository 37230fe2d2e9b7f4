"""Figures for Prometheus: they parse, they are true, and they name nobody's files."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from prismd.models.fake import FakeGenerator
from tests.api.harness import Live, ask, live_server

OPENMETRICS = "application/openmetrics-text; version=1.0.0"

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that nobody else asks."""
    with live_server(tmp_path_factory.mktemp("metrics"), generator=FakeGenerator()) as live:
        yield live


def figures(live: Live) -> Figures:
    text = live.client.get("/metrics").raise_for_status().text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def figure(found: Figures, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


def requests(found: Figures, route: str, method: str, status: int) -> float:
    labels = {"route": route, "method": method, "status": str(status)}
    return figure(found, "prismd_http_requests_total", **labels)


def test_it_comes_as_text_or_as_openmetrics(own: Live) -> None:
    plain = own.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert plain.headers["vary"] == "accept"
    assert len(list(parse_text(plain.text))) > 20
    modern = own.client.get("/metrics", headers={"accept": OPENMETRICS})
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    families = list(parse_openmetrics(modern.text))  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {
        "prismd_files",
        "prismd_http_requests",
    }


def test_it_says_what_the_status_says(own: Live) -> None:
    found, status = figures(own), own.client.get("/status").json()
    for state, count in status["files"].items():
        if state != "total":
            assert figure(found, "prismd_files", state=state) == count
    assert figure(found, "prismd_passages") == status["passages"] > 0
    assert figure(found, "prismd_passages_embedded") == status["passages_embedded"]
    assert figure(found, "prismd_root_files", root="1") == status["files"]["total"]
    assert figure(found, "prismd_index_bytes") > 0
    assert figure(found, "prismd_model_state", role="embedding", state="loaded") == 1
    assert figure(found, "prismd_model_state", role="embedding", state="missing") == 0
    assert figure(found, "prismd_database_writes_total") > 0
    assert figure(found, "process_resident_memory_bytes") > 1e7
    assert figure(found, "process_open_fds") > 3


def test_requests_are_counted_by_the_templates_of_their_routes(own: Live) -> None:
    before = figures(own)
    file_id = own.id_of("Tax notes.md")
    own.client.get(f"/files/{file_id}")
    own.client.get("/files/file-999")
    own.client.get("/no/such/path")
    httpx.get(f"{own.url}/status", trust_env=False)
    httpx.get(f"{own.url}/health", trust_env=False, headers={"host": "evil.example"})
    after = figures(own)

    def more(route: str, status: int) -> float:
        return requests(after, route, "GET", status) - requests(before, route, "GET", status)

    assert more("/files/{file_id}", 200) == 1
    assert more("/files/{file_id}", 404) == 1
    assert more("other", 404) == 1
    assert more("other", 401) == 1
    assert more("other", 403) == 1
    assert figure(after, "prismd_http_request_duration_seconds_count", route="/metrics") >= 1
    # The scrape itself.
    assert figure(after, "prismd_http_requests_in_progress") == 1


def test_no_label_grows_with_what_is_asked(own: Live) -> None:
    figures(own)
    before = len(figures(own))
    for number in range(20):
        own.client.get(f"/unknown/{number}")
        own.client.request(f"METHOD{number}", "/status")
    grown = len(figures(own)) - before
    assert grown <= 20, "an unknown method and an unknown path have one label each"
    assert requests(figures(own), "other", "other", 405) == 20


def test_no_path_and_no_name_of_a_file_is_in_it(own: Live) -> None:
    own.client.get("/files", params={"q": "Lease"})
    own.client.get(f"/files/{own.id_of('Lease.pdf')}/content")
    text = own.client.get("/metrics").text
    for private in (str(own.stack.folder), "Lease", "tax", own.settings.base_url):
        assert private not in text


def test_answers_and_their_tokens_are_counted(own: Live) -> None:
    asked = ask("When is the tax return due?", model="prism-raw")
    answer = own.client.post("/v1/chat/completions", json=asked).raise_for_status()
    after = figures(own)
    usage = answer.json()["usage"]
    for kind in ("prompt", "completion"):
        assert figure(after, "prismd_tokens_total", kind=kind) == usage[f"{kind}_tokens"] > 0
    assert requests(after, "/v1/chat/completions", "POST", 200) == 1
    assert figure(after, "prismd_answers_in_work", kind="chat") == 0
    assert figure(after, "prismd_answers_waiting", kind="chat") == 0


def test_it_needs_the_token(own: Live) -> None:
    assert httpx.get(f"{own.url}/metrics", trust_env=False).status_code == 401
