"""Responses that are kept: gone on from, fetched, listed, forgotten, and those that are not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseItem
from pydantic import TypeAdapter

from prismd.models.base import Message, Sampling
from prismd.models.fake import FakeGenerator
from prismd.models.generation import Generation
from prismd.store import responses
from prismd.store.responses import KeptResponse, Retention
from tests.api.harness import TOKEN, Live, live_server, wait_until
from tests.api.openai.official import client_of
from tests.api.openai.test_responses import DEPOSIT, asked

ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)


class Listening(FakeGenerator):
    """Repeats the newest turn, and remembers the turns that it was given last."""

    heard: tuple[Message, ...] = ()

    def generate(self, messages: Any, sampling: Sampling) -> Generation:
        self.heard = tuple(messages)
        return super().generate(messages, sampling)


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose generator repeats what is said to it."""
    folder = tmp_path_factory.mktemp("listening")
    with live_server(folder, generator=Listening()) as live:
        yield live


def heard(live: Live) -> list[tuple[str, str]]:
    generator = live.stack.generator
    assert isinstance(generator, Listening)
    return [(turn.role, turn.content) for turn in generator.heard]


def raw(text: Any, **fields: Any) -> dict[str, Any]:
    return asked(text, model="prism-raw", **fields)


def post(live: Live, body: dict[str, Any]) -> dict[str, Any]:
    response = live.client.post("/v1/responses", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_a_conversation_goes_on_from_an_earlier_response(listening: Live) -> None:
    with client_of(listening) as client:
        first = client.responses.create(model="prism-raw", input="one", instructions="Be brief.")
        second = client.responses.create(
            model="prism-raw", input="two", previous_response_id=first.id
        )
        third = client.responses.create(
            model="prism-raw",
            input=[{"role": "user", "content": "three"}],
            instructions="Be long.",
            previous_response_id=second.id,
            stream=True,
        )
        last = [event for event in third if event.type == "response.completed"]
    assert second.previous_response_id == first.id
    assert last[0].response.previous_response_id == second.id
    # Instructions hold for their own response alone.
    assert heard(listening) == [
        ("system", "Be long."),
        ("user", "one"),
        ("assistant", "one"),
        ("user", "two"),
        ("assistant", "two"),
        ("user", "three"),
    ]


def test_two_conversations_go_on_from_one_response(listening: Live) -> None:
    first = post(listening, raw("one"))
    for word in ("two", "three"):
        post(listening, raw(word, previous_response_id=first["id"]))
        assert heard(listening) == [("user", "one"), ("assistant", "one"), ("user", word)]


def test_a_question_that_leans_on_the_one_before_is_answered(live: Live) -> None:
    first = post(live, asked("What deposit do the tenants pay?"))
    alone = post(live, asked("And before what?"))
    then = post(live, asked("And before what?", previous_response_id=first["id"]))
    assert alone["prism"]["grounding"] == "none"
    assert then["prism"]["citations"][0]["path"].endswith("Lease.pdf")


def test_a_kept_response_is_fetched_as_it_was_sent(live: Live) -> None:
    sent = live.client.post("/v1/responses", json=asked(metadata={"a": "b"}))
    id_ = sent.json()["id"]
    for path in ("/v1/responses", "/responses"):
        fetched = live.client.get(f"{path}/{id_}")
        assert fetched.status_code == 200
        assert fetched.headers["content-type"] == "application/json"
        assert fetched.content == sent.content
    with client_of(live) as client:
        response = client.responses.retrieve(id_)
    assert isinstance(response, Response)
    assert response.metadata == {"a": "b"}


def test_what_was_asked_is_listed_page_by_page(live: Live) -> None:
    input_ = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "Who pays?"}]},
        {"role": "assistant", "content": "The tenants."},
        {"role": "user", "content": DEPOSIT},
    ]
    first = post(live, asked("before"))
    id_ = post(live, asked(input_, previous_response_id=first["id"]))["id"]
    with client_of(live) as client:
        newest_first = list(client.responses.input_items.list(id_, limit=3))
        oldest_first = list(client.responses.input_items.list(id_, order="asc", limit=2))
    assert [item.id for item in newest_first] == [item.id for item in oldest_first][::-1]
    assert [item.role for item in oldest_first if item.type == "message"] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    page = live.client.get(f"/v1/responses/{id_}/input_items", params={"limit": 3}).json()
    for item in page["data"]:
        ITEM.validate_python(item, strict=True)
    assert (page["object"], page["has_more"]) == ("list", True)
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][2]["id"])
    rest = live.client.get(f"/v1/responses/{id_}/input_items", params={"after": page["last_id"]})
    assert [item["role"] for item in rest.json()["data"]] == ["system"]
    assert rest.json()["has_more"] is False


@pytest.mark.parametrize(
    ("query", "param"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"after": "msg_1"}, "after")],
)
def test_a_page_that_is_none_is_refused(live: Live, query: dict[str, Any], param: str) -> None:
    id_ = post(live, asked())["id"]
    response = live.client.get(f"/v1/responses/{id_}/input_items", params=query)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_forgotten_response_is_gone(live: Live) -> None:
    id_ = post(live, asked())["id"]
    gone = live.client.delete(f"/v1/responses/{id_}")
    assert gone.json() == {"id": id_, "object": "response", "deleted": True}
    assert live.client.get(f"/v1/responses/{id_}").status_code == 404
    with client_of(live) as client:
        with pytest.raises(openai.NotFoundError):
            client.responses.delete(id_)
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model="prism", input="x", previous_response_id=id_)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


def test_the_asynchronous_client_goes_on_fetches_and_forgets(live: Live) -> None:
    async def talk() -> tuple[bool, list[str]]:
        transport = openai.DefaultAsyncHttpxClient(trust_env=False, timeout=60)
        async with openai.AsyncOpenAI(
            base_url=f"{live.url}/v1", api_key=TOKEN, http_client=transport
        ) as client:
            first = await client.responses.create(model="prism", input=DEPOSIT)
            second = await client.responses.create(
                model="prism", input="And who pays it?", previous_response_id=first.id
            )
            fetched = await client.responses.retrieve(second.id)
            listed = client.responses.input_items.list(second.id)
            items: list[str] = [item.type async for item in listed]
            await client.responses.delete(second.id)
            with pytest.raises(openai.NotFoundError):
                await client.responses.retrieve(second.id)
            return fetched.previous_response_id == first.id, items

    assert asyncio.run(talk()) == (True, ["message"])


def test_a_long_conversation_is_cut_where_that_is_wanted(tmp_path: Path) -> None:
    generator = Listening(context_tokens=500)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        turns: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}]
        for number in range(9):
            turns += [
                {"role": "user", "content": f"{number} " + "word " * 50},
                {"role": "assistant", "content": "word " * 10},
            ]
        body = raw([*turns, {"role": "user", "content": "last"}], max_output_tokens=300)
        whole = live.client.post("/v1/responses", json=body)
        assert whole.status_code == 400
        assert whole.json()["error"]["code"] == "context_length_exceeded"
        assert "the prompt has" in whole.json()["error"]["message"]
        post(live, {**body, "truncation": "auto"})
        found = heard(live)
        assert found[0] == ("system", "Be brief.")
        assert found[-1] == ("user", "last")
        assert 3 < len(found) < len(turns)


@pytest.mark.parametrize("id_", ["resp_1", "x", "..%2F", "resp_%00", "%F0%9F%92%A9" * 50])
def test_an_id_that_names_nothing_is_not_found(live: Live, id_: str) -> None:
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/input_items"),
        ("POST", "/cancel"),
    ):
        response = live.client.request(method, f"/v1/responses/{id_}{path}")
        assert response.status_code == 404, (method, path)
        assert response.json()["error"]["type"] == "not_found_error"
    body = asked(previous_response_id=id_)
    response = live.client.post("/v1/responses", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "previous_response_not_found"


def test_what_is_whole_is_neither_cancelled_nor_streamed(live: Live) -> None:
    id_ = post(live, asked())["id"]
    with client_of(live) as client:
        with pytest.raises(openai.BadRequestError, match="background"):
            client.responses.cancel(id_)
        with pytest.raises(openai.BadRequestError, match="background"):
            client.responses.retrieve(id_, stream=True)


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_not_to_be_kept_is_not(live: Live, stream: bool) -> None:
    response = live.client.post("/v1/responses", json=asked(store=False, stream=stream))
    id_ = response.text.partition('"id":"resp_')[2][:32]
    assert live.client.get(f"/v1/responses/resp_{id_}").status_code == 404
    assert '"store":false' in response.text
    assert "not kept" not in response.text


def test_a_reference_stands_for_the_item_that_is_kept(listening: Live) -> None:
    first = post(listening, raw("one"))
    answer = first["output"][0]["id"]
    listed = listening.client.get(f"/v1/responses/{first['id']}/input_items").json()
    question = listed["data"][0]["id"]
    post(
        listening,
        raw([
            {"type": "item_reference", "id": question},
            {"id": answer},
            {"role": "user", "content": "two"},
        ], store=False),
    )  # fmt: skip
    assert heard(listening) == [("user", "one"), ("assistant", "one"), ("user", "two")]
    # What the conversation has already is not said twice.
    post(
        listening,
        raw([{"type": "item_reference", "id": answer}, {"role": "user", "content": "three"}],
            previous_response_id=first["id"]),
    )  # fmt: skip
    assert heard(listening) == [("user", "one"), ("assistant", "one"), ("user", "three")]


@pytest.mark.parametrize("id_", ["msg_1", f"msg_{'0' * 40}", ""])
def test_a_reference_to_nothing_is_not_found(live: Live, id_: str) -> None:
    response = live.client.post(
        "/v1/responses", json=asked([{"type": "item_reference", "id": id_}])
    )
    assert response.status_code == 404
    assert response.json()["error"]["param"] == "input[0]"
    nameless = live.client.post("/v1/responses", json=asked([{"type": "item_reference"}]))
    assert nameless.status_code == 400


def test_without_days_nothing_is_kept(tmp_path: Path) -> None:
    with live_server(tmp_path, responses=Retention(age_s=0, count=9)) as live:
        response = post(live, asked())
        assert response["store"] is False
        assert live.client.get(f"/v1/responses/{response['id']}").status_code == 404


def test_no_more_are_kept_than_were_to_be(tmp_path: Path) -> None:
    with live_server(tmp_path, responses=Retention(age_s=99, count=2)) as live:
        ids = [post(live, asked())["id"] for _ in range(4)]
        states = [live.client.get(f"/v1/responses/{id_}").status_code for id_ in ids]
        assert states == [404, 404, 200, 200]


def test_what_grew_too_old_is_forgotten_at_the_start(tmp_path: Path) -> None:
    old = KeptResponse("resp_old", 1.0, "prism", "", b"[]", b"{}")
    with live_server(tmp_path, sample=False) as live:
        database = live.stack.database
        long = Retention(age_s=1e12, count=9)
        database.write(lambda c: responses.keep(c, old, long))
    with live_server(tmp_path, sample=False) as live:
        find = partial(responses.find, id_="resp_old", since=0.0)
        wait_until(lambda: live.stack.database.read(find) is None)


@pytest.mark.parametrize("model", ["prism", "prism-raw"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    tmp_path: Path, model: str, stream: bool
) -> None:
    with live_server(tmp_path, generator=FakeGenerator()) as live:
        full_from_now_on(live)
        response = live.client.post(
            "/v1/responses", json=asked("deposit " * 400, model=model, stream=stream)
        )
        assert response.status_code == 200
        assert '"status":"completed"' in response.text
        assert '"store":false' in response.text
        assert "was not kept" in response.text
        assert "disk is full" in response.text


def full_from_now_on(live: Live) -> None:
    """No page can be added to the index any more, as if its disk were full."""
    live.stack.database.run_outside_transaction(
        lambda c: c.pragma("max_page_count", c.pragma("page_count"))
    )
