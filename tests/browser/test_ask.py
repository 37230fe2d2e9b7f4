"""Asking on the page: the answer as it comes, and what it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import Opens
from tests.browser.harness import PHONE, WIDE, Window
from tests.browser.samples import DEPOSIT, DEPOSIT_PAGE, HOSTILE, TURNED, VALVE
from tests.building import wait_until
from tests.cli.harness import Daemon, Place
from tests.models.openai_server import OpenAIServer

pytestmark = pytest.mark.browser


def ask(window: Window, question: str) -> Locator:
    """Ask by the keyboard; returns the turn."""
    box = window.page.get_by_role("textbox", name="Ask or search your files")
    box.fill(question)
    box.press("Enter")
    return window.page.get_by_role("article").last


def test_an_answer_comes_with_its_sources(window: Window) -> None:
    turn = ask(window, DEPOSIT.rstrip("."))
    expect(turn.get_by_role("heading")).to_have_text(DEPOSIT.rstrip("."))
    expect(turn).to_contain_text(DEPOSIT)
    expect(turn).to_contain_text("every sentence has a source")
    source = turn.get_by_role("list", name="Sources").get_by_role("button").first
    expect(source).to_have_accessible_name(re.compile(rf"^Source 1\b.*page {DEPOSIT_PAGE}"))
    expect(source).to_contain_text(DEPOSIT)
    mark = turn.get_by_role("button", name=re.compile("^Source 1")).first
    expect(mark).to_have_text("1")
    window.keep_screenshot("answer")


def test_what_the_files_do_not_say_is_said_in_words(window: Window) -> None:
    turn = ask(window, "zyzzyva quokka umbrage?")
    expect(turn).to_contain_text("Your files do not say")
    expect(turn.get_by_role("list", name="Sources")).to_have_count(0)
    window.keep_screenshot("answer-none")


def test_a_conversation_goes_on_until_a_new_question_clears_it(window: Window) -> None:
    ask(window, DEPOSIT.rstrip("."))
    expect(window.page.get_by_role("list", name="Sources")).to_have_count(1)
    ask(window, VALVE.rstrip("."))
    expect(window.page.get_by_role("article")).to_have_count(2)
    expect(window.page.get_by_role("list", name="Sources")).to_have_count(2)
    window.page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    expect(window.page.get_by_role("heading", level=1)).to_have_text("Settings")
    window.page.go_back()
    expect(window.page.get_by_role("article")).to_have_count(2)
    window.page.get_by_role("button", name="New question").click()
    expect(window.page.get_by_role("article")).to_have_count(0)


@pytest.mark.parametrize(
    "question", ["<img src=x onerror=alert(1)> badger Prudence?", HOSTILE.rstrip(".")]
)
def test_questions_and_answers_are_text(window: Window, question: str) -> None:
    turn = ask(window, question)
    expect(turn.get_by_role("heading")).to_have_text(question)
    expect(turn).to_have_attribute("aria-busy", "false")
    expect(turn.locator("script, img[src=x]")).to_have_count(0)


def test_shift_enter_makes_a_line_and_enter_asks(window: Window) -> None:
    box = window.page.get_by_role("textbox", name="Ask or search your files")
    box.fill("lantern")
    box.press("Shift+Enter")
    box.press_sequentially("evening")
    expect(box).to_have_value("lantern\nevening")
    expect(window.page.get_by_role("article")).to_have_count(0)
    box.press("Enter")
    expect(window.page.get_by_role("article")).to_have_count(1)


def test_the_end_of_an_answer_is_told_to_a_screen_reader_once(window: Window) -> None:
    said = window.page.locator("#announcer")
    ask(window, TURNED.rstrip("."))
    expect(said).to_have_text(re.compile("^Answer finished. .*1 source"))


def test_an_answer_is_seen_with_its_sources_however_many_were_before(window: Window) -> None:
    page = window.page
    for size in (PHONE, WIDE, (1280, 500)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for number, sentence in enumerate((DEPOSIT, VALVE, TURNED, DEPOSIT), 1):
            turn = ask(window, sentence.rstrip("."))
            expect(page.get_by_role("article")).to_have_count(number)
            expect(turn).to_have_attribute("aria-busy", "false")
            assert seen(window) == {"question": True, "verdict": True, "sources": True}, size
        window.keep_screenshot(f"answer-fourth-{size[0]}x{size[1]}")
        page.get_by_role("button", name="New question").click()


def seen(window: Window) -> dict[str, bool]:
    """Which parts of the last turn lie within the window, and above the box."""
    found: dict[str, bool] = window.page.evaluate(
        """() => {
            const turn = [...document.querySelectorAll("article")].at(-1);
            const box = document.querySelector(".composer").getBoundingClientRect().top;
            const within = (selector) => {
                const {top, bottom} = turn.querySelector(selector).getBoundingClientRect();
                return top >= 0 && bottom <= box;
            };
            return {
                question: within("h2"), verdict: within(".grounding"), sources: within(".sources"),
            };
        }"""
    )
    return found


@pytest.fixture(scope="module")
def engine() -> Iterator[OpenAIServer]:
    """A generator that says one word, and then nothing until it is left."""
    with OpenAIServer() as engine:
        engine.behaviour.hold = True
        yield engine


@pytest.fixture(scope="module")
def slow(engine: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with that generator."""
    place = Place(tmp_path_factory.mktemp("slow"))
    place.write("valve.txt", VALVE)
    settings = {"PRISMD_GENERATION_BASE_URL": engine.base_url, "PRISMD_GENERATION_MODEL": "held"}
    with place.daemon(env=settings) as daemon:
        daemon.await_idle()
        yield daemon


def test_words_are_shown_as_they_come_and_stop_ends_the_engines_work(
    opens: Opens, engine: OpenAIServer, slow: Daemon
) -> None:
    with opens(slow) as window:
        window.sign_in()
        turn = ask(window, f"{VALVE.rstrip('.')}?")
        wait_until(engine.arrived.is_set)
        expect(turn).to_have_attribute("aria-busy", "true")
        expect(turn).to_contain_text("The")
        window.keep_screenshot("answer-coming")
        window.page.get_by_role("button", name="Stop").click()
        expect(turn).to_contain_text("What was written until then has not been checked")
        expect(turn).to_have_attribute("aria-busy", "false")
        expect(window.page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
        wait_until(engine.hung_up.is_set)
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        window.page.route("**/v1/chat/completions", hold)
        turn.get_by_role("button", name="Ask again").click()
        expect(turn).to_have_count(1)
        expect(turn).to_have_attribute("aria-busy", "true")
        window.page.get_by_role("button", name="Stop").click()
        expect(turn).to_contain_text("Stopped before anything was written.")


def test_the_button_asks_again_when_an_answer_was_cleared_away(
    opens: Opens, engine: OpenAIServer, slow: Daemon
) -> None:
    engine.arrived.clear()
    with opens(slow) as window:
        window.sign_in()
        ask(window, f"{VALVE.rstrip('.')}?")
        wait_until(engine.arrived.is_set)
        expect(window.page.get_by_role("button", name="Stop")).to_be_visible()
        window.page.get_by_role("radio", name="Search").check(force=True)
        window.page.get_by_role("textbox", name="Ask or search").fill("valve")
        window.page.get_by_role("button", name="Search", exact=True).click()
        expect(window.page.get_by_text("valve.txt").first).to_be_visible()
        window.page.get_by_role("radio", name="Ask").check(force=True)
        expect(window.page.get_by_role("article")).to_have_count(1)
        window.page.get_by_role("button", name="New question").click()
        expect(window.page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
        expect(window.page.get_by_role("article")).to_have_count(0)


def test_who_scrolls_up_while_an_answer_comes_stays_there(
    opens: Opens, engine: OpenAIServer, slow: Daemon
) -> None:
    with opens(slow, size=(1280, 400)) as window:
        window.sign_in()
        page = window.page
        stop = page.get_by_role("button", name="Stop")
        for number in (1, 2):
            engine.arrived.clear()
            turn = ask(window, f"{VALVE.rstrip('.')}?")
            expect(page.get_by_role("article")).to_have_count(number)
            wait_until(engine.arrived.is_set)
            expect(turn).to_contain_text("The")
            expect(turn.get_by_role("heading")).to_be_in_viewport(ratio=1)
            if number == 1:
                stop.click()
                expect(turn).to_contain_text("Stopped")
        came_to = page.evaluate("scrollY")
        page.mouse.move(640, 100)
        page.mouse.wheel(0, -150)
        wait_until(lambda: page.evaluate("scrollY") == came_to - 150)
        stop.click()
        expect(turn).to_contain_text("Stopped")
        assert page.evaluate("scrollY") == came_to - 150


def test_a_failing_engine_is_told_in_the_servers_words_and_asked_again(
    opens: Opens, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.write("valve.txt", VALVE)
    with OpenAIServer() as engine:
        engine.behaviour.status, engine.behaviour.error = 500, {"error": {"message": "on fire"}}
        url = {"PRISMD_GENERATION_BASE_URL": engine.base_url, "PRISMD_GENERATION_MODEL": "x"}
        with place.daemon(env=url) as daemon, opens(daemon) as window:
            daemon.await_idle()
            window.expect_fault("status of 5")
            window.sign_in()
            turn = ask(window, f"{VALVE.rstrip('.')}?")
            expect(turn.get_by_role("alert")).to_contain_text("on fire")
            window.keep_screenshot("answer-failed")
            engine.behaviour.status = 200
            turn.get_by_role("button", name="Ask again").click()
            expect(window.page.get_by_role("article").last).to_contain_text(VALVE)
