"""Rows of a command that goes on where it was stopped: one a line, all of the same settings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steer.errors import ConfigError

__all__ = ["Lines"]


class Lines:
    """Rows in a file, each whole or not at all.

    Args:
        path: Of the file.
        settings: That all of its rows were made with.

    Attributes:
        rows: All of them.
        settings: As they are kept.

    Raises:
        ConfigError: It has rows that were made with others.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path, self.settings = path, json.loads(json.dumps(dict(settings)))
        text = path.read_text() if path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]  # the last line of a run that was killed may be torn
        try:
            self.rows: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
            found = [row["settings"] for row in self.rows]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: expected rows of this command, got {error!r}") from error
        for other in found:
            names = [name for name in self.settings if other.get(name) != self.settings[name]]
            if names:
                words = ", ".join(names)
                raise ConfigError(
                    f"{path}: expected rows of the same {words}, got others; take another --output"
                )
        if whole != text:
            path.write_text(whole)

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep a row."""
        kept = {**row, "settings": self.settings}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(kept, separators=(",", ":")) + "\n")
        self.rows.append(kept)
