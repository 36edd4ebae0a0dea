"""What a worker is asked for."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sim.evaluation.arms import Settings
from sim.evaluation.cells import Cell, Run

__all__ = ["Job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The episodes of one seed of a cell, run after one another in one process.

    Attributes:
        server: `HOST:PORT`.
        cell: Policy and task.
        seed: Of all its episodes.
        runs: Those still to run.
        settings: Margin and beta.
        sources: Name of the policy source on the server, by arm; empty where the policy is in the
            worker.
        logs: Directory for the decision logs of these episodes; empty for none.
    """

    server: str
    cell: Cell
    seed: int
    runs: tuple[Run, ...]
    settings: Settings
    sources: Mapping[str, str]
    logs: str = ""

    def to_line(self) -> str:
        """Return the job as it travels."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Job":
        """Return the job of a line that `to_line` wrote."""
        tree: dict[str, Any] = json.loads(line)
        parts = {
            "cell": Cell(**tree["cell"]),
            "runs": tuple(Run(**item) for item in tree["runs"]),
            "settings": Settings(**tree["settings"]),
        }
        return cls(**{**tree, **parts})
