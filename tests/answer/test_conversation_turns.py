"""Turns of a conversation to what the newest asks and leans on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.answer.answering import REFUSAL
from prismd.answer.conversation import QUESTION_CHARS, resolve
from prismd.errors import RequestError
from prismd.models.base import Message
from prismd.wording import leans, topic_of
from tests.answer.asking import ask


@pytest.mark.parametrize(
    "turn",
    [
        "How much was it?",
        "And in 2023?",
        "When?",
        "What about bicycles?",
        "Who is she?",
        "Und wann?",
        "Und von wem?",
        "Was kostet dieses?",
        "Et quand ?",
        "¿Y cuándo?",
    ],
)
def test_a_turn_that_says_little_by_itself_leans(turn: str) -> None:
    assert leans(turn)


@pytest.mark.parametrize(
    "turn",
    [
        "When does the library open?",
        "How much is the deposit of the flat in Mill Lane?",
        "Bread and butter prices",
        "Wann öffnet die Bibliothek?",
        "Quand ouvre la bibliothèque ?",
    ],
)
def test_a_turn_that_says_it_all_does_not(turn: str) -> None:
    assert not leans(turn)


def test_a_topic_is_what_is_left_of_a_question() -> None:
    assert topic_of("How long does the ferry to Skye take?") == "ferry to Skye take"
    assert topic_of("And was it 1,150 euros in 2023?") == "1,150 euros in 2023"
    assert topic_of("Who is it?") == ""


def test_a_follow_up_leans_on_all_that_its_question_leaned_on() -> None:
    turns = ask(
        "Who composed the zebra sonata?",
        "Zora did. [1]",
        "Who wrote the report?",
        "Maria Lopez wrote it. [1][2]",
        "How long is it?",
        "It has 48 pages. [3]\n\n**Sources**\n\n- [3] [Report](http://127.0.0.1/c/1)",
        "And when was it sent?",
    ).turns
    asked = resolve(turns)
    (context,) = asked.contexts
    assert context.text == "Who wrote the report? How long is it?"
    assert context.topic.split() == ["wrote", "report", "Maria", "Lopez", "48", "pages"]
    assert context.readings == ("wrote report", "48 pages", "Maria Lopez wrote 48 pages")
    assert asked.said == ("Zora did.", "Maria Lopez wrote it.", "It has 48 pages.")


@pytest.mark.parametrize("reply", ["It depends.", REFUSAL, "> Locker 4711 [1]", ""])
def test_what_was_not_cited_is_no_context(reply: str) -> None:
    (context,) = resolve(ask("Who wrote the report?", reply, "When?").turns).contexts
    assert context.readings == ("wrote report",)


def test_what_was_answered_before_a_thank_you_still_counts() -> None:
    turns = ask("Who wrote the report?", "Lopez did. [1]", "Thanks!", "Ask a question.", "When?")
    (context,) = resolve(turns.turns).contexts
    assert context.readings == ("wrote report", "Lopez")


def test_a_picture_needs_no_words() -> None:
    silent = (Message("user", " "),)
    assert resolve(silent, pictured=True).text == ""
    with pytest.raises(RequestError):
        resolve(silent)


@given(
    st.lists(
        st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=80)),
        max_size=12,
    )
)
def test_any_conversation_is_resolved_or_refused(said: list[tuple[str, str]]) -> None:
    turns = [Message(role, text) for role, text in said]  # type: ignore[arg-type]
    try:
        asked = resolve(turns)
    except RequestError as refused:
        assert refused.param == "messages"
        return
    assert asked.text == [text.strip() for role, text in said if role == "user"][-1]
    assert len(asked.contexts) <= 1
    assert len(asked.text) <= QUESTION_CHARS


@pytest.mark.parametrize(
    ("turn", "asked", "manner"),
    [
        (
            "When does the lease end? Reply in English.",
            "When does the lease end?",
            "Reply in English.",
        ),
        ("Please be brief. Who pays?", "Who pays?", "Please be brief."),
        (
            "Wann endet er? Bitte kurz auf Deutsch.",
            "Wann endet er?",
            "Bitte kurz auf Deutsch.",
        ),
        (
            "Who pays? Answer the boiler question too.",
            "Who pays? Answer the boiler question too.",
            "",
        ),
        ("Reply in English.", "Reply in English.", ""),
        ("In two sentences.", "In two sentences.", ""),
    ],
)
def test_how_an_answer_is_wanted_is_no_part_of_what_is_looked_for(
    turn: str, asked: str, manner: str
) -> None:
    found = resolve([Message("user", turn)])
    assert (found.text, found.manner) == (asked, manner)
    assert sorted(found.whole.split()) == sorted(turn.split())
