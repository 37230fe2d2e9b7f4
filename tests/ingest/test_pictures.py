"""Pictures and recordings from the disk to what is found, with the real pool and the fakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from prismd.domain import Filters, Hit
from prismd.errors import RequestError
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeEmbedder, FakeImageEmbedder
from prismd.models.fake_speech import FakeTranscriber
from prismd.search.likeness import Likeness
from prismd.search.searching import Search, SearchSettings
from prismd.store import counts, likeness, stale, vectors
from prismd.store.check import check
from prismd.store.stale import Present
from tests.building import Indexer, picture, recording, wait_until

EMBEDDER = FakeEmbedder()


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractPool]:
    made = ExtractPool(2)
    yield made
    made.close()


@pytest.fixture
def indexer(tmp_path: Path, data_dir: Path, pool: ExtractPool) -> Iterator[Indexer]:
    made = Indexer(
        tmp_path / "folder",
        data_dir,
        pool,
        embedder=EMBEDDER,
        transcriber=FakeTranscriber(),
        images=FakeImageEmbedder(),
    )
    yield made
    assert check(made.database, repair=False) == []
    made.database.close()


def find(indexer: Indexer, query: str, **more: object) -> list[Hit]:
    like = Likeness(indexer.database, indexer.images)
    search = Search(indexer.database, EMBEDDER, None, SearchSettings(), likeness=like)
    return list(search.search(query, **more).hits)  # type: ignore[arg-type]


def names(hits: list[Hit]) -> list[str]:
    return [Path(hit.path).name for hit in hits]


def stage(indexer: Indexer) -> str:
    """The stage of the file in hand; empty where there is none."""
    return next((item.stage for item in indexer.progress.snapshot().current), "")


def test_a_picture_is_found_by_what_it_shows(indexer: Indexer) -> None:
    indexer.write("a.png", picture("red"))
    indexer.write("b.png", picture("blue"))
    indexer.run()
    (hit,) = [hit for hit in find(indexer, "something red") if hit.explanation.image_rank]
    assert Path(hit.path).name == "a.png"
    assert hit.passage.text == ""
    assert 0.65 <= hit.similarity <= 1.0


def test_what_no_picture_shows_finds_none(indexer: Indexer) -> None:
    indexer.write("a.png", picture("red"))
    indexer.run()
    assert find(indexer, "a walrus on a rock") == []


def test_a_picture_without_words_is_no_passage_and_is_found_by_its_name(indexer: Indexer) -> None:
    indexer.write("harbour at dusk.png", picture("navy"))
    indexer.run()
    assert indexer.states() == {"harbour at dusk.png": ("completed", "")}
    assert indexer.database.read(counts.passages) == (0, 0)
    assert names(find(indexer, "the harbour at dusk")) == ["harbour at dusk.png"]


def test_a_recording_is_found_by_its_words_with_their_seconds(indexer: Indexer) -> None:
    said = (1.0, 3.0, "The walrus arrives at noon tomorrow.")
    indexer.write("memo.wav", recording(said))
    indexer.write("noise.wav", recording())
    indexer.run()
    (hit,) = find(indexer, "when does the walrus arrive")
    assert Path(hit.path).name == "memo.wav"
    assert hit.passage.locator.start_s == pytest.approx(1.0)  # type: ignore[union-attr]
    assert indexer.states()["noise.wav"] == ("completed", "")
    assert indexer.database.read(counts.passages) == (1, 1)


def test_copies_are_embedded_once_and_a_move_costs_nothing(indexer: Indexer) -> None:
    images = indexer.images
    assert isinstance(images, FakeImageEmbedder)
    first = indexer.write("a.png", picture("red"))
    indexer.write("copy.png", picture("red"))
    indexer.run()
    assert images.embedded == 1
    first.rename(first.with_name("moved.png"))
    indexer.run()
    assert images.embedded == 1
    assert names(find(indexer, "moved")) == ["moved.png"]
    assert names(find(indexer, "red")) == ["moved.png"] or names(find(indexer, "red")) == [
        "copy.png"
    ]


def test_a_renamed_picture_is_found_by_its_new_name_alone(indexer: Indexer) -> None:
    path = indexer.write("walrus.png", picture("navy"))
    indexer.run()
    path.rename(path.with_name("penguin.png"))
    indexer.run()
    assert names(find(indexer, "penguin")) == ["penguin.png"]
    assert find(indexer, "walrus") == []


def test_what_is_deleted_is_gone_with_its_vector(indexer: Indexer) -> None:
    path = indexer.write("a.png", picture("red"))
    indexer.run()
    path.unlink()
    indexer.run()
    assert find(indexer, "red") == []
    spaces = indexer.database.read(lambda c: vectors.spaces(c, "picture"))
    assert [indexer.database.read(lambda c, i=i: vectors.count(c, i)) for i, _ in spaces] == [0]  # type: ignore[misc]


def test_pictures_wait_for_a_model_and_get_their_vectors_when_it_is_there(
    indexer: Indexer,
) -> None:
    images, indexer.images = indexer.images, None
    indexer.write("a.png", picture("red"))
    indexer.run()
    assert find(indexer, "red") == []
    indexer.images = images
    indexer.run()
    assert names(find(indexer, "red")) == ["a.png"]


def test_filters_hold_for_pictures_too(indexer: Indexer) -> None:
    indexer.write("one/a.png", picture("red"))
    indexer.write("two/b.png", picture("red", size=(64, 64)))
    indexer.run()
    assert names(find(indexer, "red", filters=Filters(folder=("two",)))) == ["b.png"]
    assert find(indexer, "red", filters=Filters(type=("audio",))) == []


def test_what_looks_and_what_sounds_alike_is_found_by_a_file(indexer: Indexer) -> None:
    indexer.write("a.png", picture("red"))
    indexer.write("b.png", picture("red", size=(64, 64)))
    indexer.write("c.png", picture("blue"))
    indexer.write("low.wav", recording(pitch_hz=200))
    indexer.write("lower.wav", recording(pitch_hz=205, seconds=5))
    indexer.write("high.wav", recording(pitch_hz=3_000))
    indexer.run()
    like = Likeness(indexer.database, indexer.images)
    ids = {
        str(path).rpartition("/")[2]: int(str(id_))
        for id_, path in indexer.rows("SELECT id, path FROM files")
    }
    like_a = find(indexer, "", example=like.example("image", ids["a.png"]))
    assert names(like_a)[0] == "b.png"
    assert "a.png" not in names(like_a)
    like_low = find(indexer, "", example=like.example("audio", ids["low.wav"]))
    assert names(like_low) == ["lower.wav", "high.wav"]
    assert like_low[0].similarity > like_low[1].similarity


def test_a_text_about_what_a_picture_shows_is_found_by_the_picture(indexer: Indexer) -> None:
    indexer.write("a.png", picture("red"))
    indexer.write("note.txt", "The red house stands at the corner.")
    indexer.write("other.txt", "Nothing of the kind is said here.")
    indexer.run()
    like = Likeness(indexer.database, indexer.images)
    (file_id,) = indexer.rows("SELECT id FROM files WHERE path LIKE '%a.png'")[0]
    found = find(indexer, "", example=like.example("image", int(str(file_id))))
    assert names(found) == ["note.txt"]


def test_what_a_recording_lacked_is_told_and_redone_when_asked(indexer: Indexer) -> None:
    transcriber, indexer.transcriber = indexer.transcriber, None
    indexer.write("memo.wav", recording((0.0, 2.0, "The walrus arrives at noon.")))
    indexer.run()
    assert find(indexer, "walrus arrives") == []
    (made_by,) = indexer.rows("SELECT chunker FROM documents")[0]
    present = Present({}, str(made_by), speech="fake")
    told = indexer.database.read(lambda c: stale.report(c, present))
    assert [(item.what, item.count) for item in told] == [("recordings", 1)]
    indexer.transcriber = transcriber
    indexer.database.write(lambda c: stale.redo(c, present))
    indexer.run()
    assert names(find(indexer, "walrus arrives")) == ["memo.wav"]
    assert indexer.database.read(lambda c: stale.report(c, present)) == []


def test_a_long_recording_keeps_no_other_file_waiting(indexer: Indexer) -> None:
    indexer.transcriber = FakeTranscriber(delay_s=3600)
    indexer.write("long.wav", recording((0.0, 2.0, "Nobody hears the end of this.")))
    indexer.write("note.txt", "The walrus is at home.")
    indexer.sweep()
    with indexer.ingesting():
        wait_until(lambda: indexer.states()["note.txt"][0] == "completed")
        wait_until(lambda: stage(indexer) == "transcribing")
        assert indexer.states()["long.wav"][0] == "processing"
    assert indexer.states()["long.wav"] == ("pending", "")


def test_a_pause_calls_off_the_recording_in_hand(indexer: Indexer) -> None:
    indexer.transcriber = FakeTranscriber(delay_s=3600)
    indexer.write("long.wav", recording((0.0, 2.0, "Nobody hears the end of this.")))
    indexer.sweep()
    ingest = indexer.ingest()
    ingest.start()
    try:
        wait_until(lambda: stage(indexer) == "transcribing")
        ingest.pause()
        wait_until(lambda: indexer.states()["long.wav"] == ("pending", ""))
        assert indexer.progress.snapshot().current == ()
    finally:
        ingest.stop()
        ingest.resume()


def test_a_recording_that_is_deleted_while_it_is_heard_is_given_up(indexer: Indexer) -> None:
    indexer.transcriber = FakeTranscriber(delay_s=3600)
    deleted = indexer.write("long.wav", recording((0.0, 2.0, "Nobody hears the end of this.")))
    indexer.sweep()
    with indexer.ingesting():
        wait_until(lambda: stage(indexer) == "transcribing")
        deleted.unlink()
        indexer.sweep()
        wait_until(lambda: stage(indexer) == "")
        assert indexer.states() == {}


def test_a_recording_that_is_no_recording_fails_alone(indexer: Indexer) -> None:
    indexer.write("broken.wav", b"RIFF\x00\x00\x00\x00WAVEfmt ")
    indexer.write("note.txt", "The walrus is at home.")
    indexer.run()
    states = indexer.states()
    assert states["note.txt"] == ("completed", "")
    assert states["broken.wav"][0] == "failed"


def test_at_rest_nothing_is_looked_through_again(indexer: Indexer) -> None:
    indexer.write("a.png", picture("red"))
    indexer.write("note.txt", "A red barn.")
    indexer.run()
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        rounds = ingest._pictures
        newest = indexer.database.read(likeness.newest_passage)
        wait_until(lambda: rounds._told_to == newest)


def test_a_document_that_comes_back_while_it_was_passed_gets_its_vector(indexer: Indexer) -> None:
    images, indexer.images = indexer.images, None
    path = indexer.write("a.png", picture("red"))
    indexer.write("b.png", picture("blue"))
    indexer.run()
    away = path.rename(indexer.folder.with_name("away.png"))
    indexer.sweep()
    indexer.images = images
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        away.rename(path)
        indexer.sweep()
        ingest.wake()
        wait_until(lambda: names(find(indexer, "red")) == ["a.png"])
        wait_until(ingest.idle)


def test_a_picture_is_decoded_from_whichever_copy_is_there(indexer: Indexer) -> None:
    images, indexer.images = indexer.images, None
    gone = indexer.write("a.png", picture("red"))
    indexer.write("b.png", picture("red"))
    indexer.run()
    gone.unlink()
    indexer.images = images
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        assert find(indexer, "red")


def test_a_vector_is_never_that_of_another_picture(indexer: Indexer) -> None:
    images, indexer.images = indexer.images, None
    red, blue = indexer.write("a.png", picture("red")), indexer.write("b.png", picture("blue"))
    indexer.run()
    content = red.read_bytes(), blue.read_bytes()
    red.write_bytes(content[1])
    blue.write_bytes(content[0])
    indexer.images = images
    with indexer.ingesting() as ingest:  # nothing has been swept since
        wait_until(ingest.idle)
    assert find(indexer, "red") == []
    indexer.run()
    assert names(find(indexer, "red"))[:1] == ["b.png"]


def test_what_was_found_by_words_keeps_its_similarity_beside_a_picture(indexer: Indexer) -> None:
    indexer.write("barn.png", picture("red"))
    indexer.write("note.txt", "A red barn stands here.")
    indexer.run()
    like = Likeness(indexer.database, indexer.images)
    search = Search(indexer.database, None, None, SearchSettings(), likeness=like)
    found = {Path(hit.path).name: hit.similarity for hit in search.search("red barn").hits}
    assert found["note.txt"] > 0.5
    assert found["barn.png"] > 0.5


def test_pictures_of_another_model_are_told(indexer: Indexer) -> None:
    indexer.write("a.png", picture("red"))
    indexer.run()
    other = FakeImageEmbedder()
    other._space = msgspec.structs.replace(other.space, revision="2")
    search = Search(
        indexer.database,
        EMBEDDER,
        None,
        SearchSettings(),
        likeness=Likeness(indexer.database, other),
    )
    (warning,) = search.search("red").warnings
    assert "prismd reindex --stale" in warning
    with pytest.raises(RequestError, match="reindex --stale"):
        search.likeness.example("image", 1)
