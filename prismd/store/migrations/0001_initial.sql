-- Folders that the user named. `origin` is 'config' for those of a configuration file, which
-- `config_file` names; `device` is the file system that the folder was last seen on.
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path_raw BLOB NOT NULL UNIQUE,
    path TEXT NOT NULL,
    origin TEXT NOT NULL,
    config_file TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'watching',
    device INTEGER NOT NULL DEFAULT 0,
    added_at REAL NOT NULL
);

-- A path that holds (or held, at last look) a document. `path_raw` is the name as the system
-- has it, which need not be UTF-8; `path` is the same for people.
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root_id INTEGER REFERENCES roots (id) ON DELETE CASCADE,
    path_raw BLOB NOT NULL UNIQUE,
    path TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    sha256 TEXT,
    document_id INTEGER REFERENCES documents (id),
    media_type TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    indexed_at REAL
);
CREATE INDEX files_by_root ON files (root_id);
CREATE INDEX files_by_document ON files (document_id);
CREATE INDEX files_by_state ON files (state);

-- What is to be done. A row stands until its file is done with; `leased_by` names the process
-- that has it in hand, so that a restart takes back what a dead one left.
CREATE TABLE jobs (
    file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
    priority INTEGER NOT NULL,
    recency INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0,
    leased_by TEXT
);
CREATE INDEX jobs_in_order ON jobs (priority, recency) WHERE leased_by IS NULL;

-- Content, one row per hash. `orphaned_at` is set when the last file that holds it has gone:
-- it is out of every answer at once, and collected later, so that a move costs nothing.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    title TEXT NOT NULL,
    language TEXT NOT NULL,
    metadata TEXT NOT NULL,
    warnings TEXT NOT NULL,
    extractor TEXT NOT NULL,
    chunker TEXT NOT NULL,
    indexed_at REAL NOT NULL,
    orphaned_at REAL
);
CREATE INDEX documents_orphaned ON documents (orphaned_at) WHERE orphaned_at IS NOT NULL;

-- The whole text, and where its ranges stand in the source; both compressed.
CREATE TABLE document_contents (
    document_id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    text BLOB NOT NULL,
    layout BLOB NOT NULL
);

CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    char_start INTEGER NOT NULL,
    char_end INTEGER NOT NULL,
    text TEXT NOT NULL,
    heading TEXT NOT NULL,
    locator TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    embedding_hash BLOB NOT NULL,
    embedding_id INTEGER
);
CREATE INDEX passages_by_document ON passages (document_id, ordinal);
CREATE INDEX passages_by_hash ON passages (embedding_hash);
CREATE INDEX passages_by_embedding ON passages (embedding_id);
CREATE INDEX passages_unembedded ON passages (id) WHERE embedding_id IS NULL;

-- Lexical indexes. Both are contentless: what they index is derived from `passages` (words
-- broken across lines are joined, unspaced scripts are written as pairs of characters), and can
-- be rebuilt from it at any time.
CREATE VIRTUAL TABLE passage_words USING fts5 (
    text, context,
    content = '', contentless_delete = 1,
    tokenize = "porter unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE passage_words_vocabulary USING fts5vocab (passage_words, row);
CREATE VIRTUAL TABLE passage_trigrams USING fts5 (
    text,
    content = '', contentless_delete = 1, detail = none,
    tokenize = "trigram remove_diacritics 1"
);

-- The truth about vectors: one per space and embedded text, as float16. The ids are never used
-- again, so an index that still names a deleted one finds nothing.
CREATE TABLE spaces (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    dim INTEGER NOT NULL,
    vectors INTEGER NOT NULL DEFAULT 0 -- how many it has; kept by the triggers below
);
CREATE TABLE embeddings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (space_id, hash)
);
CREATE TRIGGER embedding_added AFTER INSERT ON embeddings BEGIN
    UPDATE spaces SET vectors = vectors + 1 WHERE id = new.space_id;
END;
CREATE TRIGGER embedding_deleted AFTER DELETE ON embeddings BEGIN
    UPDATE spaces SET vectors = vectors - 1 WHERE id = old.space_id;
END;

-- Inverted lists of packed codes (see store/inverted_lists.py). Vectors up to `listed_to` are
-- in the lists, later ones are searched one by one until they are appended.
CREATE TABLE vector_generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- searches keep what they read of one by its id
    space_id INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    trained_on INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    listed_to INTEGER NOT NULL,
    mean BLOB NOT NULL,
    centroids BLOB NOT NULL -- last: what comes after a large blob is slow to reach
);
CREATE TABLE vector_lists (
    id INTEGER PRIMARY KEY,
    generation_id INTEGER NOT NULL REFERENCES vector_generations (id) ON DELETE CASCADE,
    list INTEGER NOT NULL,
    ids BLOB NOT NULL,
    codes BLOB NOT NULL
);
CREATE INDEX vector_lists_by_list ON vector_lists (generation_id, list);

-- Citations that were handed out, so that their links go on working.
CREATE TABLE citations (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    char_start INTEGER NOT NULL,
    char_end INTEGER NOT NULL,
    path TEXT NOT NULL,
    title TEXT NOT NULL,
    quote TEXT NOT NULL,
    locator TEXT NOT NULL,
    created_at REAL NOT NULL
);

-- Small facts about the file itself.
CREATE TABLE facts (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
