"""The HTTP API: OpenAI's shapes and prismd's own, on the loopback interface."""
