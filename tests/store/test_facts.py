from __future__ import annotations

from prismd.store import facts
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
