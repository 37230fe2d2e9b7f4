"""Recordings: tags, chapters, and how they sound."""
