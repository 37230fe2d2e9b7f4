"""The page behind a citation's link."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.api.lines import lines_around
from prismd.encryption.key import Key
from tests.api.harness import LEASE, Live, ask, live_server, write_pdf
from tests.building import wait_until

HOSTILE = '<img src=x onerror=alert(1)> & "quotes" about the quagga zebra.'


def cited(live: Live, question: str) -> tuple[str, str]:
    """The id and quote of the first citation of an answer."""
    reply = live.client.post("/v1/chat/completions", json=ask(question)).json()
    [citation] = reply["prism"]["citations"][:1]
    assert citation["url"] == f"{live.url}/c/{citation['citation_id']}"
    return citation["citation_id"], citation["quote"]


DEPOSIT = "How much is the deposit that the tenants pay?"
TAX = "By when must the tax return be sent online?"


def test_a_page_of_a_pdf_is_shown_with_the_quote(live: Live) -> None:
    citation_id, quote = cited(live, DEPOSIT)
    response = live.client.get(f"/c/{citation_id}")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<mark>{quote}</mark>" in response.text
    assert "Lease.pdf, page 1" in response.text
    match = re.search(r'<img src="([^"]+)"', response.text)
    assert match is not None
    image = live.client.get(match[1].replace("&amp;", "&"))
    assert image.headers["content-type"] == "image/png"
    assert "changed" not in response.text


def test_of_an_index_of_which_nothing_is_to_be_written_down_no_name_is_the_title(
    tmp_path: Path,
) -> None:
    with live_server(tmp_path / "encrypted", key=Key(bytes(32))) as live:
        assert live.client.get("/status").json()["encrypted"]
        assert title_of(live, cited(live, DEPOSIT)[0]) == "Citation · prismd"
    with live_server(tmp_path / "plain") as live:
        citation_id, _ = cited(live, DEPOSIT)
        assert title_of(live, citation_id) == "Lease.pdf · prismd"
        live.client.post("/search/history", json={"kept": False}).raise_for_status()
        assert title_of(live, citation_id) == "Citation · prismd"


def title_of(live: Live, citation_id: str) -> str:
    """What a browser writes into its history."""
    [title] = re.findall("<title>(.*)</title>", live.client.get(f"/c/{citation_id}").text)
    return str(title)


def test_the_page_needs_no_script_and_allows_none(live: Live) -> None:
    response = live.client.get(f"/c/{cited(live, DEPOSIT)[0]}")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert "<script" not in response.text
    assert "style=" not in response.text


def test_lines_are_shown_around_the_quote_of_a_text(live: Live) -> None:
    citation_id, quote = cited(live, TAX)
    page = live.client.get(f"/c/{citation_id}").text
    assert "<td>5</td><td><mark>" in page
    assert quote in page
    assert "<td>3</td><td>## Deadlines</td>" in page


@pytest.mark.parametrize("citation_id", ["0" * 24, "x", "..%2fstatus", "%00", "a" * 4000, "A" * 24])
def test_an_unknown_citation_is_not_found(live: Live, citation_id: str) -> None:
    response = live.client.get(f"/c/{citation_id}")
    assert response.status_code == 404
    assert response.json()["error"]["message"]


def test_what_a_file_says_is_never_markup(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        (live.stack.folder / "<b>evil<script>.txt").write_text(HOSTILE + "\n")
        live.stack.index()
        page = live.client.get(f"/c/{cited(live, 'What about the quagga zebra quotes?')[0]}").text
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>" not in page
        assert "&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot;" in page


def test_a_page_says_when_its_file_changed_or_went(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        citation_id, quote = cited(live, DEPOSIT)
        path = live.stack.folder / "Lease.pdf"
        write_pdf(path, ("Something else entirely stands here now.",))
        # Before the index knows of it, and after.
        for _ in range(2):
            page = live.client.get(f"/c/{citation_id}").text
            assert "has changed since it was cited" in page
            assert quote == LEASE[0]
            assert quote in page
            assert "<img" not in page
            live.stack.index()
        path.unlink()
        live.stack.index()
        page = live.client.get(f"/c/{citation_id}").text
        assert "not there any more" in page
        assert quote in page


def test_a_changed_file_that_waits_to_be_read_is_not_taken_for_the_cited_one(
    tmp_path: Path,
) -> None:
    with live_server(tmp_path) as live:
        citation_id, quote = cited(live, DEPOSIT)
        file_id = live.id_of("Lease.pdf")
        path = live.stack.folder / "Lease.pdf"
        kept = path.read_bytes()
        live.stack.ingest.stop()
        for pages, changed in (((HOSTILE,), True), ((), False)):
            if pages:
                write_pdf(path, pages)
            else:
                path.write_bytes(kept)
            os.utime(path, (changed + 1e9, 1e9))
            live.stack.folders.watches.rescan()
            wait_until(live.stack.folders.watches.swept)
            assert live.client.get(f"/files/{file_id}").json()["state"] == "pending"
            page = live.client.get(f"/c/{citation_id}").text
            assert ("has changed since it was cited" in page) is changed
            assert ("<img" not in page) is changed
            assert quote in page
            preview = live.client.get(f"/files/{file_id}/preview?citation={citation_id}")
            assert preview.status_code == (409 if changed else 200)


def test_a_copy_is_as_good_as_the_file_that_was_cited(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        citation_id, _ = cited(live, DEPOSIT)
        (live.stack.folder / "Lease.pdf").rename(live.stack.folder / "Renamed.pdf")
        live.stack.index()
        page = live.client.get(f"/c/{citation_id}").text
        assert "Renamed.pdf, page 1" in page
        assert "<img" in page
        assert "changed" not in page


@given(
    st.text(alphabet="ab\n", max_size=120).flatmap(
        lambda text: st.tuples(
            st.just(text),
            st.tuples(*[st.integers(0, len(text))] * 2).map(lambda ends: tuple(sorted(ends))),
        )
    )
)
def test_the_lines_around_a_range_hold_it_and_nothing_else_is_marked(
    drawn: tuple[str, tuple[int, int]],
) -> None:
    text, (start, end) = drawn
    lines = lines_around(text, start, end)
    numbered = text.split("\n")
    for line in lines:
        assert line.before + line.marked + line.after == numbered[line.number - 1]
    assert "".join(line.marked for line in lines) == text[start:end].replace("\n", "")
    assert [line.number for line in lines] == list(
        range(lines[0].number, lines[0].number + len(lines))
    )


def test_long_lines_are_cut_around_the_quote() -> None:
    text = "x" * 100_000 + "QUOTE" + "y" * 100_000
    [line] = lines_around(text, 100_000, 100_005)
    assert line.marked == "QUOTE"
    assert len(line.before) + len(line.after) < 1000
