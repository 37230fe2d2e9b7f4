"""OpenAI's own client."""

from __future__ import annotations

import openai

from tests.api.harness import TOKEN, Live


def client_of(live: Live) -> openai.OpenAI:
    """A client of a server; it tries nothing twice."""
    return openai.OpenAI(
        base_url=f"{live.url}/v1",
        api_key=TOKEN,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False, timeout=60),
    )
