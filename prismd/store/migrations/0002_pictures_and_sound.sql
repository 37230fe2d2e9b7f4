-- What beside the extractor had a part in a document (OCR, speech recognition), as JSON: role to
-- name, an empty name where it was wanted and not there.
ALTER TABLE documents ADD COLUMN engines TEXT NOT NULL DEFAULT '{}';

-- A picture or a recording as such is a passage without text; it gets no vector of meaning.
DROP INDEX passages_unembedded;
CREATE INDEX passages_unembedded ON passages (id)
    WHERE embedding_id IS NULL AND char_end > char_start;
CREATE INDEX passages_as_such ON passages (document_id) WHERE char_end = char_start;
CREATE INDEX documents_pictures ON documents (id) WHERE type = 'image';

-- Files by the words of their paths. Contentless: made of `files` by the triggers, and can be
-- made again from it.
CREATE VIRTUAL TABLE file_names USING fts5 (
    path,
    content = '', contentless_delete = 1,
    tokenize = "porter unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE file_names_vocabulary USING fts5vocab (file_names, row);
CREATE TRIGGER file_named AFTER INSERT ON files BEGIN
    INSERT INTO file_names (rowid, path) VALUES (new.id, index_text(new.path));
END;
CREATE TRIGGER file_renamed AFTER UPDATE OF path ON files WHEN new.path != old.path BEGIN
    DELETE FROM file_names WHERE rowid = old.id;
    INSERT INTO file_names (rowid, path) VALUES (new.id, index_text(new.path));
END;
CREATE TRIGGER file_unnamed AFTER DELETE ON files BEGIN
    DELETE FROM file_names WHERE rowid = old.id;
END;
INSERT INTO file_names (rowid, path) SELECT id, index_text(path) FROM files;
