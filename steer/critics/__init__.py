"""Critics: the value of an observation and a chunk, from weights and a card on disk."""
