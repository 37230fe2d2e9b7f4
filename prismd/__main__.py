"""``python -m prismd`` is ``prismd``."""

from prismd.cli import main

main()
