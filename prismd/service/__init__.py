"""prismd as a service of one user: what systemd and launchd are given, and asked."""
