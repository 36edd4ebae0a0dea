"""Encoders, one modality a file: observation to context."""
