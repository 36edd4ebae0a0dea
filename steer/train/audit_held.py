"""Which episodes a critic has not learnt from, by what its card says of its data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.critics.card import CriticCard
from steer.errors import DatasetError
from steer.train.datasets import Episodes

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

    Its card has the digest of every episode that it was trained on, so they are known again in
    whatever order, part or company they come, and however they were labelled since.

    Args:
        card: Of the critic.
        episodes: All of the data.
    """
    learnt = card.dataset.learnt
    everything = np.ones(len(episodes), np.bool_)
    if not learnt:
        remark = "the card does not say which episodes the critic was trained on; train it anew"
        return KeptBack(everything, is_held_out=False, remark=remark)
    mask = ~np.isin(episodes.digests(), learnt)
    if not mask.any():
        remark = "the critic was trained on all of these episodes; none are held out"
        return KeptBack(everything, is_held_out=False, remark=remark)
    return KeptBack(mask, is_held_out=True)


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
