"""Measurements of speed; each writes its records to `demo/`, and `make results` publishes."""
