"""Folders are added and removed while the daemon runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.harness import Live, live_server
from tests.building import wait_until


def roots(live: Live) -> dict[str, dict[str, Any]]:
    """The folders by their paths, of which both ways of asking tell the same."""
    listed: list[dict[str, Any]] = []

    def agree() -> bool:  # not if a folder comes to another state between the two
        listed[:] = live.client.get("/roots").json()["data"]
        return bool(listed == live.client.get("/status").json()["roots"])

    wait_until(agree)
    return {root["path"]: root for root in listed}


def found(live: Live, words: str) -> list[str]:
    results = live.client.post("/search", json={"query": words}).json()["results"]
    return [result["metadata"]["path"] for result in results]


def test_a_folder_is_read_from_the_moment_it_is_added_to_the_moment_it_is_removed(
    tmp_path: Path,
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "walrus.txt").write_text("The walrus sleeps on the northern ice.")
    with live_server(tmp_path, sample=False) as live:
        added = live.client.post("/roots", json={"path": str(other)})
        assert (added.status_code, added.json()["path"]) == (201, str(other))
        wait_until(lambda: found(live, "northern walrus") == [str(other / "walrus.txt")])
        (other / "seal.txt").write_text("A seal has come to the eastern pier.")
        wait_until(lambda: str(other / "seal.txt") in found(live, "eastern seal"))
        assert roots(live)[str(other)]["files"] == 2
        # Once more changes nothing.
        assert live.client.post("/roots", json={"path": str(other)}).status_code == 201
        removed = live.client.delete("/roots", params={"path": str(other)})
        assert removed.json() == {"path": str(other), "files": 2}
        assert found(live, "northern walrus eastern seal") == []
        assert str(other) not in roots(live)
        assert (other / "walrus.txt").exists()


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "Notes").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with live_server(tmp_path, sample=False) as live:
        added = live.client.post("/roots", json={"path": "~/Notes"})
        assert (added.status_code, added.json()["path"]) == (201, str(home / "Notes"))
        removed = live.client.delete("/roots", params={"path": "~/Notes"})
        assert removed.json()["path"] == str(home / "Notes")
        whole = live.client.post("/roots", json={"path": "~"})
        assert whole.json()["path"] == str(home)


def test_a_folder_may_be_named_as_file_managers_copy_it(tmp_path: Path) -> None:
    folder = tmp_path / "Grüße & more"
    folder.mkdir()
    with live_server(tmp_path, sample=False) as live:
        for text in (folder.as_uri(), f"'{folder}'", f' "{folder}"\n'):
            added = live.client.post("/roots", json={"path": text})
            assert (added.status_code, added.json()["path"]) == (201, str(folder))
            live.client.delete("/roots", params={"path": text}).raise_for_status()
            assert str(folder) not in roots(live)


def test_usual_folders_are_suggested_until_they_are_watched(tmp_path: Path, home: Path) -> None:
    for name in ("Documents", "Music"):
        (home / name).mkdir()
        (home / name / "secret name.txt").write_text("content")
    with live_server(tmp_path, sample=False) as live:
        suggested = live.client.get("/roots/suggestions")
        assert "secret" not in suggested.text
        counted = {"files": 1, "whole": True}
        assert suggested.json()["data"] == [
            {"path": str(home / "Documents"), **counted},
            {"path": str(home / "Music"), **counted},
        ]
        live.client.post("/roots", json={"path": "~/Documents"}).raise_for_status()
        left = live.client.get("/roots/suggestions").json()["data"]
        assert [each["path"] for each in left] == [str(home / "Music")]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "whole path"),
        ("~nobody/Documents", "whole path"),
        ("~/\x00", "whole path"),
        ("~/no such folder", "there is no such folder"),
        ("docs", "whole path"),
        ("file://nas/photos", "another computer"),
        ("smb://nas/photos", "an address"),
        ("/no/such\x00folder", "whole path"),
        ("/no/such/folder", "there is no such folder"),
        ("/etc/hostname", "there is no such folder"),
        ("{folder}/sub", "overlaps"),
        ("{folder}/..", "overlaps"),
    ],
)
def test_what_cannot_be_watched_is_refused(tmp_path: Path, path: str, said: str) -> None:
    with live_server(tmp_path, sample=False) as live:
        (live.stack.folder / "sub").mkdir()
        before = roots(live)
        named = path.format(folder=live.stack.folder)
        answer = live.client.post("/roots", json={"path": named})
        assert answer.status_code == 400
        assert said in answer.json()["error"]["message"]
        assert answer.json()["error"]["param"] == "path"
        assert roots(live).keys() == before.keys()


def test_what_is_not_watched_cannot_be_removed(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        answer = live.client.delete("/roots", params={"path": "/etc"})
        assert answer.status_code == 400
        assert "is not watched" in answer.json()["error"]["message"]
        assert live.client.delete("/roots").status_code == 400


def test_a_folder_whose_name_is_not_utf_8_is_refused_in_the_envelope(live: Live) -> None:
    named = {"path": "file:///srv/%ff"}
    added, removed = (
        live.client.post("/roots", json=named),
        live.client.delete("/roots", params=named),
    )
    for answer in (added, removed):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_folder")


def test_a_folder_of_the_configuration_says_so_and_is_not_removed(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        folder = str(live.stack.folder)
        assert roots(live)[folder]["configured"] is False
        live.stack.folders.configured = lambda: frozenset({folder})
        assert roots(live)[folder]["configured"] is True
        refused = live.client.delete("/roots", params={"path": folder})
        assert refused.status_code == 400
        assert "take it out there" in refused.json()["error"]["message"]
        assert folder in roots(live)


def test_a_folder_that_went_away_can_be_removed(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        folder = live.stack.folder
        folder.rmdir()
        assert live.client.delete("/roots", params={"path": str(folder)}).status_code == 200
        assert roots(live) == {}
