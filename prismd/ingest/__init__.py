"""From jobs to documents that can be found: read, chunked, stored, embedded."""
