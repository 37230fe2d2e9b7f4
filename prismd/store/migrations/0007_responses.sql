-- Answers to /v1/responses with what was asked, so that a later question can go on with them.
-- `previous_id` may name one that is gone. `input` is a JSON list of items, `response` the object
-- as it was sent.
CREATE TABLE responses (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    model TEXT NOT NULL,
    previous_id TEXT,
    input BLOB NOT NULL,
    response BLOB NOT NULL
);
CREATE INDEX responses_by_age ON responses (created_at);
