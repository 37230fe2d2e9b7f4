"""Reading files: detection, extractors, and the worker processes that they run in."""
