"""What is evaluated: a policy on a task, and the ways of choosing that are run there."""

import re
from dataclasses import dataclass
from typing import Literal

from sim.plugins import is_plugin
from steer.errors import InvalidInputError

__all__ = ["Cell", "Limit", "Run"]

_CELL = re.compile(r"(.+\.py:\w+|[^/]+)/(.+\.py:\w+|[^/]+)")

Limit = Literal["task", "package"]
"""Whose step limit ends an episode: ours, or the package's own."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One policy on one task.

    Attributes:
        policy: Name of the kind of policy, for example `diffusion`; or `FILE.py:NAME`, a callable.
        task: Name of the task; or `FILE.py:NAME`, what makes its robot.
    """

    policy: str
    task: str

    @property
    def is_own(self) -> bool:
        """Whether policy or task is the user's own code."""
        return is_plugin(self.policy) or is_plugin(self.task)

    @property
    def name(self) -> str:
        """The cell as it is written on command lines and in results, `policy/task`."""
        return f"{self.policy}/{self.task}"

    @property
    def file_name(self) -> str:
        """A name for files of the cell that is no path, whatever the user's files are called."""
        return self.name.replace(".py:", "-").replace("/", "-")

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """Return the cell that is called `policy/task`.

        Raises:
            InvalidInputError: The text is no such name.
        """
        found = _CELL.fullmatch(text.strip())
        if found is None:
            raise InvalidInputError.expected("cell", "POLICY/TASK", repr(text))
        return cls(*found.groups())


@dataclass(frozen=True, slots=True)
class Run:
    """What is run on one seed of a cell.

    Attributes:
        arm: Name of the way of choosing.
        num_candidates: N.
        limit: Whose step limit ends it.
    """

    arm: str
    num_candidates: int
    limit: Limit = "task"

    def file_name(self, cell: Cell, seed: int) -> str:
        """Return a name for files of the run on one seed of a cell."""
        return f"{cell.file_name}-{self.arm}-n{self.num_candidates}-{self.limit}-{seed}"
