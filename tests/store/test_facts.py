from __future__ import annotations

from prismd.store import facts, files
from prismd.store.database import Database


def test_a_fact_outlives_the_run_that_noted_it(database: Database) -> None:
    assert database.read(lambda c: facts.get(c, "paused")) is None
    database.write(lambda c: facts.put(c, "paused", "yes"))
    database.write(lambda c: facts.put(c, "paused", ""))
    database.write(lambda c: facts.put(c, "other", "1"))
    database.close()
    again = Database(database.path.parent)
    assert again.read(lambda c: facts.get(c, "paused")) == ""
    assert again.read(lambda c: facts.get(c, "other")) == "1"
    again.close()


def test_what_is_noted_about_a_folder_goes_with_it(database: Database) -> None:
    ids = [database.write(lambda c, n=n: files.add_root(c, f"/{n}", "config")).id for n in "ab"]  # type: ignore[misc]
    for number in (*ids, int(f"1{ids[0]}"), 22):
        for what in ("doubts", "mount point"):
            database.write(lambda c, w=what, n=number: facts.put(c, facts.of_root(w, n), "7"))  # type: ignore[misc]
    database.write(lambda c: facts.put(c, "paused", "yes"))
    database.write(lambda c: files.remove_root(c, ids[0]))
    left = database.read(
        lambda c: {
            str(key)
            for (key,) in c.execute("SELECT key FROM facts WHERE key != ?", ("uploads since",))
        }
    )
    assert left == {
        "paused",
        *(f"{what} of root {number}" for what in ("doubts", "mount point")
          for number in (ids[1], f"1{ids[0]}", 22)),
    }  # fmt: skip
