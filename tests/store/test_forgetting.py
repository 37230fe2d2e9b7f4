"""Files that are forgotten with all that only they had, and those that are kept out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from prismd.domain import Citation, TextLocator
from prismd.models.fake import FakeEmbedder
from prismd.store import (
    citations,
    documents,
    erasing,
    exclusions,
    files,
    forgetting,
    listing,
    responses,
    vacuum,
)
from prismd.store.check import check
from prismd.store.database import Database
from prismd.store.doubts import doubts
from prismd.store.files import Entry, entry_of
from prismd.store.listing import FileQuery
from prismd.store.responses import KeptResponse, Retention
from tests.building import document, entry, put, write_file
from tests.uploaded import upload

WORDS = "The walrus naps."
LARGE = bytes(6 << 20)


@pytest.fixture
def root_id(database: Database) -> int:
    return database.write(lambda c: files.add_root(c, "/d", "config")).id


def paths(database: Database) -> list[str]:
    records, _ = database.read(lambda c: listing.listing(c, FileQuery()))
    return [record.path for record in records]


def add(database: Database, root_id: int, *found: Entry) -> int:
    return database.write(lambda c: files.add(c, root_id, found))


def id_at(database: Database, path: str) -> int:
    sql = "SELECT id FROM files WHERE path = ?"
    return int(database.read(lambda c: c.execute(sql, (path,)).get))


def forget(database: Database, path: str) -> int:
    """Forget a file, and give the number that it had."""
    file_id = id_at(database, path)
    assert database.write(lambda c: forgetting.forget(c, file_id)) is not None
    return file_id


def rows(database: Database, table: str) -> int:
    return int(database.read(lambda c: c.execute(f"SELECT count(*) FROM {table}").get))


def cite(database: Database, sha256: str) -> str:
    citation = Citation(
        n=1,
        citation_id="ab" * 12,
        file_id="file-1",
        path="/d/a.txt",
        sha256=sha256,
        type="text",
        title="A",
        locator=TextLocator(1, 1, 0, 8),
        quote=WORDS,
        char_start=0,
        char_end=8,
        score=1.0,
        support="exact",
        url="",
    )
    database.write(lambda c: citations.keep(c, citation, 0, 8))
    return citation.citation_id


def test_all_that_only_it_brought_in_goes_at_once(database: Database) -> None:
    put(database, "/d/a.txt", WORDS, embedder=FakeEmbedder())
    cited = cite(database, document(WORDS)[0].sha256)
    forget(database, "/d/a.txt")
    for table in ("documents", "passages", "embeddings", "document_contents", "files", "jobs"):
        assert rows(database, table) == 0
    assert database.read(lambda c: citations.find(c, cited)) is None
    assert check(database, repair=False) == []


def test_what_another_file_holds_as_well_stays(database: Database) -> None:
    put(database, "/d/a.txt", WORDS)
    put(database, "/d/b.txt", WORDS)
    cited = cite(database, document(WORDS)[0].sha256)
    forget(database, "/d/a.txt")
    assert rows(database, "passages") == 1
    assert database.read(lambda c: citations.find(c, cited)) is not None
    forget(database, "/d/b.txt")
    assert rows(database, "passages") == 0


def test_an_upload_goes_with_its_bytes_and_is_not_kept_out(database: Database) -> None:
    taken = upload(database, WORDS.encode())
    forgotten = database.write(lambda c: forgetting.forget(c, taken.file_id))
    assert forgotten is not None
    assert not forgotten.excluded
    assert rows(database, "uploads") == rows(database, "upload_pieces") == 0
    assert database.read(exclusions.every) == []
    assert not upload(database, WORDS.encode()).known


def test_the_room_of_an_upload_is_given_back(database: Database) -> None:
    upload(database, b"a small one")
    before = int(database.read(lambda c: c.pragma("page_count")))
    taken = upload(database, LARGE)
    assert int(database.read(lambda c: c.pragma("page_count"))) - before > len(LARGE) // 4096
    database.write(lambda c: forgetting.forget(c, taken.file_id))
    database.run_outside_transaction(vacuum.give_back)
    assert int(database.read(lambda c: c.pragma("page_count"))) - before < 20
    assert database.read(vacuum.free_pages) == 0


def test_what_is_not_there_cannot_be_forgotten(database: Database, root_id: int) -> None:
    add(database, root_id, entry("/d/a.txt"))
    file_id = forget(database, "/d/a.txt")
    assert database.write(lambda c: forgetting.forget(c, file_id)) is None
    assert database.write(lambda c: forgetting.forget(c, 999)) is None


def test_a_forgotten_file_is_not_taken_in_again(database: Database, root_id: int) -> None:
    add(database, root_id, entry("/d/a.txt"), entry("/d/b.txt"))
    forget(database, "/d/a.txt")
    assert add(database, root_id, entry("/d/a.txt"), entry("/d/c.txt")) == 1
    assert paths(database) == ["/d/b.txt", "/d/c.txt"]


def test_nor_is_what_is_written_in_its_place(database: Database, root_id: int) -> None:
    add(database, root_id, entry("/d/a.txt", "one"))
    forget(database, "/d/a.txt")
    assert add(database, root_id, entry("/d/a.txt", "another", inode=77, mtime_s=9.0)) == 0
    assert paths(database) == []


def test_nor_is_it_under_another_name(database: Database, root_id: int) -> None:
    found = entry("/d/a.txt", "one")
    add(database, root_id, found)
    forget(database, "/d/a.txt")
    moved = msgspec.structs.replace(found, path=b"/d/deep/b.txt")
    assert add(database, root_id, moved) == 0
    assert [each.path for each in database.read(exclusions.every)] == ["/d/deep/b.txt"]
    # Where it stood before, another may stand from now on.
    assert add(database, root_id, entry("/d/a.txt", "new", inode=78, mtime_s=9.0)) == 1


def test_one_of_another_disk_is_not_taken_for_it(database: Database, root_id: int) -> None:
    found = entry("/d/a.txt", "one")
    add(database, root_id, found)
    forget(database, "/d/a.txt")
    assert add(database, root_id, msgspec.structs.replace(found, path=b"/d/b.txt", device=2)) == 1
    assert [each.path for each in database.read(exclusions.every)] == ["/d/a.txt"]
    assert add(database, root_id, msgspec.structs.replace(found, device=2)) == 0  # mounted anew


def at(path: Path) -> Entry:
    return entry_of(str(path).encode(), path.stat())


def test_its_path_is_kept_as_long_as_anything_stands_there(
    database: Database, root_id: int, tmp_path: Path
) -> None:
    path, other = write_file(tmp_path / "a.txt", "one"), tmp_path / "b.txt"
    add(database, root_id, at(path))
    forget(database, str(path))
    other.hardlink_to(path)
    assert add(database, root_id, at(other)) == 0
    assert [each.path for each in database.read(exclusions.every)] == [str(path)]
    path.unlink()
    path.mkdir()
    assert add(database, root_id, at(other)) == 0
    assert [each.path for each in database.read(exclusions.every)] == [str(path)]
    path.rmdir()
    assert add(database, root_id, at(other)) == 0
    assert [each.path for each in database.read(exclusions.every)] == [str(other)]


def test_nor_is_another_that_is_moved_to_its_place(database: Database, root_id: int) -> None:
    add(database, root_id, entry("/d/a.txt"), entry("/d/b.txt"))
    forget(database, "/d/a.txt")
    b = id_at(database, "/d/b.txt")
    database.write(lambda c: files.move(c, root_id, [(b, entry("/d/a.txt"))]))
    assert paths(database) == []
    assert check(database, repair=False) == []


def test_a_copy_of_it_is_another_file(database: Database, root_id: int) -> None:
    add(database, root_id, entry("/d/a.txt", "one"))
    forget(database, "/d/a.txt")
    assert add(database, root_id, entry("/d/copy.txt", "one")) == 1


def test_a_file_that_is_kept_out_can_be_taken_back(database: Database, root_id: int) -> None:
    add(database, root_id, entry("/d/a.txt"))
    file_id = forget(database, "/d/a.txt")
    before = database.read(lambda c: doubts(c, root_id))
    taken = database.write(lambda c: forgetting.take_back(c, file_id))
    assert taken is not None
    assert taken.path == "/d/a.txt"
    assert database.read(lambda c: doubts(c, root_id)) > before  # so that a sweep looks for it
    assert database.write(lambda c: forgetting.take_back(c, file_id)) is None
    assert add(database, root_id, entry("/d/a.txt")) == 1


def test_it_stays_out_when_its_folder_is_removed_and_named_again(
    database: Database, root_id: int
) -> None:
    add(database, root_id, entry("/d/a.txt"))
    forget(database, "/d/a.txt")
    database.write(lambda c: files.remove_root(c, root_id))
    again = database.write(lambda c: files.add_root(c, "/d", "config")).id
    assert add(database, again, entry("/d/a.txt")) == 0


def test_what_is_kept_out_is_listed_the_last_first(database: Database, root_id: int) -> None:
    add(database, root_id, entry("/d/a.txt"), entry("/d/b.txt"), entry(b"/d/\xff.txt"))
    numbers = [forget(database, path) for path in ("/d/b.txt", "/d/a.txt", "/d/\ufffd.txt")]
    listed = database.read(exclusions.every)
    assert [each.file_id for each in listed] == numbers[::-1]
    assert listed[0].path_raw == b"/d/\xff.txt"


def keep_response(database: Database, name: str, body: str, previous: str = "") -> None:
    kept = KeptResponse(f"resp_{name}", 1.0, "prism", previous, b"[]", body.encode())
    database.write(lambda c: responses.keep(c, kept, Retention(age_s=9e9, count=99)))


def kept_responses(database: Database) -> str:
    return "".join(
        name
        for name in "abcdefg"
        if database.read(lambda c, n=name: responses.find(c, f"resp_{n}", 0.0))  # type: ignore[misc]
    )


def test_responses_that_rest_on_it_go_with_what_goes_on_from_them(database: Database) -> None:
    for _ in range(12):
        upload(database, b"other words", "other.txt")
    file_id = put(database, "/d/a.txt", WORDS)
    sha256 = document(WORDS)[0].sha256
    keep_response(database, "a", f'{{"citations":[{{"sha256":"{sha256}"}}]}}')
    keep_response(database, "b", f'{{"file_id":"file-{file_id}"}}')
    keep_response(database, "c", f'{{"file_id":"file-{file_id}0"}}')
    keep_response(database, "d", '{"text":"the same again"}', "resp_b")
    keep_response(database, "e", "{}", "resp_d")
    keep_response(database, "f", "{}", "resp_c")
    forget(database, "/d/a.txt")
    assert kept_responses(database) == "cf"


def test_responses_that_rest_on_another_file_of_the_same_content_stay(database: Database) -> None:
    first, second = put(database, "/d/a.txt", WORDS), put(database, "/d/b.txt", WORDS)
    sha256 = document(WORDS)[0].sha256
    keep_response(database, "a", f'{{"file_id":"file-{second}","sha256":"{sha256}"}}')
    keep_response(database, "b", f'{{"file_id":"file-{first}"}}')
    forget(database, "/d/a.txt")
    assert kept_responses(database) == "a"
    forget(database, "/d/b.txt")
    assert kept_responses(database) == ""


def test_nothing_of_it_can_be_read_from_the_file(database: Database) -> None:
    words = "\n\n".join(f"zanzibar{number} " * (number**2 % 97 + 1) for number in range(60))
    put(database, "/d/other.txt", "Something else.")
    put(database, "/d/a.txt", words, embedder=FakeEmbedder())
    cite(database, document(words)[0].sha256)
    taken = upload(database, words.encode() * 200)
    keep_response(database, "a", f'{{"file_id":"file-{taken.file_id}","text":"{words[:999]}"}}')
    assert any(b"zanzibar" in data for data in everything(database))
    forget(database, "/d/a.txt")
    database.write(lambda c: forgetting.forget(c, taken.file_id))
    database.write(erasing.rewrite_words)
    database.run_outside_transaction(erasing.empty_log)
    assert not any(b"zanzibar" in data for data in everything(database))
    assert check(database, repair=False) == []


def everything(database: Database) -> list[bytes]:
    return [path.read_bytes() for path in database.path.parent.iterdir()]


def test_a_document_that_a_file_holds_is_not_deleted(database: Database) -> None:
    put(database, "/d/a.txt", WORDS)
    assert database.write(lambda c: documents.delete_unheld(c, 1)) is None
    assert rows(database, "documents") == 1
