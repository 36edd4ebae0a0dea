"""The last words of a process of System 2 that the server will never serve as it is."""

from pathlib import Path

__all__ = ["REFUSED", "read_refusal", "write_refusal"]

REFUSED = 2
"""Its exit code."""
_WORDS = "refusal"


def write_refusal(directory: Path, text: str) -> None:
    """Leave the words in the directory that both processes share."""
    (directory / _WORDS).write_text(text)


def read_refusal(directory: Path) -> str:
    """Return them; what there is to say in their place where there are none."""
    path = directory / _WORDS
    return path.read_text() if path.is_file() else "expected its reason, got none"
