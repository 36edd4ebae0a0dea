"""Where steering left the policy's own chunk, what came of it, and how long it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.evaluation.cells import Cell
from sim.evaluation.outcomes import by_cell
from sim.evaluation.row import Row
from sim.figures.means import main_count
from sim.stats import Estimate, clustered_mean, success_rate

__all__ = ["Latency", "OverrideTotals", "Overrides", "latencies_of", "overrides_of", "totals_of"]

_PROFILE = 10


@dataclass(frozen=True, slots=True)
class Overrides:
    """How often the arm steered left the policy's own chunk in a cell, and what came of it.

    Attributes:
        decisions: Decisions of the arm.
        overrides: Of these, for another candidate than the policy's own.
        episodes: Episodes with an override, of those that ran alone on the same seed too.
        won: Of these episodes, succeeded where the policy alone failed.
        lost: Failed where the policy alone succeeded.
        profile: Share of decisions overridden in each tenth of the cell's longest episode; None
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
class OverrideTotals:
    """The same over all cells.

    Attributes:
        rate: Share of decisions that were overrides; the interval resamples episodes.
        wins: Share of won episodes among those with an override whose outcome changed, None
            where no outcome changed.
    """

    rate: Estimate
    wins: Estimate | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Median and 99th percentile of one part of a decision, in milliseconds."""

    median_ms: float
    p99_ms: float


def overrides_of(rows: Sequence[Row]) -> dict[Cell, Overrides]:
    """Return the overrides of the arm steered, of each cell where it ran."""
    count, found = main_count(rows), {}
    for cell, arms in by_cell(rows).items():
        steered = arms.get(("steered", count, "task"), {})
        if steered:
            found[cell] = _of_cell(steered, arms.get(("alone", 1, "task"), {}))
    return found


def totals_of(rows: Sequence[Row]) -> OverrideTotals | None:
    """Return how often was overridden over all cells, None without a decision."""
    count = main_count(rows)
    mine = [row for row in rows if _is_steered(row, count)]
    changes = [float(index != 0) for row in mine for index in row.indices]
    episodes = [number for number, row in enumerate(mine) for _ in row.indices]
    if not changes:
        return None
    return OverrideTotals(
        clustered_mean(changes, episodes, rng=np.random.default_rng(0)), _wins(rows, count)
    )


def _wins(rows: Sequence[Row], count: int) -> Estimate | None:
    """Return the share of won episodes among those whose outcome an override changed.

    Policies on one task begin in the same states, so episodes of one task and seed are resampled
    together. The interval is at least as wide as Wilson's, which holds where all were won.
    """
    wins, starts = list[bool](), list[tuple[str, int]]()
    for cell, arms in by_cell(rows).items():
        steered = arms.get(("steered", count, "task"), {})
        for row, alone in _overridden(steered, arms.get(("alone", 1, "task"), {})):
            if row.is_success != alone.is_success:
                wins.append(row.is_success)
                starts.append((cell.task, row.seed))
    if not wins:
        return None
    found, least = clustered_mean(wins, starts, rng=np.random.default_rng(0)), success_rate(wins)
    return replace(found, low=min(found.low, least.low), high=max(found.high, least.high))


def latencies_of(rows: Sequence[Row]) -> dict[str, dict[str, Latency]]:
    """Return the parts of a decision's time, by policy: what draws decides how long it takes."""
    count, by_policy = main_count(rows), dict[str, list[Row]]()
    for row in rows:
        if _is_steered(row, count):
            by_policy.setdefault(row.policy, []).append(row)
    return {policy: _latencies(by_policy[policy]) for policy in sorted(by_policy)}


def _is_steered(row: Row, count: int) -> bool:
    return (row.arm, row.num_candidates, row.limit) == ("steered", count, "task")


def _of_cell(steered: Mapping[int, Row], alone: Mapping[int, Row]) -> Overrides:
    changed = _overridden(steered, alone)
    promised = [a for row in steered.values() for a in _overriding(row)]
    return Overrides(
        decisions=sum(len(row.indices) for row in steered.values()),
        overrides=sum(row.overrides for row in steered.values()),
        episodes=len(changed),
        won=sum(row.is_success and not other.is_success for row, other in changed),
        lost=sum(other.is_success and not row.is_success for row, other in changed),
        profile=_profile([row.indices for row in steered.values()]),
        promised=float(np.median(promised)) if promised else None,
    )


def _overridden(steered: Mapping[int, Row], alone: Mapping[int, Row]) -> Sequence[tuple[Row, Row]]:
    """Return the episodes with an override, each beside that of the policy alone."""
    return [(row, alone[seed]) for seed, row in steered.items() if row.overrides and seed in alone]


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
