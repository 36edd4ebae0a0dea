"""What a kind of labels comes to: columns or pairs, and how sure they are.

Shape legend: T frames of all episodes, E episodes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.train.audit_metrics import Figure, bootstrap, mean_over_episodes, value_order
from steer.train.audit_metrics import auc as area_under
from steer.train.labelling.recording import Recording
from steer.train.pairs import Pairs

__all__ = ["Label", "Number", "auc_at_end", "order_in_time", "outcomes_of"]

Number = int | float | Figure
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Label:
    """Labels of one kind.

    Attributes:
        kind: `success`, `reward`, `progress`, `interventions` or `weights`.
        source: Where they come from, in words.
        columns: To write, by name, of shape [T].
        pairs: To write; None for a kind that makes none.
        numbers: What was labelled and how sure it is, by name. Counts, shares, and figures with
            their intervals over episodes.
    """

    kind: str
    source: str
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    pairs: Pairs | None = None
    numbers: Mapping[str, Number] = field(default_factory=dict)

    def to_tree(self) -> dict[str, Any]:
        """Return what goes into `meta/labels.json`."""
        numbers = {
            name: asdict(value) if isinstance(value, Figure) else value
            for name, value in self.numbers.items()
        }
        written = [*self.columns, *(() if self.pairs is None else ("meta/preferences.parquet",))]
        return {"kind": self.kind, "source": self.source, "wrote": written, "numbers": numbers}

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.source}"]
        for name, value in self.numbers.items():
            if isinstance(value, Figure):
                span = f"[{value.low:.3f}, {value.high:.3f}] over {value.n} episodes"
                lines.append(f"  {name:24}{value.value:10.3f}   {span}")
            else:
                shown = f"{value:10d}" if isinstance(value, int) else f"{value:10.3f}"
                lines.append(f"  {name:24}{shown}")
        return "\n".join(lines)


def outcomes_of(
    recording: Recording, success: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_] | None:
    """Return which episodes succeeded, bool [E]; None where nobody said.

    Args:
        recording: Whose `next.success` counts where no other is given.
        success: Of each frame, [T], where it has just been labelled.
    """
    if success is None and "next.success" in recording.features:
        success = recording.column("next.success").astype(np.bool_)
    if success is None:
        return None
    return np.logical_or.reduceat(success, recording.start)


def order_in_time(
    values: NDArray[Any], recording: Recording, success: NDArray[np.bool_] | None
) -> dict[str, Figure]:
    """Return how far values rise along the episodes: the mean rank correlation with time, -1..1.

    Args:
        values: Of each frame, [T].
        recording: That they belong to; its asked-for episodes are looked at.
        success: Outcomes of all episodes, bool [E]; None where they are not known.

    Returns:
        The figure as `order_in_successes`; as `order_in_all` where no episode is known to succeed.
    """
    name, which = "order_in_all", recording.is_asked
    if success is not None and (success & which).any():
        name, which = "order_in_successes", success & which
    spans = zip(recording.start[which], recording.end[which], strict=True)
    orders = [value_order(values[first:last].astype(np.float64)) for first, last in spans]
    return {name: mean_over_episodes(orders, bounds=(-1.0, 1.0), seed=_SEED)}


def auc_at_end(
    values: NDArray[Any], recording: Recording, success: NDArray[np.bool_] | None
) -> dict[str, Figure]:
    """Return the chance that a success ends on a higher value than a failure.

    Args:
        values: Of each frame, [T].
        recording: That they belong to; its asked-for episodes are looked at.
        success: Outcomes of all episodes, bool [E]; None where they are not known.

    Returns:
        The figure as `success_ends_higher`; nothing where either kind is missing.
    """
    which = recording.is_asked
    if success is None or success[which].all() or not success[which].any():
        return {}
    last, good = values[recording.end[which] - 1].astype(np.float64), success[which]

    def statistic(picked: NDArray[np.int64]) -> float:
        return area_under(last[picked][good[picked]], last[picked][~good[picked]])

    return {"success_ends_higher": bootstrap(statistic, len(last), seed=_SEED)}
