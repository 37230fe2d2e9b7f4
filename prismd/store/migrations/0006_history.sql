-- What was searched and asked, for the user alone; `filters` is JSON, `engine` and `grounding` are
-- empty for a search, `example` names what was given to find the like of.
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    asked_at REAL NOT NULL,
    kind TEXT NOT NULL,
    query TEXT NOT NULL,
    example TEXT NOT NULL,
    filters TEXT NOT NULL,
    hits INTEGER NOT NULL,
    engine TEXT NOT NULL,
    grounding TEXT NOT NULL
);
CREATE INDEX history_by_age ON history (asked_at);

-- Uploads are a collection of files as every watched folder is, and this is its beginning.
INSERT OR IGNORE INTO facts (key, value) VALUES ('uploads since', unixepoch());
