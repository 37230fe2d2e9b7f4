"""The description at ``/schema`` names every route, and what each may answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.harness import live_server

JSON = "application/json"
REFERENCE = re.compile(r"#/components/schemas/([\w.]+)")
Operations = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("described")
    with live_server(folder, sample=False) as live:
        yield live.client.get("/schema/openapi.json").json()


@pytest.fixture(scope="module")
def operations(description: dict[str, Any]) -> Operations:
    found = [
        (path, method, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    assert found
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    known = description["components"]["schemas"]
    found = list(references(description))
    assert found
    for reference in found:
        match = REFERENCE.fullmatch(reference)
        assert match is not None, reference
        assert match[1] in known


def test_every_error_has_the_one_envelope(operations: Operations) -> None:
    for path, method, operation in operations:
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorEnvelope"}, (path, method)


def test_every_route_says_what_it_answers_and_in_words(operations: Operations) -> None:
    for path, method, operation in operations:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert "``" not in operation["description"], where
        success = [status for status in operation["responses"] if status.startswith("2")]
        if operation["summary"].startswith("Refused"):
            assert not success, where
        else:
            assert operation["responses"][success[0]]["content"], where


def test_all_but_the_open_routes_need_a_token(
    operations: Operations, description: dict[str, Any]
) -> None:
    assert {"token": []} in description["security"]
    for path, method, operation in operations:
        is_open = path == "/health"
        assert (operation.get("security") == []) == is_open, path
        assert ("401" in operation["responses"]) != is_open, (path, method)


def test_bodies_are_described_by_what_they_are_decoded_to(operations: Operations) -> None:
    bodies = {
        path: operation["requestBody"]["content"]
        for path, _, operation in operations
        if "requestBody" in operation
    }
    assert bodies["/reindex"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/ReindexRequest"}}
    }
    chat = bodies["/v1/chat/completions"][JSON]
    assert chat["schema"]["allOf"] == [{"$ref": "#/components/schemas/ChatRequest"}]
    assert chat["schema"]["properties"] == {"messages": {"minItems": 1}}
    for path, content in bodies.items():
        assert content, path


def test_limits_of_parameters_are_described(operations: Operations) -> None:
    listing = next(operation for path, _, operation in operations if path == "/files")
    parameters = {each["name"]: each["schema"] for each in listing["parameters"]}
    assert parameters["limit"]["maximum"] == 1000
    assert {"pending", ""} <= set(parameters["state"]["items"]["enum"])


def test_what_is_refused_for_its_form_alone_is_described(operations: Operations) -> None:
    by_route = {(method, path): operation for path, method, operation in operations}
    entry = by_route["delete", "/search/history/{entry_id}"]["parameters"][0]["schema"]
    assert re.fullmatch(entry["pattern"], "history-7")
    assert not re.fullmatch(entry["pattern"], "7")
    for path, name, most in (
        ("/search/history", "limit", 1000),
        ("/v1/files", "limit", 10_000),
        ("/v1/vector_stores", "limit", 100),
        ("/vector_stores/{store_id}/files", "limit", 100),
        ("/v1/responses/{response_id}/input_items", "limit", 100),
        ("/passages/{passage_id}", "around", 10),
    ):
        parameters = {each["name"]: each["schema"] for each in by_route["get", path]["parameters"]}
        assert parameters[name]["maximum"] == most, path


def test_examples_of_bodies_are_answered(
    operations: Operations, tmp_path_factory: pytest.TempPathFactory
) -> None:
    examples = [
        (path, operation["requestBody"]["content"][JSON]["example"])
        for path, _, operation in operations
        if "example" in operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    ]
    assert {"/search", "/v1/chat/completions", "/v1/responses"} <= {path for path, _ in examples}
    with live_server(tmp_path_factory.mktemp("examples")) as live:
        for path, example in examples:
            assert live.client.post(path, json=example).status_code == 200, path


def test_every_form_of_a_transcript_is_described(operations: Operations) -> None:
    answers = {path: operation["responses"] for path, _, operation in operations}
    kinds = answers["/v1/audio/transcriptions"]["200"]["content"]
    assert {kind.partition(";")[0] for kind in kinds} == {
        "application/json",
        "text/plain",
        "application/x-subrip",
        "text/vtt",
        "text/event-stream",
    }
