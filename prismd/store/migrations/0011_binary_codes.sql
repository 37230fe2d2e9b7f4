-- Codes are all compared, which is faster than choosing lists of them and misses none: no more lists.
-- Those that there are go on serving, in whatever order they were written.
DROP INDEX vector_lists_by_list;
ALTER TABLE vector_lists RENAME TO vector_codes;
ALTER TABLE vector_codes DROP COLUMN list;
CREATE INDEX vector_codes_by_generation ON vector_codes (generation_id);
ALTER TABLE vector_generations DROP COLUMN centroids;
ALTER TABLE vector_generations RENAME COLUMN trained_on TO made_of;
ALTER TABLE vector_generations RENAME COLUMN listed TO coded;
ALTER TABLE vector_generations RENAME COLUMN listed_to TO coded_to;
