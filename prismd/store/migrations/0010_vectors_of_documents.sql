-- A search within many documents takes the vectors of all their passages out of this index alone.
DROP INDEX passages_by_document;
CREATE INDEX passages_by_document ON passages (document_id, ordinal, embedding_id);
