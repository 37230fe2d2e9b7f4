"""Plain and marked-up text, data and source code."""
