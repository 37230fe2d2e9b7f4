"""Asks over the API, as any client would, for what a test then looks at."""

from __future__ import annotations

from typing import Any

from tests.cli.harness import Daemon


def cited(daemon: Daemon, sentence: str) -> Any:
    """The record of a citation that quotes a sentence of a file."""
    asked = {"model": "prism", "messages": [{"role": "user", "content": sentence.rstrip(".")}]}
    answer = daemon.client.post("/v1/chat/completions", json=asked).raise_for_status().json()
    found = [record for record in answer["prism"]["citations"] if sentence in record["quote"]]
    assert found, answer["prism"]
    return found[0]


def file_id(daemon: Daemon, name: str) -> str:
    """The id of a file of the library."""
    listed = daemon.client.get("/files", params={"q": name}).raise_for_status().json()["data"]
    return str(next(item["id"] for item in listed if item["path"].endswith("/" + name)))
