from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.answer.citation import source
from prismd.answer.evidence import Evidence
from prismd.answer.verbatim import matches, phrase_of
from prismd.domain import Hit, Locator, Passage, TextLocator, TimeLocator

PROMPTS = "Please hold the line. To play the next message, press 6. For help, press the star key."


def evidence(*texts: str, heard: bool = False) -> list[Evidence]:
    found = []
    for n, text in enumerate(texts, start=1):
        place: Locator = TimeLocator(0.0, 9.0) if heard else TextLocator(1, 1, 0, len(text))
        passage = Passage(0, 0, len(text), text, (), place, 9)
        row = (n, n, n, f"/d/{n}", "s", "text", "text/plain", "", "", 0.0)
        found.append(Evidence(source(n, text), Hit(*row, passage, 0.0, 0.0)))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("asked", "phrase"),
    [
        ('Where is it said: "press the star key"?', "press the star key"),
        ("Wo steht „bitte nicht auflegen“?", "bitte nicht auflegen"),
        ("please hold the line", "please hold the line"),
        ("When does the lease end?", ""),
        ("When does the lease end? ", ""),
        ('What is a "walrus"?', ""),
        ("lease end date", ""),
        ('What is the price of the "Acme Super Widget"?', ""),
        ('Who wrote "It was a bright cold day in April"?', ""),
        ("Was kostet das „Acme Super Widget“?", ""),
        ('On which page of the document is "press the star key" written?', "press the star key"),
        ("how do I reset my password", ""),
        ("wie lange dauert die Lieferung", ""),
        ("is the contract signed by both", ""),
        ("has never been surpassed", "has never been surpassed"),
        ("怎么 重置 我的 密码", ""),
        ("please hold the line\uff1f", ""),
        ('Which 19" monitor or the 24" screen is better?', ""),
        ('Is the 19" screen or "hold the line please" said', ""),
        ('find "press the star key" on a 24" screen', ""),
        ("Wo steht »bitte nicht auflegen«?", "bitte nicht auflegen"),
        ("Wo steht ‚bitte nicht auflegen‘?", "bitte nicht auflegen"),
        ("Où est écrite « merci de patienter ici »", "merci de patienter ici"),
        ("Where is it said: ‘please don’t hang up’?", "please don’t hang up"),
        ("“short one” or “please hold the line”", "please hold the line"),
        ("哪里说过「今天北京的天气很好」？", "今天北京的天气很好"),
        ("《今天北京的天气很好》在哪里", "今天北京的天气很好"),
        ("“今天北京的天气很好”出现在哪个文件里？", "今天北京的天气很好"),
        ("『今日はとても良い天気です』はどこに書いてありますか", "今日はとても良い天気です"),
        ("谁写的《红楼梦》", ""),
        ("《北京城市总体规划》的预算是多少？", ""),
        ("今天北京的天气很好", "今天北京的天气很好"),
        ("今天 北京", ""),
        ("", ""),
    ],
)
def test_what_is_quoted_or_asks_nothing_is_looked_for_as_it_is(asked: str, phrase: str) -> None:
    assert phrase_of(asked) == phrase


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("please hold the line", "Please hold the line."),
        ("pleas hold te line", "Please hold the line."),
        ("for help press the star", "For help, press the star key."),
        ("next message press 6", "To play the next message, press 6."),
        ("the line to play the next", "Please hold the line. To play the next message, press 6."),
    ],
)
def test_a_phrase_is_quoted_with_its_sentences(phrase: str, text: str) -> None:
    ((match,),) = matches(phrase, evidence(PROMPTS))
    assert match.text == text


def test_a_phrase_of_a_script_without_blanks_is_quoted_with_its_sentence() -> None:
    text = "我们昨天到了。今天北京的天气很好。明天回家。"
    ((match,),) = matches("今天北京天气很好", evidence(text))
    assert match.text == "今天北京的天气很好。"


def test_what_is_heard_is_quoted_from_the_first_word_of_the_phrase() -> None:
    ((match,),) = matches("the next message", evidence(PROMPTS, heard=True))
    assert match.text == "… the next message, press 6."
    assert PROMPTS[match.start :].startswith("the next message")


@pytest.mark.parametrize(
    "phrase", ["to play the next message press 9", "please open the door now", "?!", "xyz xyz xyz"]
)
def test_what_is_not_said_is_not_found(phrase: str) -> None:
    assert matches(phrase, evidence(PROMPTS)) == []


FAQ = "## How do I reset my password\n\nPress Reset. Who pays the annual fee here?"


@pytest.mark.parametrize("phrase", ["do I reset my password", "who pays the annual fee here"])
def test_headings_and_questions_are_found_only_where_they_are_quoted(phrase: str) -> None:
    assert matches(phrase, evidence(FAQ))
    assert matches(phrase, evidence(FAQ), statements_only=True) == []


def test_marks_of_the_source_are_no_marks_of_the_answer() -> None:
    text = "The bridge was designed in 1871, as shown by Miller [7] and others [1]."
    ((match,),) = matches("the bridge was designed in 1871", evidence(text))
    assert match.text == "The bridge was designed in 1871, as shown by Miller and others."


def test_a_statement_of_several_files_is_quoted_once() -> None:
    found = matches("please hold the line", evidence(PROMPTS, "Nothing.", "please hold the line"))
    assert [[match.evidence.source.n for match in group] for group in found] == [[1, 3]]


@given(st.text(max_size=60), st.text(max_size=200))
def test_whatever_is_asked_a_match_lies_within_the_text(phrase: str, text: str) -> None:
    for group in matches(phrase, evidence(text)):
        for match in group:
            assert 0 <= match.start < match.end <= len(text)


@given(st.sampled_from(PROMPTS.split(". ")), st.integers(0, 3))
def test_a_phrase_that_stands_there_is_always_found(sentence: str, cut: int) -> None:
    phrase = " ".join(sentence.split()[cut:])
    assert matches(phrase, evidence(PROMPTS))
