"""The composition root: a prismd built out of its settings, for commands as for the daemon."""
