-- Files that were uploaded: their bytes live here, in pieces. `file_id` and `sha256` are NULL while
-- one comes in; what nobody is sending any more is removed at the next start. Of the same bytes
-- there is one.
CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- part of the file's path: never used again
    file_id INTEGER UNIQUE REFERENCES files (id) ON DELETE CASCADE,
    sha256 TEXT UNIQUE,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    purpose TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL
);
CREATE INDEX uploads_unfinished ON uploads (id) WHERE file_id IS NULL;
CREATE TABLE upload_pieces (
    id INTEGER PRIMARY KEY,
    upload_id INTEGER NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (upload_id, number)
);

-- Files of watched folders that the user wants out of the index. `file_id` is the number that one
-- had; device, inode, size and time are those of the file itself, which may be given another name.
CREATE TABLE exclusions (
    file_id INTEGER PRIMARY KEY,
    path_raw BLOB NOT NULL UNIQUE,
    path TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    excluded_at REAL NOT NULL
);
CREATE INDEX exclusions_by_inode ON exclusions (inode, device);

-- What is forgotten takes with it what was quoted of it.
CREATE INDEX citations_by_document ON citations (sha256);
