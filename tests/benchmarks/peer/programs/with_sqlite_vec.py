# mypy: ignore-errors
"""sentence-transformers and plain sqlite-vec: a table ``vec0`` beside one of texts."""

import apsw
import sqlite_vec
from encoding import Base, arguments
from serving import serve


class SqliteVec(Base):
    """Both tables in one file, joined by the row's number."""

    def index(self, texts, vectors):
        """Store texts."""
        found = self.vectors(texts, vectors)
        database = self._connect()
        database.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT)")
        database.execute(
            f"CREATE VIRTUAL TABLE vectors USING vec0"
            f"(vector float[{found.shape[1]}] distance_metric=cosine)"
        )
        with database:
            database.executemany("INSERT INTO texts VALUES (?, ?)", enumerate(texts))
            database.executemany(
                "INSERT INTO vectors (rowid, vector) VALUES (?, ?)",
                ((number, row.tobytes()) for number, row in enumerate(found)),
            )
        database.close()

    def open(self):
        """Open what is stored."""
        self._database = self._connect()

    def search(self, text, vector, k):
        """The best texts' indexes."""
        one = None if vector is None else vector[None]
        rows = self._database.execute(
            "SELECT id, text FROM"
            " (SELECT rowid, distance FROM vectors WHERE vector MATCH ? AND k = ?)"
            " JOIN texts ON id = rowid ORDER BY distance",
            (self.vectors([text], one)[0].tobytes(), k),
        )
        return [id_ for id_, _ in rows]

    def _connect(self):
        database = apsw.Connection(str(self.folder / "passages.db"))
        database.execute("PRAGMA journal_mode = wal")
        database.enable_load_extension(True)
        database.load_extension(sqlite_vec.loadable_path())
        return database


if __name__ == "__main__":
    serve(SqliteVec(*arguments()))
