"""``prismd history``, with a daemon and without."""

from __future__ import annotations

import re

from tests.building import wait_until
from tests.cli.harness import CONFIG, Daemon, Place


def await_kept(daemon: Daemon, *queries: str) -> None:
    """Wait until these are kept, newest first: whoever asks is answered before that."""

    def kept() -> list[str]:
        entries = daemon.client.get("/search/history").raise_for_status().json()["data"]
        return [entry["query"] for entry in entries]

    wait_until(lambda: kept() == list(queries))


def test_what_was_searched_and_asked_is_shown_and_forgotten(place: Place) -> None:
    place.write_sample()
    with place.daemon() as daemon:
        daemon.await_idle()
        assert place.run("history") == "Nothing was searched or asked.\n"
        place.run("search", "train", "\x1b[31mto Lisbon")
        place.run("ask", "the train from Porto leaves")
        daemon.client.post("/search", json={"query": "", "image": "file-1"})
        await_kept(daemon, "the train from Porto leaves", "train \x1b[31mto Lisbon")
        asked, searched = place.run("history").splitlines()
        stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d"
        assert re.fullmatch(rf"{stamp}  ask     the train from Porto leaves  \(supported\)", asked)
        assert re.fullmatch(rf"{stamp}  search  train .\[31mto Lisbon  \(\d+ hits?\)", searched)
        assert "\x1b" not in searched
        assert place.run("history", "-n", "1").splitlines() == [asked]
        assert [entry["kind"] for entry in place.json("history")["data"]] == ["ask", "search"]
    # Without a daemon the same is read from the file.
    assert place.run("history").splitlines() == [asked, searched]
    place.run("search", "not kept: the index is only read")
    assert place.run("history").splitlines() == [asked, searched]
    assert place.run("history", "--clear") == "Searches and questions forgotten: 2.\n"
    assert place.json("history", "--clear") == {"deleted": 0}
    with place.daemon(env={"PRISMD_SEARCH_HISTORY": "false"}) as daemon:
        place.run("search", "train")
        assert daemon.client.get("/search/history").json()["data"] == []
        place.run("history", "--clear")


def test_a_changed_setting_holds_at_once(place: Place) -> None:
    place.write_sample()
    with place.daemon() as daemon:
        daemon.await_idle()
        for setting in ("", "[search]\nhistory = false\n", "[search]\nhistory_entries = 2\n"):
            place.config.write_text(f"{CONFIG}\n{setting}")
            place.run("config", "reload")
            first, second = (f"{number} {setting[9:16]}".strip() for number in (1, 2))
            for query in (first, second):
                daemon.client.post("/search", json={"query": query})
            if "false" not in setting:
                await_kept(daemon, second, first)
            found = place.json("history")
            assert found["kept"] is ("false" not in setting)
            if not found["kept"]:
                assert [entry["query"] for entry in found["data"]] == ["2", "1"]
        assert [entry["query"] for entry in found["data"]] == ["2 history", "1 history"]


def test_it_says_who_has_switched_it_off(place: Place) -> None:
    place.write_sample()
    with place.daemon() as daemon:
        daemon.await_idle()
        daemon.client.post("/search/history", json={"kept": False})
        place.run("search", "train")
        assert "switched off on the web page" in remark(place)
    place.config.write_text(f"{CONFIG}\n[search]\nhistory = false\n")
    assert "switched off by [search] history" in remark(place)


def remark(place: Place) -> str:
    """What the command says beside its list."""
    return place.start("history").communicate()[1]


def test_without_an_index_it_says_so(place: Place) -> None:
    assert "no index here yet" in place.run("history", exit_code=1)
    assert "no index here yet" in place.run("history", "--clear", exit_code=1)
    assert not place.data_dir.exists()
