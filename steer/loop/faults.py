"""What went wrong, counted, and said so that a fault in every tick does not fill the disk."""

import logging
from collections import Counter

from steer.seldom import is_said

__all__ = ["Faults"]


class Faults:
    """Counts faults, and logs each cause at once, and then ever more seldom.

    Args:
        logger: Of the lines.

    Attributes:
        counts: How often, by what.
        last: The last one, in words; empty before there is one. Whoever reads it empties it.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._causes: Counter[tuple[str, str]] = Counter()
        self.counts: Counter[str] = Counter()
        self.last = ""

    def note(self, what: str, text: str, *, cause: str = "") -> None:
        """Take a fault.

        Args:
            what: By which it is counted.
            text: `expected <contract>, got <value>`, in the log behind `what`.
            cause: What is logged at once where it is new; the contract where it is empty.
        """
        self.counts[what] += 1
        key = (what, cause or text.partition(", got ")[0])
        self._causes[key] += 1
        self.last = f"{what}: {text}"
        if is_said(self._causes[key]):
            self._logger.warning("%s (%d times)", self.last, self.counts[what])
