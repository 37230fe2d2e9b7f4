-- What has been read so far of a file that is being read: the pages of a scan, the stretches of a
-- recording. A pause, a crash or a restart then costs no more than the piece in hand. The pieces
-- of a file go with its job, in whatever way that ends, and no search looks here.
CREATE TABLE pieces (
    sha256 TEXT NOT NULL,
    reader TEXT NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    file_id INTEGER NOT NULL REFERENCES jobs (file_id) ON DELETE CASCADE,
    PRIMARY KEY (sha256, reader, number)
);
CREATE INDEX pieces_of_file ON pieces (file_id);
