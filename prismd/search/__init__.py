"""From a query to hits: lexical, vector and picture retrieval, fusion, reranking; the history."""
