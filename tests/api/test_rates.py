"""How many requests a client may send, counted in buckets and seen from the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.api.login import cookie_name, cookie_value
from prismd.api.rates import Allowance, Rates
from tests.api.harness import TOKEN, Live, live_server
from tests.api.test_security import HANDSHAKE


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_come_at_once_and_then_so_many_as_time_passes() -> None:
    clock = Clock()
    rates = Rates(4, clock)
    assert [rates.take("me").remaining for _ in range(4)] == [3, 2, 1, 0]
    refused = rates.take("me")
    assert (refused.remaining, refused.wait_s) == (0, 15.0)
    clock.now += 14.0
    assert rates.take("me").wait_s == pytest.approx(1.0)
    clock.now += 1.0
    assert rates.take("me").wait_s == 0
    assert rates.take("me").wait_s == pytest.approx(15.0)
    clock.now += 3600.0
    assert rates.take("me") == Allowance(4, 3, 15.0)


@given(
    limit=st.integers(1, 50),
    steps=st.lists(st.floats(0, 90, allow_nan=False), min_size=1, max_size=120),
)
def test_no_minute_lets_through_more_than_two_minutes_worth(limit: int, steps: list[float]) -> None:
    clock = Clock()
    rates = Rates(limit, clock)
    passed = []
    for step in steps:
        clock.now += step
        allowance = rates.take("me")
        assert 0 <= allowance.remaining < limit
        if allowance.wait_s:
            assert allowance.remaining == 0
        else:
            passed.append(clock.now)
    for start in passed:
        assert sum(start <= moment < start + 60 for moment in passed) <= 2 * limit


def test_clients_do_not_take_from_each_other() -> None:
    rates = Rates(1, Clock())
    assert rates.take("tray").wait_s == 0
    assert rates.take("script").wait_s == 0
    assert rates.take("script").wait_s > 0


def test_clients_without_number_take_no_memory_without_end() -> None:
    rates = Rates(1, Clock())
    for number in range(5_000):
        rates.take(number)
    assert len(rates._full_at) == 1_024
    assert rates.take(4_999).wait_s > 0
    assert rates.take(0).wait_s == 0  # the longest unused was forgotten


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.1, b"100ms"), (0.0001, b"1ms"), (1, b"1s"), (6.2, b"7s"), (60, b"1m0s"), (59.5, b"1m0s")],
)
def test_the_headers_are_those_of_openai(seconds: float, told: bytes) -> None:
    headers = dict(Allowance(60, 5, seconds).headers)
    assert headers == {
        b"x-ratelimit-limit-requests": b"60",
        b"x-ratelimit-remaining-requests": b"5",
        b"x-ratelimit-reset-requests": told,
    }
    refused = dict(Allowance(60, 0, 60.0, 1.25).headers)
    assert (refused[b"retry-after"], refused[b"retry-after-ms"]) == (b"2", b"1250")


@pytest.fixture
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that takes three requests a minute of a client, and two failed logins."""
    with live_server(
        tmp_path_factory.mktemp("limited"),
        sample=False,
        requests_per_minute=3,
        failed_logins_per_minute=2,
    ) as live:
        yield live


def get(
    live: Live, path: str = "/roots", *, agent: str = "script/1", **headers: str
) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=30) as client:
        named = {"user-agent": agent, "authorization": f"Bearer {TOKEN}", **headers}
        return client.get(live.url + path, headers=named)


def test_a_script_that_runs_wild_is_held_back_and_nobody_else(limited: Live) -> None:
    answers = [get(limited) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == [
        *("2", "1", "0"),
        *("0", "0"),
    ]
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert "requests_per_minute" in refused.json()["error"]["message"]
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    # The tray, and the web page in a browser that calls itself like the script.
    assert get(limited, agent="prismd-tray/1").status_code == 200
    cookie = f"{cookie_name(limited.settings.port)}={cookie_value(TOKEN)}"
    assert get(limited, authorization="", cookie=cookie).status_code == 200


def test_unknown_paths_count_and_health_does_not(limited: Live) -> None:
    assert [get(limited, "/no/such/path").status_code for _ in range(4)] == [404, 404, 404, 429]
    health = [get(limited, "/health") for _ in range(9)]
    assert {answer.status_code for answer in health} == {200}
    assert "x-ratelimit-limit-requests" not in health[0].headers


def test_a_handshake_counts_as_a_request(limited: Live) -> None:
    assert [get(limited).status_code for _ in range(3)] == [200] * 3
    more = f"User-Agent: script/1\r\nAuthorization: Bearer {TOKEN}\r\n"
    host = f"127.0.0.1:{limited.settings.port}"
    raw = limited.raw(HANDSHAKE.format(host=host, more=more).encode())
    assert raw.startswith(b"HTTP/1.1 429")
    assert b"rate_limit_exceeded" in raw


def test_a_foreign_page_takes_nothing_from_anybody(limited: Live) -> None:
    for _ in range(9):
        assert get(limited, origin="http://evil.example").status_code == 403
    assert get(limited).status_code == 200


def test_wrong_tokens_are_soon_held_back_and_the_right_one_never(limited: Live) -> None:
    def wrong(number: int, path: str = "/roots") -> int:
        return get(
            limited, path, agent=f"guess/{number}", authorization=f"Bearer guess-{number}"
        ).status_code

    assert [wrong(number) for number in range(4)] == [401, 401, 429, 429]
    refused = get(limited, authorization="Bearer forgotten")
    assert refused.json()["error"]["code"] == "too_many_failed_logins"
    assert int(refused.headers["retry-after"]) >= 1
    assert "prismd token" in refused.json()["error"]["message"]
    assert get(limited).status_code == 200
    assert get(limited, agent="guess/1").status_code == 200
    # A one-time code is not guessed any faster, and a good one is taken.
    assert get(limited, "/login?code=guess", agent="browser").status_code == 429
    link = limited.client.post("/login-link").json()["url"].removeprefix(limited.url)
    assert get(limited, link, agent="browser").status_code == 303


def test_wrong_codes_count_as_failed_logins(limited: Live) -> None:
    answers = [get(limited, "/login?code=guess", agent=f"browser/{n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert get(limited, authorization="Bearer wrong").status_code == 429


def test_no_limit_is_one(live: Live) -> None:
    assert live.settings.requests_per_minute == 0
    answers = [get(live) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert "x-ratelimit-limit-requests" not in answers[0].headers


def test_the_official_client_knows_the_refusal_and_waits_as_it_is_told(
    limited: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    options: dict[str, Any] = {
        "base_url": f"{limited.url}/v1",
        "api_key": TOKEN,
        "http_client": openai.DefaultHttpxClient(trust_env=False),
    }
    with openai.OpenAI(max_retries=0, **options) as client:
        for _ in range(3):
            client.models.list()
        with pytest.raises(openai.RateLimitError) as refused:
            client.models.list()
    assert refused.value.code == "rate_limit_exceeded"
    monkeypatch.setattr("time.sleep", waited.append)
    options["http_client"] = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(max_retries=1, **options) as client, pytest.raises(openai.RateLimitError):
        client.models.list()
    assert waited and 0 < waited[0] <= 20
