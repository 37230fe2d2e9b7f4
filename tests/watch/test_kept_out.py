"""Files that the user wants out of the index, while folders are swept."""

from __future__ import annotations

import shutil

from prismd.store import forgetting
from tests.watch.watched import Watched, counts


def forget(watched: Watched, name: str) -> int:
    file_id = watched.ids()[name]
    assert watched.database.write(lambda c: forgetting.forget(c, file_id)) is not None
    return file_id


def test_no_sweep_takes_it_in_or_counts_it(watched: Watched) -> None:
    watched.write("a.txt")
    watched.write("b.txt")
    watched.pass_()
    forget(watched, "a.txt")
    assert counts(watched.sweep())[1:] == (0, 0, 0, 0)
    watched.write("c.txt")  # so that the folder is looked into once more
    assert counts(watched.sweep())[1:] == (1, 0, 0, 0)
    watched.write("a.txt", "another text", age=9)
    assert counts(watched.sweep())[1:] == (0, 0, 0, 0)
    watched.read_all()
    assert watched.names() == ["b.txt", "c.txt"]


def test_nor_when_its_folder_is_moved(watched: Watched) -> None:
    watched.write("old/a.txt")
    watched.write("old/b.txt")
    watched.pass_()
    forget(watched, "old/a.txt")
    (watched.folder / "old").rename(watched.folder / "new")
    watched.pass_()
    assert watched.names() == ["new/b.txt"]


def test_nor_when_it_goes_and_comes_back(watched: Watched) -> None:
    watched.write("a.txt")
    watched.pass_()
    forget(watched, "a.txt")
    (watched.folder / "a.txt").unlink()
    watched.pass_()
    watched.write("a.txt", "from a backup", age=3)
    watched.pass_()
    assert watched.names() == []


def test_a_copy_of_it_is_another_file(watched: Watched) -> None:
    path = watched.write("a.txt")
    watched.pass_()
    forget(watched, "a.txt")
    shutil.copy2(path, path.with_name("copy.txt"))
    watched.pass_()
    assert watched.names() == ["copy.txt"]


def test_one_that_is_taken_back_is_found_though_its_folder_lists_as_before(
    watched: Watched,
) -> None:
    watched.write("deep/a.txt")
    watched.pass_()
    file_id = forget(watched, "deep/a.txt")
    watched.pass_()
    assert watched.database.write(lambda c: forgetting.take_back(c, file_id)) is not None
    assert counts(watched.sweep())[1:] == (1, 0, 0, 0)
    watched.read_all()
    assert watched.names() == ["deep/a.txt"]
