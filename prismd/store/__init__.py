"""One SQLite file that holds everything: files, documents, passages, vectors, jobs."""
