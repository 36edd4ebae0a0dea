"""Files that appear whole or not at all."""

from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, text: str) -> None:
    """Write `text`, replacing what was there in one step; its directory is made where missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".partial")
    fresh.write_text(text)
    fresh.replace(path)
