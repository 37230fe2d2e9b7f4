-- What stands between prismd and files that are queued, through no fault of theirs: a disk within
-- a folder that is not there (`kind` is 'disk'), or a system that lets nobody read ('system').
-- One file behind each is tried at `look_at`; once it can be read, all of them can.
CREATE TABLE obstacles (
    id INTEGER PRIMARY KEY,
    root_id INTEGER REFERENCES roots (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    why TEXT NOT NULL,
    look_at REAL NOT NULL
);

-- `root_id` is that of the file, so that the queue of a folder that is offline is passed over
-- without a look at any of it.
ALTER TABLE jobs ADD COLUMN root_id INTEGER;
ALTER TABLE jobs ADD COLUMN obstacle_id INTEGER REFERENCES obstacles (id) ON DELETE SET NULL;
UPDATE jobs SET root_id = (SELECT root_id FROM files WHERE id = jobs.file_id);
CREATE TRIGGER job_moved AFTER UPDATE OF root_id ON files WHEN new.root_id IS NOT old.root_id BEGIN
    UPDATE jobs SET root_id = new.root_id WHERE file_id = new.id;
END;

DROP INDEX jobs_in_order;
CREATE INDEX jobs_in_order ON jobs (root_id, priority, recency)
    WHERE leased_by IS NULL AND obstacle_id IS NULL;
CREATE INDEX jobs_in_hand ON jobs (file_id) WHERE leased_by IS NOT NULL;
CREATE INDEX jobs_behind ON jobs (obstacle_id, not_before) WHERE obstacle_id IS NOT NULL;
