"""What ``/ws`` tells, seen by clients of another make."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from prismd.api.hub import LARGEST_CROWD, MAX_QUEUED_BYTES
from prismd.api.login import cookie_name, cookie_value
from prismd.progress.feed import SweepEvent
from prismd.search.history import HistorySettings
from tests.api.harness import TOKEN, Live, live_server
from tests.building import wait_until, write_file

BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATIENCE_S = 60


def joined(live: Live, **options: Any) -> AbstractContextManager[ClientConnection]:
    options.setdefault("additional_headers", BEARER)
    address = f"ws://127.0.0.1:{live.settings.port}/ws"
    client: AbstractContextManager[ClientConnection] = connect(address, proxy=None, **options)
    return client


def heard(client: ClientConnection) -> dict[str, Any]:
    message = json.loads(client.recv(timeout=PATIENCE_S))
    assert isinstance(message, dict)
    return message


def until(
    client: ClientConnection, wanted: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Every message up to the first that is wanted."""
    found, end_s = [heard(client)], time.monotonic() + 2 * PATIENCE_S
    while not wanted(found[-1]):
        assert time.monotonic() < end_s, "it was not told"  # though a heartbeat was
        found.append(heard(client))
    return found


def is_idle(message: dict[str, Any]) -> bool:
    return bool(message.get("status", {}).get("state") == "idle")


def files_of(told: list[dict[str, Any]]) -> dict[str, int]:
    """The counts of files by the last status that has them."""
    found: dict[str, int] = {}
    for message in told:
        found = message.get("status", {}).get("files", found)
    return found


def hub_of(live: Live) -> Any:
    return live.app.state.api.hub


def test_the_first_message_is_the_whole_status(live: Live) -> None:
    with joined(live) as client:
        first = heard(client)
    assert (first["seq"], first["type"]) == (1, "snapshot")
    status = live.client.get("/status").json()
    assert first["status"].keys() == status.keys()
    assert first["status"]["files"] == status["files"]


def test_what_is_read_is_told_in_order_and_a_status_has_what_was_told_before(
    tmp_path: Path,
) -> None:
    with live_server(tmp_path, sample=False) as live, joined(live) as client:
        told = until(client, is_idle)
        write_file(live.stack.folder / "a.txt", "The ferry sails at noon.")
        write_file(live.stack.folder / "b.txt", "")
        live.stack.folders.watches.rescan()
        told += until(client, lambda m: m.get("status", {}).get("passages_embedded") == 1)
        while not {"completed": 1, "skipped": 1}.items() <= files_of(told).items():
            told.append(heard(client))
    assert [message["seq"] for message in told] == list(range(1, len(told) + 1))
    files = [message for message in told if message["type"] == "file"]
    assert {(Path(m["path"]).name, m["state"], m["error"]) for m in files} == {
        ("a.txt", "completed", ""),
        ("b.txt", "skipped", "empty"),
    }
    ended = 0
    for message in told:
        ended += message["type"] == "file"
        counts = message.get("status", {}).get("files")
        if counts:
            assert counts["completed"] + counts["skipped"] >= ended


def test_a_status_has_what_has_changed_alone(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live, joined(live) as client:
        until(client, is_idle)
        live.client.post("/pause")
        paused = until(client, lambda m: m.get("status", {}).get("state") == "paused")[-1]
        assert paused["type"] == "status"
        assert "models" not in paused["status"]
        live.client.post("/resume")
        until(client, is_idle)


def test_a_history_that_the_settings_do_not_keep_any_more_is_told(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live, joined(live) as client:
        until(client, is_idle)
        live.stack.services.history.settings = HistorySettings(kept=False)  # nothing is written
        until(client, lambda m: m.get("status", {}).get("history_kept") is False)


def test_a_sweep_is_told(live: Live) -> None:
    event = SweepEvent(root="/a", added=1, changed=0, moved=2, removed=3)
    with joined(live) as client:
        heard(client)
        live.stack.services.progress.feed.tell(event)
        told = until(client, lambda m: m["type"] == "sweep")[-1]
    assert told | {"seq": 0} == {
        "seq": 0, "type": "sweep", "root": "/a", "added": 1, "changed": 0, "moved": 2,
        "removed": 3, "offline": False,
    }  # fmt: skip


def test_silence_is_broken_by_a_heartbeat(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, heartbeat_s=0.05) as live, joined(live) as client:
        until(client, lambda m: m["type"] == "ping")


def cookie(live: Live) -> dict[str, str]:
    port = live.settings.port
    return {"Cookie": f"{cookie_name(port)}={cookie_value(TOKEN)}"}


def test_a_browser_is_known_by_its_cookie_or_by_a_subprotocol(live: Live) -> None:
    own = Origin(live.url)
    with joined(live, additional_headers=cookie(live), origin=own) as client:
        assert heard(client)["type"] == "snapshot"
    offered = [Subprotocol("prismd.v1"), Subprotocol(f"prismd.token.{TOKEN}")]
    with joined(live, additional_headers={}, subprotocols=offered) as client:
        assert client.subprotocol == "prismd.v1"
        assert heard(client)["type"] == "snapshot"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"additional_headers": {}}, 401),
        ({"additional_headers": {"Authorization": "Bearer guessed"}}, 401),
        ({"additional_headers": {}, "subprotocols": [Subprotocol("prismd.token.guessed")]}, 401),
        ({"origin": Origin("https://page.example")}, 403),
        ({"additional_headers": {**BEARER, "Sec-Fetch-Site": "cross-site"}}, 403),
    ],
    ids=["no token", "wrong token", "wrong subprotocol", "foreign origin", "foreign page"],
)
def test_strangers_are_refused_before_anything_is_told(
    live: Live, options: Any, status: int
) -> None:
    wait_until(lambda: len(hub_of(live)) == 0)  # those of other tests have left
    with pytest.raises(InvalidStatus) as refused, joined(live, **options):
        pass
    response = refused.value.response
    assert response.status_code == status
    assert json.loads(response.body or b"")["error"]["message"]
    assert response.headers["cache-control"] == "no-store"
    assert len(hub_of(live)) == 0


def test_a_cookie_without_prismds_own_origin_lets_nobody_in(live: Live) -> None:
    with pytest.raises(InvalidStatus), joined(live, additional_headers=cookie(live)):
        pass


def test_the_token_in_a_subprotocol_is_for_websockets_alone(live: Live) -> None:
    headers = {"Authorization": "", "Sec-WebSocket-Protocol": f"prismd.token.{TOKEN}"}
    assert live.client.get("/status", headers=headers).status_code == 401


def ended(client: ClientConnection) -> tuple[int, str]:
    """The close code and reason, once everything before it was heard."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.recv(timeout=PATIENCE_S)
    frame = closed.value.rcvd
    assert frame is not None
    return frame.code, frame.reason


def test_a_client_that_says_too_much_is_sent_away(live: Live) -> None:
    with joined(live) as client:
        client.send("hello")
        assert heard(client)["type"] == "snapshot"
        client.send("x" * 2_000)
        assert ended(client)[0] == 1009


def test_there_is_room_for_so_many_and_again_when_one_goes(live: Live) -> None:
    with ExitStack() as stack:
        opened = [stack.enter_context(joined(live)) for _ in range(LARGEST_CROWD)]
        for client in opened:
            assert heard(client)["type"] == "snapshot"
        with joined(live) as late:
            assert ended(late) == (1013, f"{LARGEST_CROWD} clients listen already")
        opened[0].close()
        wait_until(lambda: len(hub_of(live)) < LARGEST_CROWD)
        with joined(live) as client:
            assert heard(client)["type"] == "snapshot"
    wait_until(lambda: len(hub_of(live)) == 0)


def test_who_does_not_read_is_dropped_and_the_others_go_on(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live, joined(live) as slow, joined(live) as fast:
        feed = live.stack.services.progress.feed
        heard(slow)
        heard(fast)
        root = "/" + "long" * 1000
        told, seq = 0, 1
        # The slow one takes 16 messages off the wire and no more.
        while len(hub_of(live)) == 2:
            assert told < 1000 * MAX_QUEUED_BYTES, "it was never dropped"
            for number in range(50):
                feed.tell(SweepEvent(root=root, added=number, changed=0, moved=0, removed=0))
                told += len(root)
            feed.tell(SweepEvent(root="/end", added=0, changed=0, moved=0, removed=0))
            for message in until(fast, lambda m: m.get("root") == "/end"):
                seq += 1
                assert message["seq"] == seq
        feed.tell(SweepEvent(root="/still here", added=0, changed=0, moved=0, removed=0))
        until(fast, lambda m: m.get("root") == "/still here")


def test_the_end_of_the_server_is_told_and_waits_for_nobody(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with live_server(tmp_path, sample=False) as live:
            client = stack.enter_context(joined(live))
            stack.enter_context(joined(live))  # takes nothing
            heard(client)
        assert ended(client) == (1001, "prismd is stopping")


def test_while_nobody_listens_nothing_is_kept(live: Live) -> None:
    feed = live.stack.services.progress.feed
    event = SweepEvent(root="/a", added=0, changed=0, moved=0, removed=0)
    wait_until(lambda: len(hub_of(live)) == 0)
    feed.tell(event)
    assert feed.take() == []
    with joined(live) as client:
        heard(client)
    wait_until(lambda: len(hub_of(live)) == 0)
    feed.tell(event)
    assert feed.take() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a whole tree is watched at once")
def test_what_is_told_of_a_folder_alone_is_told(tmp_path: Path) -> None:
    shown: dict[str, Any] = {}

    def is_all(message: dict[str, Any]) -> bool:
        """Whether everything has been told by now, so that nothing is told beside what follows."""
        shown.update(message.get("status", {}))
        return is_idle({"status": shown}) and shown == live.client.get("/status").json()

    with live_server(tmp_path, sample=False) as live, joined(live) as client:
        wait_until(lambda: live.client.get("/roots").json()["data"][0]["state"] == "watching")
        until(client, is_all)
        try:
            (live.stack.folder / os.fsdecode(b"caf\xe9")).mkdir()
        except OSError:
            pytest.skip("this disk takes no such name")
        told = until(client, lambda m: bool(detail_of(m)))[-1]
    assert told["type"] == "status"
    assert told["status"].keys() == {"roots"}
    assert "not UTF-8" in detail_of(told)


def detail_of(message: dict[str, Any]) -> str:
    roots = message.get("status", {}).get("roots") or [{"detail": ""}]
    return str(roots[0]["detail"])
