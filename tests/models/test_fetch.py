from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from prismd.errors import ModelError
from prismd.models.download import Network
from prismd.models.entry import HuggingFace, LocalPath, ModelEntry, ModelFile, Source, Url
from prismd.models.fetch import fetch
from prismd.models.installed import presence, verified
from tests.models.hub_server import Hub

CONTENT = bytes(range(256)) * 12_000
NETWORK = Network(connect_timeout_s=2.0, read_timeout_s=5.0, attempts=3, backoff_s=0.0)
REPO = HuggingFace("owner/repo", "main", "model.bin")


def entry(*sources: Source, content: bytes = CONTENT, size_bytes: int | None = None) -> ModelEntry:
    file = ModelFile(
        name="model.bin",
        size_bytes=len(content) if size_bytes is None else size_bytes,
        sha256=hashlib.sha256(content).hexdigest(),
        sources=sources or (REPO,),
    )
    return ModelEntry(
        name="tiny", role="embedding", engine="onnx", files=(file,), max_tokens=8, licence="MIT"
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "tiny").iterdir()} - {".lock"}


def pull(model: ModelEntry, folder: Path) -> None:
    fetch([model], folder, network=NETWORK)


def test_a_file_comes_through_the_redirect_and_is_verified(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    pull(entry(), tmp_path)
    assert verified(entry(), tmp_path)["model.bin"].read_bytes() == CONTENT
    assert names(tmp_path) == {"model.bin", "verified.json"}


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    pull(entry(), tmp_path)
    before = len(hub.seen)
    pull(entry(), tmp_path)
    assert len(hub.seen) == before


def test_progress_rises_to_the_whole_size_and_names_the_source(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    told: list[tuple[int, int, str]] = []
    fetch([entry()], tmp_path, progress=lambda *now: told.append(now), network=NETWORK)
    done = [now[0] for now in told]
    assert done == sorted(done)
    assert told[-1][:2] == (len(CONTENT), len(CONTENT))
    assert told[-1][2].startswith("tiny: 127.0.0.1:")


def test_a_cut_transfer_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT).cuts = [1_000_000, 500_000]
    pull(entry(), tmp_path)
    ranges = [seen.headers.get("range") for seen in hub.requests("cdn")]
    assert ranges[0] is None
    starts = [int(r.removeprefix("bytes=").removesuffix("-")) for r in ranges[1:] if r]
    assert len(starts) == 2
    assert 0 < starts[0] <= 1_000_000 < starts[1] <= 1_500_000
    assert verified(entry(), tmp_path)["model.bin"].read_bytes() == CONTENT


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(hub: Hub, tmp_path: Path) -> None:
    file = hub.put("owner/repo/model.bin", CONTENT)
    file.cuts = [900_000, 0, 0]
    with pytest.raises(ModelError, match="gave up after 3 attempts"):
        pull(entry(), tmp_path)
    assert names(tmp_path) == {"model.bin.part", "model.bin.part.json"}
    hub.seen.clear()
    pull(entry(), tmp_path)
    assert "range" in hub.requests("cdn")[0].headers
    assert names(tmp_path) == {"model.bin", "verified.json"}


def test_a_server_that_ignores_ranges_is_read_from_the_start(hub: Hub, tmp_path: Path) -> None:
    file = hub.put("owner/repo/model.bin", CONTENT)
    file.cuts, file.ignores_range = [1_000_000], True
    pull(entry(), tmp_path)
    assert verified(entry(), tmp_path)["model.bin"].read_bytes() == CONTENT


def test_without_an_etag_nothing_is_resumed(hub: Hub, tmp_path: Path) -> None:
    file = hub.put("owner/repo/model.bin", CONTENT)
    file.cuts, file.etag = [1_000_000], None
    pull(entry(), tmp_path)
    assert len(hub.seen) > 1
    assert all("range" not in seen.headers for seen in hub.seen)


def test_content_that_changed_between_halves_is_fetched_anew(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", bytes(len(CONTENT))).cuts = [1_000_000, 0, 0]
    with pytest.raises(ModelError):
        pull(entry(), tmp_path)
    hub.put("owner/repo/model.bin", CONTENT)
    pull(entry(), tmp_path)
    assert verified(entry(), tmp_path)["model.bin"].read_bytes() == CONTENT


def test_mixed_halves_of_a_careless_server_are_fetched_anew(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", bytes(len(CONTENT))).cuts = [1_000_000, 0, 0]
    with pytest.raises(ModelError):
        pull(entry(), tmp_path)
    hub.put("owner/repo/model.bin", CONTENT).ignores_if_range = True
    pull(entry(), tmp_path)
    assert verified(entry(), tmp_path)["model.bin"].read_bytes() == CONTENT


def test_wrong_bytes_are_removed_and_both_hashes_named(hub: Hub, tmp_path: Path) -> None:
    wrong = bytes(len(CONTENT))
    hub.put("owner/repo/model.bin", wrong)
    with pytest.raises(ModelError) as caught:
        pull(entry(), tmp_path)
    message = str(caught.value)
    assert hashlib.sha256(CONTENT).hexdigest() in message
    assert hashlib.sha256(wrong).hexdigest() in message
    assert "prismd models pull tiny" in message
    assert names(tmp_path) == set()


@pytest.mark.parametrize("served", [CONTENT[:-1], CONTENT + b"x", b"<html>Sign in</html>"])
def test_a_file_of_another_size_is_refused(hub: Hub, tmp_path: Path, served: bytes) -> None:
    hub.put("owner/repo/model.bin", served)
    with pytest.raises(ModelError, match=f"expected {len(CONTENT)} bytes"):
        pull(entry(), tmp_path)
    assert presence(entry(), tmp_path) == "missing"


def test_a_missing_file_is_asked_for_once(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not there \(404\)"):
        pull(entry(), tmp_path)
    assert len(hub.seen) == 1


def test_a_gated_file_is_asked_for_once_and_the_token_named(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT).token = "secret"
    with pytest.raises(ModelError, match="HF_TOKEN"):
        pull(entry(), tmp_path)
    assert len(hub.seen) == 1


def test_the_token_goes_to_the_endpoint_only(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put("owner/repo/model.bin", CONTENT).token = "secret"
    monkeypatch.setenv("HF_TOKEN", "secret")
    pull(entry(), tmp_path)
    assert hub.requests("endpoint")[0].headers["authorization"] == "Bearer secret"
    elsewhere = hub.requests("cdn")
    assert elsewhere
    assert all("authorization" not in seen.headers for seen in elsewhere)


def test_a_plain_address_never_gets_the_token(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    monkeypatch.setenv("HF_TOKEN", "secret")
    pull(entry(Url(f"{hub.url}/owner/repo/resolve/main/model.bin")), tmp_path)
    assert hub.seen
    assert all("authorization" not in seen.headers for seen in hub.seen)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(hub: Hub, tmp_path: Path, status: int) -> None:
    hub.put("owner/repo/model.bin", CONTENT).statuses = [status, status]
    pull(entry(), tmp_path)
    assert presence(entry(), tmp_path) == "present"


def test_a_stalled_transfer_ends(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT).stalls = True
    network = Network(read_timeout_s=0.2, attempts=2, backoff_s=0.0)
    with pytest.raises(ModelError, match="gave up after 2 attempts"):
        fetch([entry()], tmp_path, network=network)


def test_an_unreachable_hub_yields_to_the_next_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port}")
    mine = tmp_path / "mine.bin"
    mine.write_bytes(CONTENT)
    pull(entry(REPO, LocalPath(str(mine))), tmp_path / "models")
    assert presence(entry(), tmp_path / "models") == "present"


def test_when_no_source_gives_it_every_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port}")
    with pytest.raises(ModelError) as caught:
        pull(entry(REPO, LocalPath("/nowhere/model.bin")), tmp_path)
    assert f"127.0.0.1:{free_port}: not reachable" in str(caught.value)
    assert "/nowhere/model.bin: No such file" in str(caught.value)


def test_a_users_own_file_is_linked_and_never_removed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.bin"
    mine.write_bytes(CONTENT)
    model = entry(LocalPath(str(mine)))
    pull(model, tmp_path / "models")
    mine.write_bytes(CONTENT + b"changed")
    with pytest.raises(ModelError):
        verified(model, tmp_path / "models")
    assert mine.read_bytes() == CONTENT + b"changed"


def test_a_full_disk_is_told_before_the_first_byte(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    with pytest.raises(ModelError, match="make room"):
        pull(entry(size_bytes=1 << 60), tmp_path)
    assert hub.seen == []


def test_a_changed_file_is_hashed_again_and_removed(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    pull(entry(), tmp_path)
    path = tmp_path / "tiny" / "model.bin"
    path.write_bytes(bytes(len(CONTENT)))
    os.utime(path, (1, 1))  # another time than before, however coarse the system's clock is
    with pytest.raises(ModelError, match="damaged and was removed"):
        verified(entry(), tmp_path)
    assert not path.exists()


def test_an_unchanged_file_is_not_hashed_again(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    pull(entry(), tmp_path)
    path = tmp_path / "tiny" / "model.bin"
    before = path.stat()
    path.write_bytes(bytes(len(CONTENT)))
    # Only a file that is not read can pass with other bytes under the same size and time.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verified(entry(), tmp_path)["model.bin"] == path


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="run `prismd models pull tiny`"):
        verified(entry(), tmp_path)


def test_two_processes_fetch_the_same_model_once(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/repo/model.bin", CONTENT)
    code = f"""
        from pathlib import Path
        from prismd.models.entry import HuggingFace, ModelEntry, ModelFile
        from prismd.models.fetch import fetch
        file = ModelFile("model.bin", {len(CONTENT)}, "{hashlib.sha256(CONTENT).hexdigest()}",
                         (HuggingFace("owner/repo", "main", "model.bin"),))
        fetch([ModelEntry("tiny", "embedding", "onnx", (file,), 8, "MIT")], Path({str(tmp_path)!r}))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    results: list[subprocess.CompletedProcess[bytes]] = []

    def run() -> None:
        results.append(subprocess.run(command, capture_output=True, check=False))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.returncode for result in results] == [0, 0, 0], results
    assert len(hub.requests("cdn")) == 1
    assert verified(entry(), tmp_path)["model.bin"].read_bytes() == CONTENT
