"""The key of an encrypted index, and what keeps its content out of logs and other files."""
