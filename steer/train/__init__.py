"""Offline RL: from recorded episodes to a critic on disk, and the audit that it has to pass."""
