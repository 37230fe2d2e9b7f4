"""What people type is never taken for a query language."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.domain import Filters
from prismd.store import lexical, retrieval
from prismd.store.database import Database
from prismd.store.retrieval import Ranked
from tests.building import put

HOSTILE = (
    "",
    " ",
    "\t\n",
    "\0",
    "a\0b",
    "\x01\x7f\x9f",
    '"',
    '""',
    '"""',
    "'",
    "''",
    "`",
    "\\",
    '"unclosed phrase',
    'closed "phrase here" and "another',
    '"" AND ""',
    "C++",
    "C#",
    "a-b",
    "-a",
    "--",
    "a --b; DROP TABLE passages",
    "'; DROP TABLE passages; --",
    "NEAR(",
    "NEAR(a b, 5)",
    "NEAR",
    "AND",
    "OR",
    "NOT",
    "AND OR NOT",
    "apples AND",
    "NOT apples",
    "(apples",
    "apples)",
    "((((((((",
    "*",
    "app*",
    "^apples",
    "text:apples",
    "context : apples",
    "{text context}: apples",
    "a:b:c:",
    "- {text} : x",
    "+",
    "a + b",
    "%",
    "_",
    "__init__",
    "foo_bar",
    "[a-z]",
    "?",
    "$1",
    "?1",
    ":name",
    "@x",
    "../../etc/passwd",
    "%2e%2e%2f",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "\N{GRINNING FACE}",
    "\N{GRINNING FACE}_\N{GRINNING FACE} apples",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u202eselppa",
    "\u200b\u200c\u200d\ufeff",
    "שלום עולם",
    "مرحبا بالعالم",
    "z\u0351\u036b\u0343a\u035cl\u0328g\u0489o",
    "\u0301",
    "e\u0301_x",
    "中",
    "中文",
    "日本語のテキスト",
    "สวัสดีชาวโลก",
    "ﬁ ﬂ ß ẞ İ ı ſ",
    "½ ² ① Ⅷ",
    "\ufffd\uffff",
    "\ud800",
    "x\udcff_y",
    "a" * 10_000,
    "_" * 10_000,
    "-" * 10_000 + "a",
    "a-" * 5_000,
    '"' * 9_999,
    "(" * 10_000,
    "中" * 10_000,
    " ".join(f"word{n}" for n in range(10_000)),
    " ".join(f"a_{n}" for n in range(10_000)),
    "\n" * 10_000 + "apples",
)


def everything(database: Database, query: str, filters: Filters | None = None) -> list[Ranked]:
    def work(connection):  # type: ignore[no-untyped-def]
        scope = retrieval.scope(connection, filters or Filters())
        parsed = lexical.parse(query)
        return [
            retrieval.by_words(connection, parsed, 10, scope),
            retrieval.by_substrings(connection, parsed, 10, scope),
        ]

    return database.read(work)


def found(database: Database, query: str) -> bool:
    return any(everything(database, query))


def words_of(query: str) -> set[str]:
    return set(lexical.parse(query).words)


@pytest.fixture
def filled(database: Database) -> Database:
    put(database, "/d/a.txt", "Apples and pears.")
    put(database, "/d/b.txt", "Nothing of the kind is near here, or there.")
    return database


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: ascii(query[:20]))
def test_a_hostile_string_never_raises_and_never_finds_what_it_does_not_say(
    filled: Database, query: str
) -> None:
    ranked = everything(filled, query)
    for passage_id in {id_ for one in ranked for id_, _ in one}:
        text = filled.read(
            lambda c, i=passage_id: (
                c.execute(  # type: ignore[misc]
                    "SELECT text FROM passages WHERE id = ?", (i,)
                ).get
            )
        )
        assert any(word[:3].lower() in text.lower() for word in words_of(query))


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("apples NOT pears", 1),
        ("apples OR nothing", 2),
        ("NOT apples", 1),
        ("app*", 1),  # as a part of a word, for no passage has the word
        ("zzz*", 0),
        ("text:zzz", 0),
        ("NEAR(apples zzz)", 2),  # "near" is a word, and stands in the second file
    ],
)
def test_operators_are_words(filled: Database, query: str, hits: int) -> None:
    assert len({id_ for one in everything(filled, query) for id_, _ in one}) == hits


def test_signs_of_a_query_language_stand_in_no_expression_unquoted() -> None:
    for query in HOSTILE:
        for word in lexical.parse(query).words:
            assert lexical.quote(word).count('"') == 2


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_query(query: str) -> None:
    parsed = lexical.parse(query)
    assert len(parsed.words) <= 64
    for part in (*parsed.words, *parsed.phrases, *parsed.substrings):
        assert part.strip()
        assert "\0" not in part
        part.encode()


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("机器学习是人工智能的一个分支。", "人工智能"),
        ("机器学习是人工智能的一个分支。", "学习"),
        ("我家有一只猫，它很可爱。", "猫"),
        ("我们要缴纳所得税", "税"),
        ("東京都の人口は約千四百万人です。", "人口"),
        ("ソフトウェアをインストールする", "インストール"),
        ("สวัสดีชาวโลก นี่คือเอกสาร", "เอกสาร"),
        ("ຂ້ອຍຮັກລາວ", "ຮັກ"),
        ("서울은 대한민국의 수도이다.", "수도이다"),
        ("Der Straßenverkehr ruht.", "Straßenverkehr"),
        ("Die große STRASSE und die Maße", "Maße"),
        ("Café crème, s'il vous plaît", "cafe"),
        ("Cafe creme", "café"),
        ("Москва — столица России", "столица"),
        ("ΑΘΗΝΑ και Σπάρτη", "αθήνα"),
        ("שלום עולם", "עולם"),
        ("The exam-\nple is broken across lines.", "example"),
        ("co\u00adop\u00aderation", "cooperation"),
        ("A call of foo_bar(x) fails.", "foo_bar"),
        ("Written in C++ long ago.", "C++"),
        ("See section 4.2.1-beta of it.", "4.2.1-beta"),
        ("The Donaudampfschifffahrt ended.", "dampfschiff"),
        ("mail bob.smith@example.org now", "smith@example"),
        ("Running runners run.", "run"),
        ("Istanbul is not İSTANBUL", "İstanbul"),
        ("naïve approach", "nai\u0308ve"),
        ("the word u4e2dx", "u4e2dx"),
    ],
)
def test_what_a_person_types_is_found(database: Database, text: str, query: str) -> None:
    put(database, "/d/other.txt", "Quite another thing.")
    assert not found(database, query)
    put(database, "/d/a.txt", text)
    assert found(database, query)


def test_a_phrase_counts_for_more_than_its_words(database: Database) -> None:
    put(database, "/d/a.txt", "The house is white. There is a mouse in it, a big white mouse.")
    put(database, "/d/b.txt", "They went to the white house to see the people who live there.")
    words, _ = everything(database, '"white house"')
    paths = [
        database.read(
            lambda c, i=id_: (
                c.execute(  # type: ignore[misc]
                    "SELECT f.path FROM passages p JOIN files f USING (document_id) WHERE p.id = ?",
                    (i,),
                ).get
            )
        )
        for id_, _ in words
    ]
    assert paths == ["/d/b.txt", "/d/a.txt"]


def test_a_passage_that_says_it_more_often_comes_first(database: Database) -> None:
    put(database, "/d/b.txt", "One walrus among very many other animals of the sea and of the ice.")
    put(database, "/d/a.txt", "Walrus, walrus, walrus.")
    words, _ = everything(database, "walrus")
    scores = [score for _, score in words]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[1] > 0


def test_common_words_of_a_large_index_are_left_out_and_rare_ones_found(
    database: Database,
) -> None:
    for number in range(70):
        text = "\n\n".join(
            f"The usual paragraph {number} {n} says the usual things of that number."
            + " filler" * 20
            for n in range(35)
        )
        put(database, f"/d/{number}.txt", text)
    put(database, "/d/rare.txt", "The usual walrus.")
    words, _ = everything(database, "the usual walrus")
    assert len(words) == 1
    assert found(database, "the usual")  # when there is nothing else, they will do


def test_frequent_words_are_counted_anew_once_the_index_has_grown(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "_COMMON_FROM", 2)

    def counted(word: str) -> int:
        # On the one connection that writes: each has figures of its own.
        return database.write(lambda c: retrieval.passages_with(c, word))

    for number in range(20):
        put(database, f"/d/{number}.txt", f"The walrus number {number}.")
    assert counted("walrus") == 20
    put(database, "/d/one.txt", "The walrus and the seal.")
    assert counted("walrus") == 20  # near enough
    assert counted("seal") == 1  # what is rare is told as it is
    for number in range(5):
        put(database, f"/e/{number}.txt", f"Another walrus {number}, with a seal.")
    assert counted("walrus") == 26
    assert counted("seal") == 6


def test_a_substring_that_is_too_short_once_folded_finds_nothing(database: Database) -> None:
    put(database, "a.txt", "The walrus.")
    query = lexical.parse("00\u094d")
    found = database.read(
        lambda c: retrieval.by_substrings(c, query, 10, retrieval.scope(c, Filters()))
    )
    assert found == []
