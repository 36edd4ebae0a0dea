"""The server: sessions, policy sources, the engine, and the wire in front of them."""
