"""An encrypted index: nothing that is read, asked or named is in any file that prismd writes."""

from __future__ import annotations

import contextlib
import math
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import docx
import httpx
import pytest
from PIL import Image, ImageDraw, ImageFont

from prismd.encryption import secrecy
from prismd.extract.ocr import tesseract
from prismd.store.database import FILE_NAME
from tests.building import recording, wait_until, write_file
from tests.cli.harness import CONFIG, Daemon, Place
from tests.e2e.writing import files_in, writing_in
from tests.needing import leave_out

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NAMED = ("kumquatfolder", "quetzalfile", "axolotlbroken")
READ = ("zanzibartext", "ocelotpicture", "pangolinscan", "wombatattached", "narwhalspoken")
SENT = ("capybaraupload", "meerkatuploadname", "dugongheard")
ASKED = ("tapirsearch", "okapiquestion", "numbatresponse")
MARKERS = (*NAMED, *READ, *SENT, *ASKED)
OWN = (f"{FILE_NAME}*", "prismd.lock", "token*", "daemon.*", "slots")
_PAGE_BYTES = 4096
_SHARED = Path("/dev/shm")


def drawn(word: str) -> Image.Image:
    image = Image.new("RGB", (1200, 300), "white")
    ImageDraw.Draw(image).text((80, 100), f"The {word} is here", 0, ImageFont.load_default(72))
    return image


def write_corpus(folder: Path) -> None:
    inner = folder / NAMED[0]
    write_file(inner / f"{NAMED[1]}.txt", f"The {READ[0]} stands in the third drawer.")
    write_file(inner / f"{NAMED[2]}.pdf", b"%PDF-1.7\nnothing of a PDF follows")
    drawn(READ[1]).save(folder / "picture.png")
    drawn(READ[2]).save(folder / "scan.pdf", resolution=150)
    attached = docx.Document()
    attached.add_paragraph(f"A {READ[3]} is attached.")
    attached.save(str(folder / "attached.docx"))
    mail = EmailMessage()
    mail["Subject"] = "Minutes"
    mail.set_content("See below.")
    mail.add_attachment(
        (folder / "attached.docx").read_bytes(), maintype="x", subtype="y", filename="a.docx"
    )
    (folder / "attached.docx").unlink()
    write_file(folder / "mail.eml", mail.as_bytes())
    write_file(folder / "talk.wav", recording((0.0, 2.0, f"The {READ[4]} was said.")))


def settings(place: Place, *, encrypted: bool) -> None:
    place.config.write_text(
        CONFIG.replace('generation = "off"', 'generation = "fake"')
        .replace('image = "off"', 'image = "fake"')
        .replace('speech = "off"', 'speech = "fake"')
        + f"""
[storage]
encryption = {str(encrypted).lower()}
key = "file"
key_file = "{place.root}/prism.key"

[log]
level = "debug"
file = "{place.root}/log/prismd.log"
"""
    )


def environment(place: Place) -> dict[str, str]:
    (place.root / "tmp").mkdir(exist_ok=True)
    return {"TMPDIR": str(place.root / "tmp")}


def use(daemon: Daemon) -> None:
    """Everything by which words come in."""
    upload = {"file": (f"{SENT[1]}.txt", f"A {SENT[0]} came.".encode())}
    post(daemon, "/upload", files=upload, params={"wait_s": 60})
    post(daemon, "/search", json={"query": f"{ASKED[0]} drawer"})
    asked: list[Mapping[str, str]] = [{"role": "user", "content": f"Where is the {ASKED[1]}?"}]
    post(daemon, "/v1/chat/completions", json={"model": "prism", "messages": asked})
    post(daemon, "/v1/responses", json={"model": "prism", "input": f"Is {ASKED[2]} there?"})
    heard = {"file": ("a.wav", recording((0.0, 2.0, f"One {SENT[2]}.")))}
    post(daemon, "/v1/audio/transcriptions", files=heard, data={"model": "fake"})
    daemon.await_idle()


def post(daemon: Daemon, path: str, **given: Any) -> httpx.Response:
    response = daemon.client.post(path, **given)
    assert response.is_success, (path, response.text)
    return response


def written(place: Place) -> Iterator[Path]:
    """Every file that this prismd may have written."""
    own = [place.folder, place.config]
    for path in files_in((place.root, _SHARED)):
        if not any(path.is_relative_to(given) for given in own):
            yield path


def found(place: Place) -> dict[str, set[str]]:
    """The markers that stand in files, and in which."""
    there: dict[str, set[str]] = {}
    for path in written(place):
        try:
            content = path.read_bytes().lower()
        except OSError:  # another program's, in the shared folder
            continue
        for marker in MARKERS:
            if marker.encode() in content or marker.encode("utf-16-le") in content:
                there.setdefault(marker, set()).add(path.name)
    return there


@pytest.fixture
def full(place: Place) -> Iterator[Place]:
    if tesseract.engine() is None:
        leave_out("Tesseract is not installed")
    write_corpus(place.folder)
    yield place
    for aside in secrecy.in_use(place.data_dir):  # what a killed one leaves, the next one finds
        shutil.rmtree(aside)


def test_without_encryption_the_search_for_words_finds_them(full: Place) -> None:
    settings(full, encrypted=False)
    with full.daemon(env=environment(full)) as daemon:
        daemon.await_idle()
        use(daemon)
        assert list((full.data_dir / "slots").glob("prismd-*")) != []
        assert daemon.stop() == 0
    assert list((full.data_dir / "slots").glob("prismd-*")) == []
    assert found(full).keys() == set(MARKERS) - {SENT[2]}  # that one was never to be kept
    assert "prismd.log" in found(full)[NAMED[2]]


@contextlib.contextmanager
def seeing_writes(place: Place, env: Mapping[str, str]) -> Iterator[None]:
    """See that nothing is written but the index, the log, and what is needed to run.

    Not even for a moment, by whatever name: in no folder but those in memory. All of the index's
    process is told where temporary files go, and where its user is at home.
    """
    if sys.platform != "linux":
        yield
        return
    place.data_dir.mkdir(mode=0o700, exist_ok=True)
    folders = [place.root, place.data_dir, place.root / "home", Path(env["TMPDIR"])]
    with writing_in(folders) as writing:
        yield
        strange = {path for path in writing.seen() if not is_prismds(place, path)}
    assert strange == set()


def is_prismds(place: Place, path: Path) -> bool:
    """Whether a file is one of those that prismd is to write, or their folder."""
    if path.parent == place.data_dir:
        return any(fnmatch(path.name, known) for known in OWN)
    is_key = path.parent == place.root and fnmatch(path.name, "prism.key*")
    return is_key or path in {place.log, place.root / "log"}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_no_file_has_a_word_or_a_name_of_an_encrypted_index(
    full: Place, end: signal.Signals
) -> None:
    settings(full, encrypted=True)
    with seeing_writes(full, environment(full)), full.daemon(env=environment(full)) as daemon:
        wait_until(lambda: bool(daemon.status()["files"]["total"]))
        assert found(full) == {}  # while files are read
        daemon.await_idle()
        use(daemon)
        names = {f"{NAMED[1]}.txt", "picture.png", "scan.pdf", "mail.eml", "talk.wav"}
        assert {name for word in READ for name in daemon.finds(word)} == names
        assert daemon.finds(SENT[0]) == [f"{SENT[1]}.txt"]
        assert found(full) == {}
        daemon.stop(end)
    assert found(full) == {}
    log = (full.root / "log" / "prismd.log").read_text()
    assert "file " in log
    assert "ExtractError (broken)" in log
    for path in full.data_dir.glob(f"{FILE_NAME}*"):
        assert not path.read_bytes().startswith(b"SQLite format 3")
    assert full.root.joinpath("prism.key").stat().st_mode & 0o077 == 0
    # Whoever has the key has everything.
    assert f"{NAMED[1]}.txt" in full.run("search", READ[0])
    assert READ[1] in full.run("search", READ[1]).lower()


def test_pages_look_like_chance(full: Place) -> None:
    settings(full, encrypted=True)
    full.run("index", full.folder)
    content = (full.data_dir / FILE_NAME).read_bytes()
    for start in range(0, len(content), _PAGE_BYTES):
        counts = Counter(content[start : start + _PAGE_BYTES]).values()
        bits = -sum(n / _PAGE_BYTES * math.log2(n / _PAGE_BYTES) for n in counts)
        assert bits > 7.9, start // _PAGE_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_child_is_told_the_key(full: Place) -> None:
    settings(full, encrypted=True)
    with full.daemon(env=environment(full)) as daemon:
        daemon.await_idle()
        key = full.run("key", "show").strip().encode()
        assert len(key) == 64
        children = daemon.children()
        assert children
        for pid in (daemon.process.pid, *(child.pid for child in children)):
            for about in ("environ", "cmdline"):
                content = Path(f"/proc/{pid}/{about}").read_bytes().lower()
                assert key not in content
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert "Max core file size        0 " in limits
            assert int(Path(f"/proc/{pid}/coredump_filter").read_text(), 16) == 0
        for child in children:
            for descriptor in Path(f"/proc/{child.pid}/fd").iterdir():
                assert descriptor.readlink().name not in (FILE_NAME, "prism.key")
