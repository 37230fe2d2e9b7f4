"""Whether the files of a root are still those that its last sweep has written down."""

from __future__ import annotations

from prismd.store import files, folders, jobs
from prismd.store.database import Database
from prismd.store.doubts import doubt, doubts
from prismd.store.files import Entry, Root


def entry(path: str, inode: int) -> Entry:
    return Entry(path.encode(), 1, inode, 5, 10**18, 10**18)


def roots_of(database: Database) -> tuple[Root, Root]:
    """Two roots, each with one file."""
    one, two = (
        database.write(lambda c, p=path: files.add_root(c, p, "config"))  # type: ignore[misc]
        for path in ("/one", "/two")
    )
    database.write(lambda c: files.add(c, one.id, [entry("/one/a", 1)]))
    database.write(lambda c: files.add(c, two.id, [entry("/two/b", 2)]))
    return one, two


def doubted(database: Database, *roots: Root) -> list[int]:
    return [database.read(lambda c, r=root: doubts(c, r.id)) for root in roots]  # type: ignore[misc]


def id_at(database: Database, path: str) -> int:
    known = database.read(lambda c: folders.at(c, path.encode()))
    assert known is not None
    return known.id


def test_who_forgets_a_file_puts_its_own_root_in_doubt_and_no_other(database: Database) -> None:
    one, two = roots_of(database)
    file_id = id_at(database, "/two/b")
    database.write(lambda c: jobs.forget(c, file_id))
    assert doubted(database, one, two) == [0, 1]
    database.write(lambda c: jobs.forget(c, file_id))  # it is forgotten already
    assert doubted(database, one, two) == [0, 1]


def test_a_file_that_moves_puts_the_root_in_doubt_that_loses_it(database: Database) -> None:
    one, two = roots_of(database)
    moved = [(id_at(database, "/one/a"), entry("/two/a", 1))]
    database.write(lambda c: files.move(c, two.id, moved))
    assert doubted(database, one, two) == [1, 0]
    within = [(id_at(database, "/two/a"), entry("/two/c", 1))]
    database.write(lambda c: files.move(c, two.id, within))
    assert doubted(database, one, two) == [1, 0]


def test_an_upload_has_no_root_to_be_doubted(database: Database) -> None:
    one, two = roots_of(database)
    database.write(lambda c: doubt(c, None))
    assert doubted(database, one, two) == [0, 0]


def test_a_root_that_gets_the_number_of_a_removed_one_is_not_doubted(database: Database) -> None:
    _, two = roots_of(database)
    database.write(lambda c: doubt(c, two.id))
    database.write(lambda c: files.remove_root(c, two.id))
    third = database.write(lambda c: files.add_root(c, "/three", "config"))
    assert third.id == two.id
    assert doubted(database, third) == [0]
