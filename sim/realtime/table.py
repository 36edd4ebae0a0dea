"""The table of a run of the bench: each method at each delay, over all cells."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from sim.realtime.row import Row
from sim.stats import success_rate

__all__ = ["table"]

_HEAD = (
    "method",
    "delay",
    "n",
    "success",
    "low",
    "high",
    "standing",
    "broken",
    "seam",
    "jerk",
    "age_ms",
)


def table(rows: Sequence[Row]) -> str:
    """Return the table as text.

    `standing` is the share of ticks without an action, `broken` the episodes' ticks in which a
    limit would have been broken, `seam` and `jerk` are means in parts of the range, `age_ms` is the
    mean age of what was executed.
    """
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.method, row.delay].append(row)
    lines = [_HEAD, *(_line(*key, groups[key]) for key in sorted(groups, key=_order))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "".join(
        "  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True)) + "\n"
        for line in lines
    )


def _order(key: tuple[str, int]) -> tuple[int, str]:
    return (key[1], key[0])


def _line(method: str, delay: int, rows: Iterable[Row]) -> tuple[str, ...]:
    found = list(rows)
    rate = success_rate([row.is_success for row in found])
    steps = sum(row.steps for row in found)
    idle = sum(row.rungs.get(name, 0) for row in found for name in ("NOTHING", "HOLD", "STOP"))
    return (
        method,
        str(delay),
        str(len(found)),
        f"{rate.value:.2f}",
        f"{rate.low:.2f}",
        f"{rate.high:.2f}",
        f"{idle / max(1, steps):.3f}",
        str(sum(row.broken for row in found)),
        f"{np.mean([row.seam for row in found]):.3f}",
        f"{np.mean([row.jerk for row in found]):.4f}",
        f"{np.mean([row.ages_ms[0] for row in found]):.0f}",
    )
