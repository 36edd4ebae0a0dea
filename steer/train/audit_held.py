"""Which episodes a critic has not learnt from, by what its card says of its data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steer.critics.card import CriticCard
from steer.errors import DatasetError
from steer.train.datasets import Episodes
from steer.train.tasks import first_of_each

__all__ = ["KeptBack", "kept_back", "kept_by_both"]


@dataclass(frozen=True, slots=True, eq=False)
class KeptBack:
    """What a critic may be judged on.

    Attributes:
        mask: bool [E], the episodes.
        is_held_out: Whether the critic has not learnt from them.
        remark: What whoever reads the audit should know of them; empty for nothing.
    """

    mask: NDArray[np.bool_]
    is_held_out: bool
    remark: str = ""


def kept_back(card: CriticCard, episodes: Episodes) -> KeptBack:
    """Return the episodes that a critic has not learnt from; all where it has learnt from each.

    Known by the fingerprint: these are the data of its training, or their first episodes are, or
    the successes among those (`steer train --episodes`, `--successes-only`).

    Args:
        card: Of the critic.
        episodes: All of the data; more observations than the critic's do no harm.
    """
    names = {item.name for item in card.embodiment.observations}
    seen = {key: value for key, value in episodes.observations.items() if key in names}
    episodes = replace(episodes, observations=seen)
    for chosen in _choices(card, episodes):
        if episodes.select(chosen).fingerprint() != card.dataset.fingerprint:
            continue
        mask = np.ones(len(episodes), np.bool_)
        mask[chosen] = np.isin(episodes.episode[chosen], card.dataset.held_out)
        if mask.any():
            return KeptBack(mask, is_held_out=True)
        remark = "the critic was trained on all of these episodes; none are held out"
        return KeptBack(np.ones(len(episodes), np.bool_), is_held_out=False, remark=remark)
    return KeptBack(
        np.ones(len(episodes), np.bool_),
        is_held_out=True,
        remark=f"these are not the data that the critic was trained on, so all {len(episodes)} "
        "episodes count as held out; where it has learnt from some of them, as of data that have "
        "grown or been labelled anew, the audit flatters it",
    )


def kept_by_both(found: Sequence[KeptBack], names: Sequence[str]) -> tuple[NDArray[np.bool_], str]:
    """Return the episodes that both critics may be judged on, and what to say where they differ.

    Args:
        found: Of each critic.
        names: Of each critic.

    Raises:
        DatasetError: There are none.
    """
    both: NDArray[np.bool_] = np.logical_and.reduce([item.mask for item in found])
    counts = ", ".join(
        f"{int(item.mask.sum())} by {name}" for item, name in zip(found, names, strict=True)
    )
    if not both.any():
        raise DatasetError(f"dataset: expected episodes that both kept back, got {counts}")
    if all((item.mask == both).all() for item in found):
        return both, ""
    return both, f"kept back: {counts}; judged on the {int(both.sum())} that both kept back"


def _choices(card: CriticCard, episodes: Episodes) -> Iterator[NDArray[np.int64]]:
    """Yield the positions that a training on these data may have chosen."""
    everything = np.arange(len(episodes), dtype=np.int64)
    yield everything
    first = first_of_each(episodes.told(), card.training.get("episodes"))
    if len(first) < len(episodes):
        yield first
    if card.training.get("successes_only"):
        yield first[episodes.success[first]]
