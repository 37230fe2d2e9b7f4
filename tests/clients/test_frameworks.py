"""Frameworks and commands built on OpenAI's library."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Daemon
from tests.clients.harness import TRAIN, Runtime, assert_cites_the_train

pytestmark = pytest.mark.clients

CITED = f"{TRAIN} [1]"


def test_langchain_chats(openai_3: Runtime, daemon: Daemon, tmp_path: Path) -> None:
    seen = openai_3.run("langchain_chat.py", daemon, tmp_path)
    assert seen["whole"] == seen["streamed"] == CITED
    assert seen["asynchronously"] == {"whole": CITED, "streamed": CITED}
    assert seen["usage"]["total_tokens"] > 0
    assert seen["finish_reason"] == "stop"
    assert seen["listed"].startswith(CITED)
    assert f"[Lisbon]({daemon.url}/c/" in seen["listed"]


def test_langchain_embeds_once_it_has_followed_the_remedy(
    openai_3: Runtime, openai_2: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    # It counts tokens by a vocabulary that it would fetch; LlamaIndex ships one.
    (vocabulary,) = (
        Path(openai_2.interpreter).parents[1].glob("lib/*/site-packages/**/tiktoken_cache")
    )
    shipped = {"TIKTOKEN_CACHE_DIR": str(vocabulary)}
    seen = openai_3.run("langchain_embeddings.py", daemon, tmp_path, shipped)
    assert "OpenAIEmbeddings(check_embedding_ctx_length=False)" in seen["refused"]
    first, second = seen["documents"]
    assert first != second
    assert seen["query"] == first
    assert seen["asynchronously"] == seen["documents"]


def test_llamaindex_chats_and_embeds(openai_2: Runtime, daemon: Daemon, tmp_path: Path) -> None:
    seen = openai_2.run("llamaindex.py", daemon, tmp_path)
    assert seen["complete"] == seen["streamed"] == seen["asynchronously"] == CITED
    assert_cites_the_train(seen["chat"], seen["sources"][0], daemon)
    first, second = seen["embeddings"]
    assert first != second
    assert seen["query"] == first


def test_the_llm_command_is_told_of_prismd_by_its_file(
    openai_3: Runtime, daemon: Daemon, tmp_path: Path
) -> None:
    seen = openai_3.run("llm_command.py", daemon, tmp_path)
    assert "OpenAI Chat: prism\n" in seen["listed"]
    assert seen["streamed"].strip() == seen["whole"].strip() == seen["continued"].strip() == CITED
    assert CITED in seen["chat"]
    assert f"[Lisbon]({daemon.url}/c/" in seen["sources"]
