"""Areas that are named can be measured."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import pytest

from prismd.models.fake import FakeEmbedder
from prismd.search.searching import Search, SearchSettings
from tests.benchmarks import areas, search, vectors
from tests.benchmarks.made_corpus import Subjects, opened


@pytest.mark.parametrize("name", areas.AREAS)
def test_an_area_that_is_named_declares_its_options(name: str) -> None:
    parser = argparse.ArgumentParser()
    areas.load(name).add_arguments(parser)
    assert callable(areas.load(name).measure)
    assert parser.format_usage()


def test_the_exponent_of_growth_is_the_power() -> None:
    counts = [10, 100, 1000]
    assert vectors.exponent(counts, [3 * count**0.5 for count in counts]) == pytest.approx(0.5)
    assert vectors.exponent(counts, [7.0, 7.0, 7.0]) == pytest.approx(0.0)


def test_vectors_are_measured_from_a_small_index() -> None:
    parser = argparse.ArgumentParser()
    vectors.add_arguments(parser)
    options = parser.parse_args(["--counts", "500", "1000", "--dim", "8", "--queries", "3"])
    report = vectors.measure(options)
    named = {figure.name: figure for figure in report.figures}
    assert named["1,000 drawn, recall@10"].met
    assert "exponent of growth, a query" in named
    assert [row[0] for row in report.tables[0].rows] == ["500 drawn", "1,000 drawn"]


def test_searches_are_timed_step_by_step_over_an_index_that_is_made(tmp_path: Path) -> None:
    embedder = FakeEmbedder(dim=8)
    subjects = Subjects(60, 8)
    standing = search.OfSubjects(embedder, subjects)
    queries = search.questions(subjects, 1)
    for asked in queries:
        standing.expect(asked)
    with contextlib.closing(opened(tmp_path, subjects, 60, embedder.space)) as database:
        searching = Search(database, standing, None, SearchSettings())
        took = search.ask_all(searching, queries, 2)
    assert sorted(one.asked.kind for one in took) == sorted(asked.kind for asked in queries)
    assert all({"retrieve.words", "retrieve.vectors"} <= one.steps_ms.keys() for one in took)
    with contextlib.closing(opened(tmp_path, subjects, 60, embedder.space)) as database:
        count = database.read(lambda c: c.execute("SELECT count(*) FROM passages").get)
    assert count == 60  # made once
