"""Whether one question finds the same fact in four kinds of files, and each citation its place.

    PYTHONPATH=scripts python -m tests.benchmarks.four_kinds --screenshots FOLDER

Makes a document, a scanned page, a screenshot of a chat and a recording that all say the same, and
as many files that do not; has a daemon of its own index them; asks once, and looks where each
citation leads: into the paragraph, onto the words (known from how they were drawn), to the second
(known from how the recording was put together). With ``--screenshots`` a Chromium shows each
citation's page and its picture is kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docx
import httpx
from PIL import ImageDraw

import demo
from record_speech import SENTENCES
from sample_files import RECORDING, VOICE_MESSAGE, Spot, about
from sample_pictures import Line, sheet, write_scan

QUESTION = "When does the piano tuner come?"
FACT = next(sentence for sentence in SENTENCES if "piano tuner" in sentence)
DECIDING = "Thursday"
HEADING = "Before the summer concert"

LARGEST_SHARE = 0.1
"""Of the page or picture; more than that, and a box marks nothing."""

_BROWSER_DEADLINE_S = 60
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Source:
    """A file that says the fact, and the place where it does."""

    name: str
    kind: str
    spot: Spot
    heading: str = ""


def write(folder: Path) -> tuple[Source, ...]:
    """Make the four files and four others."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_others(folder)
    shutil.copyfile(RECORDING, folder / "message.opus")
    return (
        _write_document(folder / "minutes.docx"),
        _write_scan(folder / "letter.pdf"),
        _write_screenshot(folder / "chat.png"),
        Source("message.opus", "time", about(VOICE_MESSAGE).spot),
    )


def _write_document(path: Path) -> Source:
    document = docx.Document()
    document.add_heading("Minutes of the choir, 3 June", level=1)
    document.add_paragraph("Nine members were there. The treasurer read out the accounts.")
    document.add_heading(HEADING, level=2)
    document.add_paragraph(f"{FACT} The chairs are set up on Friday after the rehearsal.")
    document.add_heading("Any other business", level=2)
    document.add_paragraph("The coffee machine in the parish hall is to be descaled.")
    document.save(str(path))
    return Source(path.name, "text", Spot(), HEADING)


def _write_scan(path: Path) -> Source:
    texts = ["St. Olave's Parish Hall", "Dear neighbours,", "the hall is closed this week. " + FACT]
    texts += ["We ask you to keep the yard free for his car.", "With kind regards, the warden"]
    lines = [Line(text, 150, 300 + 130 * at, 38) for at, text in enumerate(texts)]
    page = sheet((1654, 2339), "white", "black", lines)
    place = write_scan(path, page, dpi=200, askew_degrees=-0.8)
    return Source(path.name, "page", Spot(page=1, box=place(page.box(DECIDING))))


def _write_screenshot(path: Path) -> Source:
    said = ["Anna: Is the hall free this week?", f"Ben: {FACT}", "Anna: Then we sing outside."]
    lines = [Line(text, 60, 130 + 90 * at, 26) for at, text in enumerate(said)]
    window = sheet((1000, 480), "#f4f4f6", "#1b1b1f", [Line("Choir", 60, 24, 30), *lines])
    draw = ImageDraw.Draw(window.image)
    draw.line((0, 84, 1000, 84), "#c8c8d0", 2)
    window.image.save(path)
    return Source(path.name, "image", Spot(box=window.box(DECIDING)))


def _write_others(folder: Path) -> None:
    for name, text in (
        (
            "garden.md",
            "# Garden\n\nThe tomatoes are watered every evening, the roses twice a week.",
        ),
        ("car.txt", "The car passed its inspection on 4 March. The next one is due in two years."),
        ("library.txt", "The library opens on Monday at ten. Books are lent for four weeks."),
        ("bakery.md", "# Bakery\n\nRye bread on Wednesday and Saturday, cake on Sunday only."),
    ):
        (folder / name).write_text(text + "\n", encoding="utf-8")


def faults(source: Source, citations: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with how a file is cited."""
    mine = [citation for citation in citations if Path(citation["path"]).name == source.name]
    if not mine:
        yield "is not cited"
        return
    for citation in mine:
        locator = citation["locator"]
        if locator["kind"] != source.kind:
            yield f"is cited by {locator['kind']}, not by {source.kind}"
        elif not demo.leads_to(locator, source.spot):
            yield f"is cited at {demo.place(locator)}, but says it at {source.spot}"
        elif marked_share(locator) > LARGEST_SHARE:
            yield f"is cited by boxes over {marked_share(locator):.0%} of it"
        elif source.heading and source.heading not in locator["heading"]:
            yield f"is cited under {locator['heading']}, not under {source.heading}"
        if DECIDING not in citation["quote"]:
            yield f"is quoted without {DECIDING}: {citation['quote']}"


def marked_share(locator: dict[str, Any]) -> float:
    """The share of the page or picture that the boxes mark; 0 where there are none."""
    unit = {"page": "pt", "image": "px"}.get(locator["kind"])
    if unit is None:
        return 0.0
    marked = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in locator["boxes"])
    whole: float = locator[f"width_{unit}"] * locator[f"height_{unit}"]
    return float(marked / whole)


def ask(client: httpx.Client) -> dict[str, Any]:
    """The answer of the chat endpoint."""
    body = {"model": "prism", "messages": [{"role": "user", "content": QUESTION}]}
    reply = client.post("/v1/chat/completions", json=body).raise_for_status().json()
    print(f"? {QUESTION}\n  {reply['choices'][0]['message']['content']}")
    found: dict[str, Any] = reply["prism"]
    return found


def keep_pictures(
    client: httpx.Client, citations: list[dict[str, Any]], folder: Path, browser: str
) -> None:
    """Have a browser draw each citation's page."""
    folder.mkdir(parents=True, exist_ok=True)
    for citation in citations:
        target = httpx.URL(citation["url"]).raw_path.decode()
        link = client.post("/login-link", params={"next": target}).raise_for_status().json()
        picture = folder / f"{citation['n']}-{Path(citation['path']).stem}.png"
        with tempfile.TemporaryDirectory() as profile:
            command = [browser, "--headless", "--disable-gpu", "--hide-scrollbars"]
            # Chromium keeps no sandbox for root, and says so by not starting.
            command += ["--no-sandbox"] if os.geteuid() == 0 else []
            command += [f"--user-data-dir={profile}", "--window-size=1000,1300"]
            command += ["--virtual-time-budget=8000", f"--screenshot={picture}", link["url"]]
            subprocess.run(command, check=True, capture_output=True, timeout=_BROWSER_DEADLINE_S)
        print(f"  {picture}")


def measure(
    folder: Path, port: int, show: Callable[[httpx.Client, list[dict[str, Any]]], None]
) -> int:
    """Index, ask and check; returns how many of the four are not cited as they should be."""
    sources = write(folder / "files")
    (folder / "config.toml").write_text("")
    environment = {
        **os.environ,
        "PRISMD_CONFIG": str(folder / "config.toml"),
        "PRISMD_DATA_DIR": str(folder / "data"),
        "PRISMD_PORT": str(port),
    }
    address = f"http://127.0.0.1:{port}"
    with (
        demo.daemon(folder / "files", environment) as process,
        httpx.Client(base_url=address, timeout=300, trust_env=False) as client,
    ):
        demo.wait_until_up(process, client)
        token = subprocess.run(
            [demo.PRISMD, "token"], env=environment, capture_output=True, text=True, check=True
        )
        client.headers["Authorization"] = f"Bearer {token.stdout.strip()}"
        demo.wait_until_indexed(client)
        citations = ask(client)["citations"]
        for citation in citations:
            where = demo.place(citation["locator"])
            print(f"    [{citation['n']}] {Path(citation['path']).name}, {where}")
            print(f"        “{citation['quote']}”  ({citation['support']})")
        wrong = 0
        for source in sources:
            problems = list(faults(source, citations))
            wrong += bool(problems)
            print(f"{source.name:14}{'; '.join(problems) or 'cited, and the place is right'}")
        show(client, citations)
    return wrong


def main() -> int:
    """Run the measurement; 0 if all four are cited at their places."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, help="keep files and index here")
    parser.add_argument("--port", type=int, help="the daemon's port")
    parser.add_argument("--screenshots", type=Path, help="where to keep pictures of the pages")
    parser.add_argument("--browser", help="the Chromium that draws them")
    options = parser.parse_args()
    browser = options.browser or next(filter(None, map(shutil.which, _BROWSERS)), "")
    if options.screenshots and not browser:
        parser.error("no Chromium found; name one with --browser")

    def show(client: httpx.Client, citations: list[dict[str, Any]]) -> None:
        if options.screenshots:
            keep_pictures(client, citations, options.screenshots, browser)

    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        return 1 if measure(folder, options.port or demo.choose_port(), show) else 0


if __name__ == "__main__":
    sys.exit(main())
