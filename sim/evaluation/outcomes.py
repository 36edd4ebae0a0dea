"""Rows by cell, arm and seed."""

from collections.abc import Mapping, Sequence

from sim.evaluation.cells import Cell
from sim.evaluation.row import Row

__all__ = ["Arms", "by_cell", "successes"]

Arms = Mapping[tuple[str, int, str], Mapping[int, Row]]
"""Rows of a cell by (arm, N, limit), and by seed."""


def by_cell(rows: Sequence[Row]) -> dict[Cell, Arms]:
    """Return the rows of each cell, in the order of the cells' names."""
    found: dict[Cell, dict[tuple[str, int, str], dict[int, Row]]] = {}
    for row in sorted(rows, key=lambda row: row.key):
        arms = found.setdefault(Cell(row.policy, row.task), {})
        arms.setdefault((row.arm, row.num_candidates, row.limit), {})[row.seed] = row
    return dict(found)


def successes(rows: Mapping[int, Row]) -> dict[int, bool]:
    """Return success by seed."""
    return {seed: row.is_success for seed, row in sorted(rows.items())}
