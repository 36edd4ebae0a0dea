"""Observation -> context, one modality per file."""
