from __future__ import annotations

import os

import pytest

from prismd.errors import ConfigError
from prismd.store import documents, files, jobs, listing
from prismd.store.database import Database
from prismd.store.listing import FileQuery
from tests.building import document, entry, put


def test_where_the_index_is_nothing_is_read(database: Database) -> None:
    own = database.path.parent.resolve()
    for path in (own, own / "below"):
        with pytest.raises(ConfigError, match="with its index and token"):
            database.write(lambda c, path=path: files.add_root(c, str(path), "command"))  # type: ignore[misc]
    database.write(lambda c: files.add_root(c, f"{own}-beside", "command"))
    database.write(lambda c: files.add_root(c, str(own.parent / "x"), "command"))


def test_folders_that_overlap_are_refused_either_way(database: Database) -> None:
    database.write(lambda c: files.add_root(c, "/a/b", "config"))
    for path in ("/a", "/a/b/c", "/"):
        with pytest.raises(ConfigError, match="overlaps"):
            database.write(lambda c, path=path: files.add_root(c, path, "config"))  # type: ignore[misc]
    again = database.write(lambda c: files.add_root(c, "/a/b", "command"))
    database.write(lambda c: files.add_root(c, "/a/bc", "command"))
    assert again.id == 1
    assert [root.path for root in database.read(files.roots)] == ["/a/b", "/a/bc"]


def test_a_forgotten_folder_takes_its_files_jobs_and_documents_along(database: Database) -> None:
    root = database.write(lambda c: files.add_root(c, "/a", "config"))
    database.write(lambda c: files.add(c, root.id, [entry("/a/x"), entry("/a/y")]))
    made, passages = document("A walrus.")
    document_id = database.write(lambda c: documents.replace(c, made, passages, None))
    database.write(lambda c: files.attach(c, 1, document_id, made.sha256))
    database.write(lambda c: files.remove_root(c, root.id))
    assert database.read(files.roots) == []
    assert database.read(lambda c: listing.listing(c, FileQuery())) == ([], 0)
    assert database.read(jobs.outstanding) == (0, 0)
    assert database.write(lambda c: documents.collect_orphans(c, older_than_s=0)) == 1


def test_a_result_for_a_file_that_was_forgotten_is_collected(database: Database) -> None:
    database.write(lambda c: files.add(c, None, [entry("/a/x")]))
    made, passages = document("A walrus.")

    def work(connection) -> None:  # type: ignore[no-untyped-def]
        files.remove(connection, [1])
        document_id = documents.replace(connection, made, passages, None)
        files.attach(connection, 1, document_id, made.sha256)

    database.write(work)
    assert database.write(lambda c: documents.collect_orphans(c, older_than_s=0)) == 1


def test_a_name_that_is_not_utf8_is_kept_as_it_is_and_shown_as_text(database: Database) -> None:
    raw = b"/d/caf\xe9 \xff.txt"
    root = database.write(lambda c: files.add_root(c, os.fsdecode(b"/d\xff"), "config"))
    assert os.fsencode(root.path) == b"/d\xff"
    database.write(lambda c: files.add(c, root.id, [entry(raw)]))
    assert list(database.read(lambda c: files.known(c, root.id))) == [raw]
    found = database.read(lambda c: listing.record(c, 1))
    assert found is not None
    assert found.path == "/d/caf\ufffd \ufffd.txt"
    assert found.path_raw == raw
    job = database.write(lambda c: jobs.lease(c, "us"))
    assert job is not None
    assert os.fsencode(job.path) == raw


def test_an_old_document_serves_until_the_new_one_replaces_it(database: Database) -> None:
    file_id = put(database, "/d/a", "Old walrus.")
    old = database.read(lambda c: listing.record(c, file_id))
    assert old is not None
    database.write(lambda c: files.change(c, [(file_id, entry("/d/a", "New", mtime_s=2))]))
    now = database.read(lambda c: listing.record(c, file_id))
    assert now is not None
    assert (now.state, now.document_id) == ("pending", old.document_id)


def test_a_file_that_becomes_unreadable_gives_up_its_document(database: Database) -> None:
    file_id = put(database, "/d/a", "Old walrus.")
    database.write(
        lambda c: files.end_without_document(
            c, file_id, "failed", code="broken", message="a: broken", sha256=None
        )
    )
    found = database.read(lambda c: listing.record(c, file_id))
    assert found is not None
    assert (found.state, found.error_message, found.document_id) == ("failed", "a: broken", None)
    assert database.write(lambda c: documents.collect_orphans(c, older_than_s=0)) == 1


def test_listings_are_paged_counted_and_filtered(database: Database) -> None:
    for number in range(25):
        put(database, f"/d/{number:02}.txt", f"Text {number}", type_="text")
    put(database, "/d/scan.pdf", "Scanned", type_="document")
    seen: list[int] = []
    while True:
        after = seen[-1] if seen else 0
        query = FileQuery(limit=10, after_id=after)
        page, total = database.read(lambda c, q=query: listing.listing(c, q))  # type: ignore[misc]
        assert total == 26
        if not page:
            break
        seen += [record.id for record in page]
    assert seen == sorted(set(seen))
    assert len(seen) == 26
    for query, count in (
        (FileQuery(type=("document",)), 1),
        (FileQuery(type=("document", "text")), 26),
        (FileQuery(state=("failed",)), 0),
        (FileQuery(path="/D/0"), 10),
        (FileQuery(path="%"), 0),
        (FileQuery(path="'"), 0),
        (FileQuery(limit=0), 26),
    ):
        assert database.read(lambda c, q=query: listing.listing(c, q))[1] == count  # type: ignore[misc]


def test_of_files_with_one_content_the_latest_is_named_first(database: Database) -> None:
    put(database, "/d/old", "A walrus.", mtime_s=1)
    put(database, "/d/new", "A walrus.", mtime_s=9)
    put(database, "/d/mid", "A walrus.", mtime_s=5)
    made, _ = document("A walrus.")
    holders = database.read(lambda c: listing.holding(c, made.sha256))
    assert [record.path for record in holders] == ["/d/new", "/d/mid", "/d/old"]


def test_a_folder_is_kept_with_the_file_that_names_it_and_the_disk_it_is_on(
    database: Database,
) -> None:
    named = database.write(lambda c: files.add_root(c, "/a", "config", "/etc/one.toml"))
    added = database.write(lambda c: files.add_root(c, "/b", "command"))
    assert (named.config_file, named.device) == ("/etc/one.toml", 0)
    assert (added.config_file, added.device) == ("", 0)
    database.write(lambda c: files.set_root_device(c, named.id, 2**64 - 7))
    again = database.write(lambda c: files.add_root(c, "/a", "config", "/etc/two.toml"))
    database.write(lambda c: files.add_root(c, "/a", "command"))
    database.write(lambda c: files.add_root(c, "/b", "config", "/etc/two.toml"))
    assert (again.config_file, again.device) == ("/etc/two.toml", -7)
    assert database.read(files.roots) == [again, added]


def stat_of(*, device: int = 1, inode: int = 1, mtime_ns: int = 1) -> os.stat_result:
    """As ``os.stat`` gives it, which has times in nanoseconds in fields of their own."""
    times = {"st_mtime_ns": mtime_ns, "st_ctime_ns": mtime_ns}
    return os.stat_result((0o100600, inode, device, 1, 0, 0, 3, 0, 0, 0), times)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (stat_of(), (1, 1, 1)),
        (stat_of(device=2**64 - 1, inode=2**63 + 5), (-1, 5 - 2**63, 1)),
        (stat_of(device=2**63 - 1, inode=2**63), (2**63 - 1, -(2**63), 1)),
        (stat_of(mtime_ns=16_725_225_600 * 10**9), (1, 1, 2**63 - 1)),
        (stat_of(mtime_ns=-16_725_225_600 * 10**9), (1, 1, 1 - 2**63)),
    ],
)
def test_numbers_that_no_column_can_hold_are_brought_within_bounds(
    database: Database, found: os.stat_result, expected: tuple[int, int, int]
) -> None:
    root = database.write(lambda c: files.add_root(c, "/d", "config"))
    made = files.entry_of(b"/d/a", found)
    assert (made.device, made.inode, made.mtime_ns) == expected
    database.write(lambda c: files.add(c, root.id, [made]))
    assert database.read(lambda c: files.known(c, root.id))[b"/d/a"].matches(made)
    assert database.write(lambda c: jobs.lease(c, "us")) is not None


def test_a_disk_that_is_mounted_anew_holds_the_same_files(database: Database) -> None:
    root = database.write(lambda c: files.add_root(c, "/d", "config"))
    database.write(lambda c: files.add(c, root.id, [files.entry_of(b"/d/a", stat_of(device=1))]))
    known = database.read(lambda c: files.known(c, root.id))[b"/d/a"]
    assert known.matches(files.entry_of(b"/d/a", stat_of(device=2)))
    assert not known.matches(files.entry_of(b"/d/a", stat_of(inode=2)))
    assert not known.matches(files.entry_of(b"/d/a", stat_of(mtime_ns=2)))
