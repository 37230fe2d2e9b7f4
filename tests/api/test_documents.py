"""Places as programs get them that show them: citations, documents, lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.harness import LEASE, Live, ask, live_server, write_pdf
from tests.building import recording, write_file

DEPOSIT = "How much is the deposit that the tenants pay?"
TAX = "By when must the tax return be sent online?"


def cited(live: Live, question: str) -> str:
    """The id of the first citation of an answer."""
    reply = live.client.post("/v1/chat/completions", json=ask(question)).json()
    return str(reply["prism"]["citations"][0]["citation_id"])


def test_a_cited_page_has_its_quote_its_boxes_and_the_file_that_shows_it(live: Live) -> None:
    place = live.client.get(f"/citations/{cited(live, DEPOSIT)}").json()
    assert (place["standing"], place["quote"]) == ("same", LEASE[0])
    assert place["locator"]["kind"] == "page"
    assert place["locator"]["boxes"]
    document = place["document"]
    assert (document["kind"], document["pages"], document["standing"]) == ("page", 2, "same")
    assert document["file_id"] == live.id_of("Lease.pdf")
    assert document["path"] == place["path"]
    assert live.client.get(f"/documents/{place['sha256']}").json() == document


def test_the_lines_of_a_cited_text_have_the_quote_marked(live: Live) -> None:
    place = live.client.get(f"/citations/{cited(live, TAX)}").json()
    query = {"start": place["char_start"], "end": place["char_end"], "first": 2, "limit": 5}
    found = live.client.get(f"/documents/{place['sha256']}/lines", params=query).json()
    assert [line["number"] for line in found["data"]] == [2, 3, 4, 5, 6]
    assert [line["marked"] for line in found["data"]] == ["", "", "", place["quote"], ""]
    assert found["total"] == place["document"]["lines"]
    del query["first"]
    near = live.client.get(f"/documents/{place['sha256']}/lines", params=query).json()["data"]
    assert (near[0]["number"], near[4]["marked"]) == (1, place["quote"])


def test_the_lines_of_one_page_are_counted_from_its_first(live: Live) -> None:
    place = live.client.get(f"/citations/{cited(live, DEPOSIT)}").json()
    address = f"/documents/{place['sha256']}/lines"
    for number, text in enumerate(LEASE, 1):
        [line] = live.client.get(address, params={"page": number}).json()["data"]
        assert (line["number"], line["before"].strip()) == (1, text)
    marks = {"page": 1, "start": place["char_start"], "end": place["char_end"]}
    [line] = live.client.get(address, params=marks).json()["data"]
    assert line["marked"] == LEASE[0]
    [empty] = live.client.get(address, params={"page": 99}).json()["data"]
    assert (empty["before"], empty["marked"]) == ("", "")


def test_each_sentence_of_a_recording_has_its_seconds(tmp_path: Path) -> None:
    said = ("The ferry leaves at six.", "It does not wait.", "The next one leaves at eight.")
    with live_server(tmp_path, sample=False) as live:
        tape = recording((0.5, 2.0, said[0]), (2.0, 3.5, said[1]), (3.5, 5.0, said[2]), seconds=6.0)
        write_file(live.stack.folder / "memo.wav", tape)
        live.stack.index()
        place = live.client.get(f"/citations/{cited(live, 'When does the next one leave?')}").json()
        marks = {"first": 1, "start": place["char_start"], "end": place["char_end"]}
        found = live.client.get(f"/documents/{place['sha256']}/lines", params=marks).json()
        [line] = [each for each in found["data"] if each["sentences"]]
    sentences = line["sentences"]
    assert ["".join((s["before"], s["marked"], s["after"])) for s in sentences] == [*said]
    assert [s["marked"] for s in sentences] == ["", "", place["quote"]]
    assert [s["start_s"] for s in sentences] == [0.5, 2.0, 3.5]
    assert [s["end_s"] for s in sentences] == [2.0, 3.5, 5.0]
    assert (line["start_s"], line["end_s"]) == (0.5, 5.0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.json", '["' + "zebra crossing " * 40_000 + '"]'),
        ("talk.srt", "1\n00:00:00,000 --> 09:00:00,000\n" + "It goes on and on. " * 40_000 + "\n"),
    ],
)
def test_a_file_of_one_line_is_not_sent_whole(tmp_path: Path, name: str, content: str) -> None:
    with live_server(tmp_path, sample=False) as live:
        write_file(live.stack.folder / name, content)
        live.stack.index()
        sha256 = live.client.get("/files").json()["data"][0]["sha256"]
        marks = {"start": 0, "end": 2**31 - 1}
        response = live.client.get(f"/documents/{sha256}/lines", params=marks)
    assert len(response.content) < 20_000
    assert any(len(line["marked"]) > 1_000 for line in response.json()["data"])


def test_a_text_that_is_read_has_no_seconds(live: Live) -> None:
    sha256 = live.client.get(f"/citations/{cited(live, TAX)}").json()["sha256"]
    found = live.client.get(f"/documents/{sha256}/lines").json()["data"]
    assert {(line["start_s"], tuple(line["sentences"])) for line in found} == {(None, ())}


def test_beyond_the_last_line_there_are_none(live: Live) -> None:
    sha256 = live.client.get(f"/citations/{cited(live, TAX)}").json()["sha256"]
    found = live.client.get(f"/documents/{sha256}/lines", params={"first": 2**31 - 1}).json()
    assert found["data"] == []
    assert found["total"] > 1


@pytest.mark.parametrize(
    "query",
    [{"first": 0}, {"limit": 0}, {"limit": 501}, {"start": -1}, {"end": 2**31}, {"page": "x"}],
)
def test_a_wrong_parameter_is_named(live: Live, query: dict[str, int | str]) -> None:
    sha256 = live.client.get(f"/citations/{cited(live, TAX)}").json()["sha256"]
    response = live.client.get(f"/documents/{sha256}/lines", params=query)
    assert response.status_code == 400
    assert response.json()["error"]["param"] in query


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/citations/" + "0" * 24, "citation_not_found"),
        ("/citations/x", "citation_not_found"),
        ("/documents/" + "0" * 64, "document_not_found"),
        ("/documents/" + "A" * 64, "document_not_found"),
        ("/documents/x", "document_not_found"),
        ("/documents/" + "0" * 64 + "/lines", "document_not_found"),
    ],
)
def test_what_is_not_there_is_not_found(live: Live, path: str, code: str) -> None:
    response = live.client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == code


def test_a_citation_says_when_its_file_changed_or_went(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        citation_id = cited(live, DEPOSIT)
        path = live.stack.folder / "Lease.pdf"
        write_pdf(path, ("Something else entirely stands here now.",))
        # Before the index knows of it, and after.
        for _ in range(2):
            place = live.client.get(f"/citations/{citation_id}").json()
            assert (place["standing"], place["quote"]) == ("changed", LEASE[0])
            assert place["document"] is None or place["document"]["file_id"] is None
            live.stack.index()
        path.unlink()
        live.stack.index()
        assert live.client.get(f"/citations/{citation_id}").json()["standing"] == "gone"
