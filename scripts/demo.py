"""Shows prismd at work: sample files, a daemon of its own, questions, cited answers."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import platformdirs

import sample_files
import sample_pictures
from sample_files import QUESTIONS, Question, Spot

PRISMD = Path(sys.executable).parent / "prismd"
USUAL_PORT = 7776
START_DEADLINE_S = 60
INDEX_DEADLINE_S = 600
STOP_DEADLINE_S = 20

COVERED = 0.7
"""The share of the deciding words' box that a cited box has to cover: letters are not boxes."""
SECONDS_OFF = 1.0


class DemoError(Exception):
    """Something that makes it pointless to go on; the message is for a person."""


def prepare() -> tuple[Path, dict[str, str]]:
    """Make the sample files and an environment that leads to nothing but them.

    Returns:
        The folder of the files, and the environment for every prismd command.
    """
    # Other sample files are other folders, so that an old index is never mixed with them; nor is
    # one that was made without a program that is there now.
    made_from = (sample_files.__file__, sample_pictures.__file__, sample_files.RECORDING)
    contents = [Path(path).read_bytes() for path in made_from]
    contents += [lacking(question).encode() for question in QUESTIONS]
    edition = hashlib.sha256(b"\0".join(contents)).hexdigest()[:8]
    home = platformdirs.user_data_path("prismd-sample") / edition
    files = home / "files"
    files.mkdir(parents=True, exist_ok=True)
    sample_files.write(files)
    settings = home / "config.toml"
    settings.write_text("# Empty on purpose: the sample takes nothing from your settings.\n")
    environment = {
        **os.environ,
        "PRISMD_CONFIG": str(settings),
        "PRISMD_DATA_DIR": str(home / "data"),
    }
    return files, environment


def choose_port() -> int:
    """The usual port if nothing listens there, else any free one."""
    for port in (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")


@contextmanager
def daemon(files: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A running daemon, which is gone when the block ends, however it ends."""
    process = subprocess.Popen([PRISMD, "run", files], env=environment, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        # Ctrl-C has reached the daemon as well; a second signal does no harm.
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    """Wait for the first answer of ``/health``."""
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"the daemon ended with status {process.returncode}; see above")
        try:
            if client.get("/health").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise DemoError(f"the daemon did not answer within {START_DEADLINE_S} s")


def wait_until_indexed(client: httpx.Client) -> None:
    """Wait until every file is read and every passage has its vector; say how it goes."""
    deadline = time.monotonic() + INDEX_DEADLINE_S
    before = ""
    while time.monotonic() < deadline:
        status = client.get("/status").raise_for_status().json()
        files = status["files"]
        done = files["total"] - files["pending"] - files["processing"]
        line = (
            f"  {done} of {files['total']} files read, "
            f"{status['passages_embedded']} of {status['passages']} passages embedded"
        )
        if line != before:
            print(line, flush=True)
        before = line
        # The first sweep may not have seen the files yet: no file at all is not "done".
        embedded = status["passages_embedded"] >= status["passages"] > 0
        if status["state"] == "idle" and done == files["total"] > 0 and embedded:
            return
        time.sleep(0.3)
    raise DemoError(f"indexing did not end within {INDEX_DEADLINE_S} s")


def ask(client: httpx.Client, question: Question, files: Path) -> list[str]:
    """Ask one question, print the answer with its citations, return what is wrong with it."""
    body = {"model": "prism", "messages": [{"role": "user", "content": question.text}]}
    reply = client.post("/v1/chat/completions", json=body).raise_for_status().json()
    text = reply["choices"][0]["message"]["content"]
    citations = reply["prism"]["citations"]
    grounding = reply["prism"]["grounding"]
    print(f"\n? {question.text}\n  {text.strip()}")
    for citation in citations:
        path = Path(citation["path"])
        name = path.relative_to(files) if path.is_relative_to(files) else path
        print(f"    [{citation['n']}] {name}, {place(citation['locator'])}")
        print(f"        “{' '.join(citation['quote'].split())}”  ({citation['support']})")
    return list(faults(question, text, citations, grounding))


def faults(
    question: Question, text: str, citations: list[dict[str, Any]], grounding: str
) -> Iterator[str]:
    """What an answer lacks."""
    if not question.file:
        if citations or grounding != "none":
            yield "the files do not answer this, and it was not refused"
        return
    places = [c["locator"] for c in citations if c["path"].endswith(question.file)]
    if not places:
        yield f"{question.file} is not cited"
    elif not any(leads_to(locator, question.spot) for locator in places):
        yield f"{question.file} is cited, but not the place where it says so"
    said = " ".join([text, *(citation["quote"] for citation in citations)])
    plain = " ".join(said.split()).casefold()
    for expected in question.expected:
        if expected.casefold() not in plain:
            yield f"“{expected}” does not occur"


def leads_to(locator: dict[str, Any], spot: Spot) -> bool:
    """Whether a citation's place is the one that is looked for."""
    if spot.page is not None and locator.get("page") != spot.page:
        return False
    if spot.second is not None:
        start_s: float = locator.get("start_s", float("inf"))
        return abs(start_s - spot.second) <= SECONDS_OFF
    if spot.box is None:
        return True
    left, top, right, bottom = spot.box
    boxes: list[sample_pictures.Box] = locator.get("boxes", [])
    return any(
        max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, bottom) - max(y0, top))
        >= COVERED * (right - left) * (bottom - top)
        for x0, y0, x1, y1 in boxes
    )


def place(locator: dict[str, Any]) -> str:
    """A locator in words."""
    if locator["kind"] == "time":
        return f"{clock(locator['start_s'])} to {clock(locator['end_s'])}"
    if locator["kind"] in ("page", "image"):
        boxes = ", ".join(
            "(" + " ".join(f"{side:.0f}" for side in box) + ")" for box in locator["boxes"]
        )
        where = f"page {locator['page']}, " if locator["kind"] == "page" else ""
        return f"{where}box {boxes}"
    first, last = locator["line_start"], locator["line_end"]
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    return ", ".join([*locator.get("heading", ()), lines])


def clock(seconds: float) -> str:
    """A moment of a recording, to a tenth of a second."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}"


def demonstrate(client: httpx.Client, files: Path) -> int:
    """Ask all questions that can be answered here; returns how many were answered wrongly."""
    asked = failed = 0
    for question in QUESTIONS:
        if program := lacking(question):
            print(f"\n? {question.text}\n  (not asked: {program} is not installed)")
            continue
        asked += 1
        problems = ask(client, question, files)
        for problem in problems:
            print(f"  ! {problem}")
        failed += bool(problems)
    print(f"\n{asked - failed} of {asked} questions answered as they should be.")
    return failed


def lacking(question: Question) -> str:
    """The program that is missing to read the file that a question is about."""
    return question.needs if question.needs and not shutil.which(question.needs) else ""


def main() -> int:
    """Run the demonstration; 0 if every answer was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the answers")
    parser.add_argument("--port", type=int, help="the daemon's port")
    options = parser.parse_args()
    port = options.port or choose_port()
    files, environment = prepare()
    environment["PRISMD_PORT"] = str(port)
    address = f"http://127.0.0.1:{port}"
    print(f"Sample files: {files}\nStarting prismd on {address} …", flush=True)
    # trust_env: a proxy of the user's has no business between this and the loopback interface.
    with (
        daemon(files, environment) as process,
        httpx.Client(base_url=address, timeout=300, trust_env=False) as client,
    ):
        wait_until_up(process, client)
        command = [str(PRISMD), "token"]
        shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        client.headers["Authorization"] = f"Bearer {shown.stdout.strip()}"
        wait_until_indexed(client)
        failed = demonstrate(client, files)
        if not options.once:
            print(f"\nServing the sample files on {address}; stop with Ctrl-C.", flush=True)
            return process.wait()
    return 1 if failed else 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(f"demo: {' '.join(map(str, error.cmd))} failed: {error.stderr.strip()}")
    except (DemoError, httpx.HTTPError, KeyError) as error:
        sys.exit(f"demo: {error}")
