-- What an answer cited, as a JSON list of the ids of citations in their order; none of a search.
ALTER TABLE history ADD COLUMN cited TEXT NOT NULL DEFAULT '[]';
