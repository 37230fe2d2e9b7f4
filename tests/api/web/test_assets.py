"""The page and its parts, as they are served."""

from __future__ import annotations

import posixpath
import re

import httpx
import pytest

from prismd.api.web.assets import load
from tests.api.harness import Live

TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def test_the_page_is_served_to_a_browser_that_has_signed_in(live: Live) -> None:
    response = live.client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == TYPES["html"]
    assert "/assets/app.js" in response.text


def test_a_browser_that_has_not_signed_in_is_told_how(live: Live) -> None:
    response = httpx.get(live.url + "/", headers={"accept": "text/html"}, trust_env=False)
    assert response.status_code == 401
    assert "prismd token --open" in response.text
    assert "Bearer" not in response.text  # that is for programs
    assert httpx.get(live.url + "/assets/app.js", trust_env=False).status_code == 401


@pytest.mark.parametrize("name", sorted(load()))
def test_every_part_is_served_with_its_type_and_asked_for_again_by_its_name(
    live: Live, name: str
) -> None:
    first = live.client.get(f"/assets/{name}")
    assert first.status_code == 200
    assert first.headers["content-type"] == TYPES[name.rpartition(".")[2]]
    assert first.headers["cache-control"] == "private, no-cache"
    etag = first.headers["etag"]
    again = live.client.get(f"/assets/{name}", headers={"if-none-match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other = live.client.get(f"/assets/{name}", headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize(
    "name",
    ["", "nothing.js", "../routes.py", "..%2froutes.py", "%2e%2e/%2e%2e/access.py", "views",
     "views/", "/etc/passwd", "%2fetc%2fpasswd", "app.js%00", "APP.JS",
     "views/../app.js", "a" * 4000],
)  # fmt: skip
def test_nothing_else_is_served(live: Live, name: str) -> None:
    request = (
        f"GET /assets/{name} HTTP/1.1\r\nHost: 127.0.0.1:{live.settings.port}\r\n"
        f"Authorization: {live.client.headers['authorization']}\r\nConnection: close\r\n\r\n"
    )
    assert live.raw(request.encode()).split(b" ", 2)[1] == b"404"


def test_the_policy_lets_nothing_in_but_the_page_itself(live: Live) -> None:
    policy = live.client.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["form-action"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_page_names_nothing_from_elsewhere_and_builds_no_markup() -> None:
    for name, asset in load().items():
        text = asset.body.decode()
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), name
        assert not re.search(r"<script(?![^>]*\bsrc=\"/assets/)|<style|\son\w+=\"", text), name


def test_whatever_the_parts_name_is_there() -> None:
    parts = load()
    naming = {
        name: re.findall(r'"((?:/assets/|\.{1,2}/)[^"]+)"', asset.body.decode())
        for name, asset in parts.items()
    }
    assert any(naming.values())
    for name, all_given in naming.items():
        for given in all_given:
            named = posixpath.normpath(posixpath.join("/assets", posixpath.dirname(name), given))
            assert named.removeprefix("/assets/") in parts, f"{name} names {given}"
