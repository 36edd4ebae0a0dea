"""Which margin keeps a promise: that so many of the overrides win, with a stated confidence.

A state counts once: one subset of its candidates, and of the policies that were probed from one
initial state of a task, one. What is left is independent, so the bound is exact.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.bank.ranking import Overrides, overrides
from sim.bank.states import CellBank
from sim.report.table import Table
from sim.report.words import DASH
from sim.stats import CalibratedMargin, calibrate_margin

__all__ = ["calibrate", "calibrated_table"]

_LEVEL = 0.95
_SEED = 0
_HEAD = ("critics", "consensus", "N", "margin", "won - lost", "win rate", "at least", "states")


def calibrate(
    banks: Sequence[CellBank],
    values: Mapping[str, Sequence[NDArray[np.float32]]],
    *,
    counts: Sequence[int],
    beta: float,
    target: float,
    consensus: Sequence[float] = (0.0,),
) -> list[dict[str, Any]]:
    """Return one margin for each group of critics, consensus and N above 1.

    The promise is one for each result, with 95% confidence: whoever takes the best of many has
    looked at many.

    Args:
        banks: One a cell.
        values: By group of critics, of each bank float32 [K, M, N].
        counts: N.
        beta: Of the soft minimum over members, in discounted return.
        target: Win rate of overrides, in (0, 1).
        consensus: Weights of the candidates' agreement, in discounted return.
    """
    kept = _one_a_seed(banks)
    found = []
    for (name, ours), weight, count in product(values.items(), consensus, counts):
        if count < 2:
            continue
        made = [
            overrides(bank, value, count=count, beta=beta, consensus=weight)
            for bank, value in zip(banks, ours, strict=True)
        ]
        margin = calibrate_margin(
            _joined("advantage", made, kept),
            _joined("won", made, kept),
            _joined("lost", made, kept),
            level=_LEVEL,
            target=target,
        )
        about = {"critics": name, "consensus": weight, "N": count, "target": target}
        found.append({**about, "states": int(sum(mask.sum() for mask in kept)), "found": margin})
    return found


def calibrated_table(results: Sequence[Mapping[str, Any]]) -> Table:
    """Return the margins as a table, with a dash where none keeps the promise."""
    return Table(_HEAD, tuple(map(_row, results)))


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    found: CalibratedMargin | None = item["found"]
    cells = (DASH,) * 4
    if found is not None:
        low, mean = f"{found.low:.2f}", f"{found.rate:.2f}"
        cells = (f"{found.margin:.3g}", f"{found.won} - {found.lost}", mean, low)
    return (
        item["critics"],
        f"{item['consensus']:g}",
        str(item["N"]),
        *cells,
        str(item["states"]),
    )


def _one_a_seed(banks: Sequence[CellBank]) -> list[NDArray[np.bool_]]:
    """Return which states to keep, bool [M] a bank: one of each task and seed, drawn blindly."""
    places = [(index, row) for index, bank in enumerate(banks) for row in range(len(bank))]
    kept: list[NDArray[np.bool_]] = [np.zeros(len(bank), np.bool_) for bank in banks]
    seen: set[tuple[str, int]] = set()
    for place in np.random.default_rng(_SEED).permutation(len(places)):
        index, row = places[place]
        key = (banks[index].cell.task, int(banks[index].seed[row]))
        if key not in seen:
            seen.add(key)
            kept[index][row] = True
    return kept


def _joined(
    name: str, made: Sequence[Overrides], kept: Sequence[NDArray[np.bool_]]
) -> NDArray[np.generic]:
    return np.concatenate([getattr(item, name)[m] for item, m in zip(made, kept, strict=True)])
