"""One episode as a row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from steer.errors import ConfigError, ServerError

__all__ = ["TIMES", "Key", "Row", "row_frozen", "row_of"]

Key = tuple[str, str, str, int, str, int]
"""Policy, task, arm, N, limit and seed: what may stand in a run only once."""
TIMES = ("policy_ms", "server_ms", "round_trip_ms")
"""The fields of a row that differ between two runs of the same command; no other does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One episode.

    Attributes:
        policy: Name of the kind of policy.
        task: Name of the task.
        arm: Name of the arm.
        num_candidates: N asked for.
        limit: `task` or `package`: whose step limit ended it.
        seed: Of the initial state and of the policy's noise.
        split: `tune`, `test`, `train` or `user`.
        is_success: Whether the package's flag was set before the last step.
        steps: Control ticks until success, or the limit.
        total_reward: Sum of the rewards, -1 a tick without success.
        flag: What broke the episode, which then counts as failed; empty where nothing did.
        num_scored: Fewest candidates scored in any decision.
        indices: Chosen candidate of each decision.
        advantages: Score of the chosen candidate of each decision, in discounted return.
        reasons: Of each decision.
        scores: Score of each candidate of each decision; of the oracle alone.
        outcomes: Reward that was left from each candidate of each decision on, the policy alone
            going on after it; of the oracle alone.
        policy_ms: Time of drawing, each decision.
        server_ms: Time on the server, each decision.
        round_trip_ms: Time at the client, each decision.
        critic_digest: Identity of the critic.
        policy_digest: Identity of the policy's weights.
    """

    policy: str
    task: str
    arm: str
    num_candidates: int
    limit: str
    seed: int
    split: str
    is_success: bool
    steps: int
    total_reward: float
    flag: str = ""
    num_scored: int
    indices: tuple[int, ...]
    advantages: tuple[float, ...]
    reasons: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...] = ()
    outcomes: tuple[tuple[float, ...], ...] = ()
    policy_ms: tuple[float, ...]
    server_ms: tuple[float, ...]
    round_trip_ms: tuple[float, ...]
    critic_digest: str
    policy_digest: str

    @property
    def key(self) -> Key:
        """What may stand in a file only once."""
        return (self.policy, self.task, self.arm, self.num_candidates, self.limit, self.seed)

    @property
    def overrides(self) -> int:
        """How many decisions chose another than the policy's own chunk."""
        return sum(index != 0 for index in self.indices)


def row_of(line: str) -> Row:
    """Return the row of a line of JSON.

    Raises:
        ServerError: The line is `{"error": TEXT}`: what a worker says instead of a row.
        ConfigError: The same, and trying again would not help.
        ValueError: The line is neither.
    """
    tree: dict[str, Any] = json.loads(line)
    if "error" in tree:
        raise (ConfigError if tree.get("is_final") else ServerError)(tree["error"])
    if tree.keys() != {item.name for item in fields(Row)}:
        raise ValueError(f"a row's fields, got {sorted(tree)}")
    return row_frozen(tree)


def row_frozen(tree: Mapping[str, Any]) -> Row:
    """Return the row of its fields, whose lists become tuples."""
    return Row(**{name: _frozen(value) for name, value in tree.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
