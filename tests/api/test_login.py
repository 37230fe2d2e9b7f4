"""The link that lets a browser in, once."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.api.login import CODE_TTL_S, LoginCodes, local_path
from tests.api.harness import TOKEN, Live


def test_a_link_works_once_and_leaves_a_cookie_that_reads(live: Live) -> None:
    link = live.client.post("/login-link").json()["url"]
    with httpx.Client(trust_env=False) as browser:
        first = browser.get(link)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        set_cookie = first.headers["set-cookie"]
        assert "HttpOnly" in set_cookie
        assert "SameSite=Lax" in set_cookie
        assert TOKEN not in set_cookie
        assert browser.get(live.url + "/status").status_code == 200
        assert "/assets/app.js" in browser.get(live.url + "/").text
        again = browser.get(link)
        assert again.status_code == 401
        assert "prismd token --open" in again.text
        assert "set-cookie" not in again.headers


@pytest.mark.parametrize("query", ["", "?code=", "?code=x", "?code=%00", "?next=/status"])
def test_without_a_good_code_there_is_no_cookie(live: Live, query: str) -> None:
    response = httpx.get(f"{live.url}/login{query}", trust_env=False)
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_a_link_goes_on_to_a_page_of_this_server(live: Live) -> None:
    link = live.client.post("/login-link", params={"next": "/c/abc"}).json()["url"]
    assert httpx.get(link, trust_env=False).headers["location"] == "/c/abc"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "x",
     "/a\\b", "/a b", "/\r\nSet-Cookie: a=b", "/\t/evil.example"],
)  # fmt: skip
def test_a_link_leads_nowhere_else(live: Live, target: str) -> None:
    assert local_path(target) == "/"
    link = live.client.post("/login-link").json()["url"]
    response = httpx.get(link, params={**httpx.URL(link).params, "next": target}, trust_env=False)
    assert response.headers["location"] == "/"


@given(st.text(max_size=30))
def test_a_local_path_has_one_slash_and_no_control_characters(text: str) -> None:
    path = local_path("/" + text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isascii()
    assert path.isprintable()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_code_is_good_for_a_minute() -> None:
    clock = Clock()
    codes = LoginCodes(clock)
    code, late = codes.issue(), codes.issue()
    clock.now = CODE_TTL_S - 1
    assert codes.redeem(code)
    assert not codes.redeem(code)
    clock.now = CODE_TTL_S
    assert not codes.redeem(late)


def test_too_many_codes_void_the_oldest() -> None:
    codes = LoginCodes(Clock())
    issued = [codes.issue() for _ in range(40)]
    assert not codes.redeem(issued[0])
    assert codes.redeem(issued[-1])
    assert len(set(issued)) == 40
