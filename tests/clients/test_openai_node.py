"""OpenAI's own library for Node, and Vercel's AI SDK."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Daemon
from tests.clients.harness import Runtime, assert_cites_the_train

pytestmark = pytest.mark.clients


def test_openai_for_node_is_served(node: Runtime, daemon: Daemon, tmp_path: Path) -> None:
    seen = node.run("openai_node.mjs", daemon, tmp_path)
    assert seen["models"] == ["prism", "prism+sources", "prism-raw", "fake", "whisper-1"]
    whole, streamed = seen["whole"], seen["streamed"]
    assert_cites_the_train(whole["text"], whole["source"], daemon)
    assert streamed["text"] == seen["gathered"] == seen["without /v1"] == whole["text"]
    assert streamed["sources"] == [whole["source"]]
    assert streamed["usage"]["total_tokens"] > 0
    assert seen["embeddings"]["packed"] == seen["embeddings"]["plain"]
    assert seen["errors"] == {
        "wrong key": {"class": "AuthenticationError", "status": 401, "code": "invalid_api_key"},
        "unknown model": {"class": "NotFoundError", "status": 404, "code": "model_not_found"},
        "n": {"class": "BadRequestError", "status": 400, "code": "unsupported_parameter"},
    }


def test_the_ai_sdk_shows_sources(node: Runtime, daemon: Daemon, tmp_path: Path) -> None:
    told = node.run("ai_sdk.mjs", daemon, tmp_path)
    seen = told["seen"]
    for way in ("generated", "streamed"):
        reply = seen["openai"][way]
        (source,) = reply["sources"]
        assert_cites_the_train(reply["text"], source["url"], daemon)
        assert source == {"sourceType": "url", "url": source["url"], "title": "Lisbon"}
        assert reply["finishReason"] == "stop"
        assert reply["totalTokens"] > 0
        # The general provider knows no sources: they come by its extractor, or in the text.
        general = seen["openai-compatible"][way]
        assert general["text"] == reply["text"]
        assert general["metadata"] == {"citations": [source["url"]]}
        assert f"- [1] [Lisbon]({source['url']})" in seen["openai-compatible, listed"][way]["text"]
        assert seen["perplexity"][way]["text"] == reply["text"]
    assert [source["url"] for source in seen["perplexity"]["generated"]["sources"]] == [
        seen["openai"]["generated"]["sources"][0]["url"]
    ]
    assert told["dimensions"] == [64, 64]
