"""Who is answered by a page for people, and who as a program."""

from __future__ import annotations

import httpx
import pytest

from prismd.api.pages import wants_page
from tests.api.harness import Live

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
"""What a library says of itself that programs use without a thought."""


@pytest.mark.parametrize(
    ("accept", "mode", "bears_token", "expected"),
    [
        (BROWSER, "navigate", False, True),
        (BROWSER, "", False, True),
        ("text/html", "", False, True),
        ("text/html", "navigate", True, True),
        (BROWSER, "cors", False, False),
        (JAVA, "", True, False),
        ("application/json, text/html;q=0.5", "", False, False),
        ("application/json, text/html", "navigate", False, False),
        ("*/*", "", False, False),
        ("", "navigate", False, False),
        (",;q=,text/html/;q=x", "navigate", False, False),
    ],
)
def test_a_page_is_for_who_opens_an_address(
    accept: str, mode: str, bears_token: bool, expected: bool
) -> None:
    assert wants_page("GET", accept, mode, bears_token=bears_token) is expected
    assert not wants_page("POST", accept, mode, bears_token=bears_token)


def test_a_program_whose_library_takes_html_is_answered_as_one(live: Live) -> None:
    told = live.client.get("/files/file-99999/content", headers={"accept": JAVA})
    assert told.json()["error"]["code"] == "file_not_found"
    wrong = {"accept": JAVA, "authorization": "Bearer prism-wrong"}
    refused = httpx.get(f"{live.url}/status", headers=wrong, trust_env=False)
    assert refused.status_code == 401
    assert refused.json()["error"]["message"]
