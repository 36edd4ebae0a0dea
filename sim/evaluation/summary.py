"""Rows as a table for the terminal."""

from collections.abc import Sequence

from sim.evaluation.outcomes import Arms, by_cell
from sim.evaluation.row import Row
from sim.stats import paired_difference, success_rate

__all__ = ["summary"]


def summary(rows: Sequence[Row]) -> str:
    """Return success of every arm, and its difference to the policy alone, cell by cell."""
    lines = [f"{'cell':34}{'arm':18}{'N':>3}{'n':>5}  success            minus alone"]
    for cell, arms in by_cell(rows).items():
        lines += [_line(f"{cell.policy}/{cell.task}", arms, key) for key in arms]
    flagged = [row for row in rows if row.flag]
    lines += [
        f"flagged: {row.policy}/{row.task} {row.arm} {row.seed}: {row.flag}" for row in flagged
    ]
    return "\n".join(lines)


def _line(cell: str, arms: Arms, key: tuple[str, int, str]) -> str:
    arm, count, limit = key
    mine = {seed: row.is_success for seed, row in arms[key].items()}
    rate = success_rate(list(mine.values()))
    shown = arm if limit == "task" else f"{arm} ({limit})"
    line = f"{cell[-33:]:34}{shown:18}{count:3d}{rate.n:5d}  {rate.value:.2f} "
    line += f"[{rate.low:.2f}, {rate.high:.2f}]"
    alone = {seed: row.is_success for seed, row in arms.get(("alone", 1, limit), {}).items()}
    shared = sorted(mine.keys() & alone.keys())
    if not shared or arm == "alone":
        return line
    gap = paired_difference([mine[s] for s in shared], [alone[s] for s in shared])
    return f"{line}  {gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]"
