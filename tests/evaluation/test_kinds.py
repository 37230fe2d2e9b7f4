"""What a folder is told to be, and how an answer is held against what people said."""

from __future__ import annotations

from pathlib import Path

import pytest

from prismd.answer.answering import REFUSAL, FullAnswer
from prismd.domain import Citation, PageLocator
from tests.evaluation import answers, kinds, pages
from tests.evaluation.__main__ import main
from tests.evaluation.annotated import Annotated
from tests.evaluation.asking import Asked
from tests.evaluation.ways import spread


def asked(text: str, *cited: tuple[str, str]) -> Asked:
    citations = tuple(
        Citation(
            n=1,
            citation_id="c",
            file_id="f",
            path=path,
            sha256="",
            type="document",
            title="",
            locator=PageLocator(1, (), 1, 1),
            quote=quote,
            char_start=0,
            char_end=1,
            score=1,
            support="exact",
            url="",
        )
        for path, quote in cited
    )
    return Asked("q", FullAnswer(text, citations, "supported", "", (), "extractive", {}))


def test_a_folder_is_told_by_its_files(tmp_path: Path) -> None:
    assert kinds.suiting(tmp_path) == ()
    for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv"):
        (tmp_path / name).touch()
    assert kinds.suiting(tmp_path) == ("retrieval",)
    (tmp_path / "answers.jsonl").touch()
    assert kinds.suiting(tmp_path) == ("retrieval", "answers")


def test_documents_with_questions_and_folders_of_languages_are_told(tmp_path: Path) -> None:
    filings, languages = tmp_path / "filings", tmp_path / "languages"
    (filings / "pdfs").mkdir(parents=True)
    (filings / "questions.jsonl").touch()
    (languages / "de").mkdir(parents=True)
    for name in ("qrels.tsv", "de/corpus.jsonl", "de/queries.jsonl"):
        (languages / name).touch()
    assert kinds.suiting(filings) == ("pages",)
    assert kinds.suiting(languages) == ("multilingual",)
    assert kinds.suiting(languages / "de") == ("retrieval",)


def test_a_folder_of_no_known_shape_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_citations_are_held_against_passages_and_the_annotator_who_is_met_best() -> None:
    wanted = Annotated(
        "q",
        answerable=True,
        passages=frozenset({"a"}),
        long=("one two",),
        sentences=(("It is one .", "It is two ."), ("It is one .",)),
    )
    answer = asked("one two [1]", ("000.md", "It is one."), ("001.md", "It is two."))
    found = answers.judge(answer, wanted, {"000": "a", "001": "b"})
    assert (found.passage_precision, found.passage_recall) == (0.5, 1)
    assert (found.sentence_precision, found.sentence_recall) == (0.5, 1)
    assert found.rouge == 1
    assert found.f1 is None


def test_a_refusal_is_a_wrong_answer_that_cites_nothing() -> None:
    wanted = Annotated("q", answerable=True, passages=frozenset({"a"}), short=("your files",))
    found = answers.judge(asked(REFUSAL), wanted, {})
    assert (found.exact, found.f1, found.contained, found.passage_recall) == (0, 0, 0, 0)
    assert found.passage_precision is None


def test_documents_and_pages_that_are_cited_are_held_against_the_reference() -> None:
    row = {
        "answer": "none",
        "type": "single",
        "cited_docs": ["a.pdf", "b.pdf"],
        "source_docs": [],
        "pages": [["a.pdf", 1], ["b.pdf", 2]],
    }
    answer = asked("said", ("/x/c.pdf", "q"), ("/x/a.pdf", "q"))
    found = pages.judge(answer, row, lambda path, page: frozenset())
    assert (found.precision, found.recall, found.page) == (0.5, 0.5, 0.5)
    assert found.on_pages is None


def test_a_few_are_taken_evenly_from_the_whole() -> None:
    assert spread(range(10), 2) == [0, 5]
    assert list(spread(range(3), None)) == [0, 1, 2]
