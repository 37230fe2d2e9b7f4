"""Which hosts and origins are this computer's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.api.origins import Origins

OWN = Origins(7776, ("prism.lan", "box.lan:8443"), ("http://localhost:3000",))
ANY = ["127.0.0.1:7776"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:7776",
        "127.0.0.1:7776",
        "127.0.0.1",
        "[::1]:7776",
        "[::1]",
        "prism.lan",
        "prism.lan:9999",
        "box.lan:8443",
    ],
)
def test_names_of_this_computer_and_allowed_ones_are_hosts(host: str) -> None:
    assert OWN.is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:7776",
        "localhost:80",
        "localhost.evil.example",
        "127.0.0.1.nip.io:7776",
        "127.0.0.1:7776@evil.example",
        "box.lan",
        "box.lan:1",
        "192.168.0.2:7776",
        "0.0.0.0:7776",
        "[::ffff:1.2.3.4]:7776",
        "localhost:7776, evil.example",
        "localhost:",
        "localhost:99999999999",
        "localhost/",
        "localhost:7776\t",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    refusal = OWN.refusal("GET", [host], [], "", "")
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "host_not_allowed")


@pytest.mark.parametrize("hosts", [[], ["localhost", "evil.example"], ["localhost", "localhost"]])
def test_there_must_be_one_host(hosts: list[str]) -> None:
    assert OWN.refusal("GET", hosts, [], "", "") is not None


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:7776", "http://localhost:7776", "http://localhost:3000"]
)
def test_own_and_configured_origins_may_call(origin: str) -> None:
    assert OWN.refusal("POST", ANY, [origin], "cross-site", "cors") is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://evil.example",
        "http://localhost",
        "https://localhost:7776",
        "http://localhost:3001",
        "http://localhost:7776.evil.example",
        "http://localhost:7776/path",
        "file://",
        "http://prism.lan",
    ],
)
def test_other_origins_may_not(origin: str) -> None:
    refusal = OWN.refusal("POST", ANY, [origin], "", "")
    assert refusal is not None
    assert refusal.code == "origin_not_allowed"


def test_a_page_behind_a_proxy_is_of_the_host_that_it_names() -> None:
    assert OWN.refusal("POST", ["box.lan:8443"], ["https://box.lan:8443"], "", "") is None
    assert OWN.refusal("POST", ["box.lan:8443"], ["https://prism.lan"], "", "") is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_may_link_here_but_not_embed(site: str) -> None:
    assert OWN.refusal("GET", ANY, [], site, "navigate") is None
    assert OWN.refusal("GET", ANY, [], site, "no-cors") is not None
    assert OWN.refusal("POST", ANY, [], site, "navigate") is not None


@given(st.text(max_size=40))
def test_what_is_appended_to_an_own_origin_makes_it_foreign(tail: str) -> None:
    origin = f"http://localhost:7776{tail}"
    assert OWN.is_own_origin(origin, "localhost:7776") == (tail == "")
