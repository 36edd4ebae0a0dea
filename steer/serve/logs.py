"""The server's log on stderr: one event a line, as text or as JSON."""

import json
import logging
import sys
from typing import Literal

__all__ = ["configure"]


class _JsonFormatter(logging.Formatter):
    """Write a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        tree = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            tree["exception"] = self.formatException(record.exc_info)
        return json.dumps(tree)


def configure(log_format: Literal["text", "json"]) -> None:
    """Send every log line of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(_JsonFormatter() if log_format == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
