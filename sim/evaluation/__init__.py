"""Paired episodes through a real server: arms, episodes, rows, runs."""
