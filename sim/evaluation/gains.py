"""Rows as the paired cells that the statistics take."""

from collections.abc import Sequence

from sim import stats
from sim.evaluation.outcomes import by_cell, successes
from sim.evaluation.row import Row

__all__ = ["paired_cells"]


def paired_cells(
    rows: Sequence[Row],
    arm: tuple[str, int | None],
    base: tuple[str, int | None] = ("alone", 1),
    *,
    limit: str = "task",
) -> list[stats.Cell]:
    """Return the cells where two arms ran on seeds that they share.

    Args:
        rows: Of any cells and arms.
        arm: Name and N; None for N takes the only one that there is.
        base: What it is compared with.
        limit: Whose step limit.
    """
    found = []
    for cell, arms in by_cell(rows).items():
        sides = []
        for name, count in (arm, base):
            keys = [
                key
                for key in arms
                if key[0] == name and key[2] == limit and count in (None, key[1])
            ]
            sides.append(successes(arms[keys[0]]) if len(keys) == 1 else {})
        first, second = sides
        shared = first.keys() & second.keys()
        if shared:
            found.append(
                stats.Cell(
                    policy=cell.policy,
                    task=cell.task,
                    first={seed: first[seed] for seed in sorted(shared)},
                    second={seed: second[seed] for seed in sorted(shared)},
                )
            )
    return found
