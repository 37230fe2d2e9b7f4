-- When anything about a file was last changed, its permissions included; 0 where a version
-- before this one took it in.
ALTER TABLE files ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT 0;
-- A file that was moved is found by what it is on the disk.
CREATE INDEX files_by_inode ON files (inode);
