"""Policy sources: where the server draws candidates from, one kind a file."""
