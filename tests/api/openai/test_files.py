"""``/v1/files`` as OpenAI's own client has it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import openai
import pytest

from tests.api.harness import TOKEN, Live, live_server, wait_until
from tests.building import picture

WORDS = b"# Whales\n\nThe blue whale weighs 150 tonnes.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(tmp_path_factory.mktemp("files"), max_upload_bytes=1_000_000) as live:
        yield live


@pytest.fixture(scope="module")
def client(server: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{server.url}/v1", api_key=TOKEN, max_retries=0, timeout=60
    ) as made:
        yield made


def test_a_file_is_made_read_and_deleted(client: openai.OpenAI) -> None:
    made = client.files.create(file=("whales.md", WORDS), purpose="assistants")
    assert (made.object, made.filename, made.bytes) == ("file", "whales.md", len(WORDS))
    assert (made.purpose, made.id[:5]) == ("assistants", "file-")
    assert client.files.wait_for_processing(made.id, poll_interval=0.05).status == "processed"
    assert client.files.retrieve(made.id).created_at == made.created_at
    assert client.files.content(made.id).read() == WORDS
    deleted = client.files.delete(made.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (made.id, "file", True)
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(made.id)


def test_every_file_of_the_index_is_listed(client: openai.OpenAI, server: Live) -> None:
    listed = {each.filename: each for each in client.files.list()}
    assert {"Lease.pdf", "Tax notes.md", "broken.pdf", "empty.txt"} <= set(listed)
    assert listed["Lease.pdf"].id == server.id_of("Lease.pdf")
    assert listed["Lease.pdf"].status == "processed"
    assert listed["Lease.pdf"].purpose == "assistants"
    assert listed["broken.pdf"].status == "error"
    assert "PDF" in str(listed["broken.pdf"].status_details)
    assert client.files.content(listed["Lease.pdf"].id).read().startswith(b"%PDF")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_hold_every_file_once_in_the_order_of_time(client: openai.OpenAI, order: str) -> None:
    whole = list(client.files.list(order=order))  # type: ignore[arg-type]
    times = [each.created_at for each in whole]
    assert times == sorted(times, reverse=order == "desc")
    paged = list(client.files.list(order=order, limit=2))  # type: ignore[arg-type]
    assert [each.id for each in paged] == [each.id for each in whole]
    page = client.files.list(order=order, limit=2)  # type: ignore[arg-type]
    assert page.has_more
    assert not client.files.list(limit=len(whole)).has_more


def test_a_purpose_narrows_the_list(client: openai.OpenAI) -> None:
    made = client.files.create(file=("own.txt", b"Words of my own."), purpose="user_data")
    mine = [each.id for each in client.files.list(purpose="user_data")]
    assert mine == [made.id]
    others = [each.id for each in client.files.list(purpose="assistants")]
    assert others
    assert made.id not in others
    assert list(client.files.list(purpose="batch")) == []
    client.files.delete(made.id)


def test_a_file_in_hand_is_uploaded_and_not_processed(client: openai.OpenAI, server: Live) -> None:
    server.client.post("/pause")
    try:
        made = client.files.create(file=("later.txt", b"Read later."), purpose="user_data")
        assert made.status == "uploaded"
    finally:
        server.client.post("/resume")
    wait_until(lambda: client.files.retrieve(made.id).status == "processed")
    client.files.delete(made.id)


def test_what_cannot_be_kept_raises_the_clients_own_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as unsupported:
        client.files.create(file=("a.exe", b"MZ" + os.urandom(900)), purpose="assistants")
    assert unsupported.value.status_code == 415
    with pytest.raises(openai.APIStatusError) as large:
        client.files.create(file=("a.png", picture("red") + bytes(1 << 20)), purpose="vision")
    assert large.value.status_code == 413
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.files.create(file=("a.txt", b"x"), purpose="nonsense")  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="do not expire"):
        client.files.create(
            file=("a.txt", b"x"),
            purpose="assistants",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
    assert "a.txt" not in [each.filename for each in client.files.list()]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": "0"}, 400),
        ({"limit": "10001"}, 400),
        ({"order": "sideways"}, 400),
        ({"after": "file-999999"}, 404),
        ({"after": "nonsense"}, 404),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    server: Live, params: dict[str, str], status: int
) -> None:
    refused = server.client.get("/v1/files", params=params)
    assert refused.status_code == status
    assert refused.json()["error"]["param"] == next(iter(params))


def test_a_form_with_several_files_is_for_another_route(server: Live) -> None:
    files = [("file", ("a.txt", b"x")), ("file", ("b.txt", b"y"))]
    refused = server.client.post("/v1/files", files=files, data={"purpose": "assistants"})
    assert refused.status_code == 400
    assert "POST /upload" in refused.json()["error"]["message"]


def test_without_the_prefix_it_is_prismds_own(server: Live) -> None:
    assert "total" in server.client.get("/files").json()
    sent = {"file": ("a.txt", b"The walrus is a marine mammal.")}
    assert server.client.post("/files", files=sent).json()["object"] == "file"
