"""What the rows of an evaluation say: rates, gains, overrides, latencies, and their records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sim.evaluation.row import Row
from sim.origin import commit, machine, versions
from sim.stats import Estimate, PairedDifference, paired_difference, success_rate

__all__ = [
    "Latency",
    "Overrides",
    "TaskFigures",
    "commit",
    "figures_of",
    "machine",
    "records_of",
    "verdict",
    "versions",
]

_PROFILE = 10
# Metric of the published records by (arm, the arm it is compared with).
_RATES = {"alone": "alone", "steered": "steered", "filtered": "filtered"}
_GAINS = {
    "gain": ("steered", "alone", "policy alone, paired by seed"),
    "random_gain": ("random", "alone", "policy alone, paired by seed"),
    "filtered_gain": ("filtered-steered", "filtered", "filtered policy alone, paired by seed"),
    "steered_over_filtered": ("steered", "filtered", "filtered policy alone, paired by seed"),
}


@dataclass(frozen=True, slots=True)
class Overrides:
    """How often the steered arm left the policy's own chunk, and what came of it.

    Attributes:
        decisions: Decisions of the arm.
        overrides: Of these, for another candidate than the policy's own.
        episodes: Episodes with an override, of those that ran alone on the same seed too.
        won: Of these episodes, succeeded where the policy alone failed.
        lost: Failed where the policy alone succeeded.
        profile: Share of decisions overridden in each tenth of the task's longest episode; None
            where no decision was made.
        promised: Median score of the chosen chunk where it overrode, in discounted return; None
            without an override.
    """

    decisions: int
    overrides: int
    episodes: int
    won: int
    lost: int
    profile: tuple[float | None, ...]
    promised: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Median and 99th percentile of one part of a decision, in milliseconds."""

    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFigures:
    """All figures of one task.

    Attributes:
        task: Name of the task.
        rates: Success by arm.
        gains: Paired difference to the arm `base` of (arm, base).
        overrides: Of the steered arm.
        latencies: Of the steered arm, by part.
    """

    task: str
    rates: Mapping[str, Estimate]
    gains: Mapping[tuple[str, str], PairedDifference]
    overrides: Overrides
    latencies: Mapping[str, Latency]


def figures_of(rows: Sequence[Row], task: str) -> TaskFigures:
    """Return the figures of one task."""
    by_arm: dict[str, dict[int, Row]] = {}
    for row in rows:
        if row.task == task:
            by_arm.setdefault(row.arm, {})[row.seed] = row
    pairs = [(arm, "filtered" if arm == "filtered-steered" else "alone") for arm in by_arm]
    pairs += [("steered", "filtered")] if "steered" in by_arm else []
    gains = {}
    for arm, base in pairs:
        shared = sorted(by_arm[arm].keys() & by_arm.get(base, {}).keys())
        if shared and arm != base:
            mine = [by_arm[arm][seed].is_success for seed in shared]
            theirs = [by_arm[base][seed].is_success for seed in shared]
            gains[arm, base] = paired_difference(mine, theirs)
    return TaskFigures(
        task=task,
        rates={
            arm: success_rate([row.is_success for row in found.values()])
            for arm, found in by_arm.items()
        },
        gains=gains,
        overrides=_overrides(by_arm.get("steered", {}), by_arm.get("alone", {})),
        latencies=_latencies(list(by_arm.get("steered", {}).values())),
    )


def _overrides(steered: Mapping[int, Row], alone: Mapping[int, Row]) -> Overrides:
    changed = [row for row in steered.values() if row.overrides and row.seed in alone]
    won = sum(row.is_success and not alone[row.seed].is_success for row in changed)
    lost = sum(alone[row.seed].is_success and not row.is_success for row in changed)
    return Overrides(
        decisions=sum(len(row.indices) for row in steered.values()),
        overrides=sum(row.overrides for row in steered.values()),
        episodes=len(changed),
        won=won,
        lost=lost,
        profile=_profile([row.indices for row in steered.values()]),
        promised=_median([a for row in steered.values() for a in _overriding(row)]),
    )


def _profile(episodes: Sequence[Sequence[int]]) -> tuple[float | None, ...]:
    """Return the share of choices that are not 0, for each tenth of the longest episode."""
    longest = max(map(len, episodes), default=0)
    tenths: list[list[bool]] = [[] for _ in range(_PROFILE)]
    for indices in episodes:
        for number, index in enumerate(indices):
            tenths[number * _PROFILE // longest].append(index != 0)
    return tuple(float(np.mean(tenth)) if tenth else None for tenth in tenths)


def _overriding(row: Row) -> list[float]:
    return [a for a, index in zip(row.advantages, row.indices, strict=True) if index]


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _latencies(rows: Sequence[Row]) -> dict[str, Latency]:
    parts = {
        "drawing the candidates": [ms for row in rows for ms in row.policy_ms],
        "all else on the server": [
            total - policy
            for row in rows
            for total, policy in zip(row.server_ms, row.policy_ms, strict=True)
        ],
        "round trip of the robot": [ms for row in rows for ms in row.round_trip_ms],
    }
    return {
        name: Latency(float(np.median(values)), float(np.percentile(values, 99)))
        for name, values in parts.items()
        if values
    }


def verdict(figures: Sequence[TaskFigures]) -> str:
    """Return the verdict in one sentence: where steering helped, and where it did not."""
    gains = {
        f.task: f.gains[("steered", "alone")] for f in figures if ("steered", "alone") in f.gains
    }
    if not gains:
        return "Nothing to compare: the arms alone and steered were not both run."
    better = [task for task, gap in gains.items() if gap.low > 0]
    worse = [task for task, gap in gains.items() if gap.high < 0]
    shown = ", ".join(f"{task} {gap.value:+.2f}" for task, gap in gains.items())
    n = min(gap.n for gap in gains.values())
    seen = f"({shown}; same seeds, n = {n} a task)"
    if not better and not worse:
        return f"Steered and alone, the robot did not succeed clearly differently {seen}."
    if not better:
        return f"Steered, the robot succeeded clearly less often on {', '.join(worse)} {seen}."
    text = (
        f"Steered, the robot succeeded clearly more often on {len(better)} of {len(gains)} tasks "
        f"{seen}"
    )
    if worse:
        return f"{text}, and clearly less often on {', '.join(worse)}."
    return f"{text}, and on none clearly less."


def records_of(
    figures: Sequence[TaskFigures],
    *,
    command: str,
    extra: Mapping[str, tuple[float, str]],
    measured_at: str,
) -> list[dict[str, Any]]:
    """Return the records of design section 9.

    Args:
        figures: Of all tasks.
        command: That measured them.
        extra: Further values with their unit, by metric.
        measured_at: The commit, as `commit` gave it when the run began.
    """
    origin = {
        "command": command,
        "commit": measured_at,
        "machine": machine(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    found: list[dict[str, Any]] = []

    def add(metric: str, figure: Any, unit: str, against: str) -> None:
        numbers = {"value": round(figure.value, 4), "low": round(figure.low, 4)}
        numbers |= {"high": round(figure.high, 4), "n": figure.n}
        found.append({"metric": metric, **numbers, "unit": unit, "against": against, **origin})

    for item in figures:
        for arm, name in _RATES.items():
            if arm in item.rates:
                add(f"{name}/{item.task}", item.rates[arm], "success", "")
        for name, (arm, base, against) in _GAINS.items():
            if (arm, base) in item.gains:
                add(f"{name}/{item.task}", item.gains[arm, base], "success", against)
    for metric, (value, unit) in extra.items():
        numbers = {"value": round(value, 3), "low": None, "high": None, "n": 1}
        found.append({"metric": metric, **numbers, "unit": unit, "against": "", **origin})
    return found
