"""What an audit found, and what must be said beside it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.train.audit_metrics import Calibration, Figure

__all__ = ["Audit", "reached", "warnings_of"]

_FEW_EPISODES, _FEW_ENDS = 10, 3
"""Fewer episodes, and fewer successes or failures, leave intervals that say next to nothing."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What was found.

    Attributes:
        is_held_out: Whether the episodes are those that training kept back.
        num_episodes: Episodes judged on.
        num_successes: Of these, successes.
        value_order: Along successes.
        discrimination: Success against failure, by share of the episode gone.
        explained: Share of the variance of realised return that predictions explain.
        calibration: Predicted against realised return.
        expert_over_noise: Share of executed chunks that beat a random one.
        expert_over_perturbed: Share that beat a smooth perturbation of themselves.
        executed_rank: Where the executed chunk stands among the candidates; 1 is best.
        executed_top1: How often it is the best; of N ties a share of 1/N.
        candidates: Where the candidates came from.
        regret: (N, regret of the critic's choice, of a random one) among executed chunks.
        override_rate: Share of states where some candidate beats the executed one by the margin.
        failed: Names of the thresholds that were missed.
        thresholds: What had to be reached, by name.
        warnings: Why the numbers may mislead, one sentence each.
    """

    is_held_out: bool
    num_episodes: int
    num_successes: int
    value_order: Figure
    discrimination: dict[str, Figure]
    explained: Figure
    calibration: Calibration
    expert_over_noise: Figure
    expert_over_perturbed: Figure
    executed_rank: Figure
    executed_top1: Figure
    candidates: str
    regret: list[tuple[int, float, float]]
    override_rate: float
    failed: tuple[str, ...]
    thresholds: dict[str, float]
    warnings: tuple[str, ...]


def reached(audit: Audit) -> dict[str, float]:
    """Return the numbers that have a threshold, by its name."""
    return {
        "value_order": audit.value_order.value,
        "discrimination": audit.discrimination["0.5"].value,
        "explained": audit.explained.value,
        "rank_correlation": audit.calibration.rank_correlation,
        "expert_over_noise": audit.expert_over_noise.value,
    }


def warnings_of(success: NDArray[np.bool_], *, is_held_out: bool) -> tuple[str, ...]:
    """Say where so few episodes were judged that the numbers decide little."""
    held_out = "held-out episodes" if is_held_out else "episodes that are NOT held out"
    count, num_successes = len(success), int(success.sum())
    found = [f"{count} {held_out}"] if count < _FEW_EPISODES else []
    ends = (("success", "successes", num_successes), ("failure", "failures", count - num_successes))
    for one, several, number in ends:
        if number < _FEW_ENDS:
            found.append(f"{number} {one if number == 1 else several} among {count} {held_out}")
    return tuple(f"{text}; the intervals are wide" for text in found)
