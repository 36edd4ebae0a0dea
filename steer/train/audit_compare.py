"""Two critics on the same episodes and states: by how much do they differ?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from steer.critics.card import CriticCard
from steer.errors import ConfigError
from steer.train.audit_data import Questions
from steer.train.audit_judge import Judged
from steer.train.audit_metrics import Figure, bootstrap, calibrate, explained, mean_over_episodes
from steer.train.audit_result import Audit
from steer.train.audit_statistics import Statistic, discriminating, over_rows

__all__ = ["Comparison", "check_comparable", "differences"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two critics on the episodes that both have kept back.

    Attributes:
        names: What to call them.
        digests: Identity of each.
        first: What was found of the first on these episodes.
        second: Of the second.
        difference: First minus second, of each number that has a threshold.
        remark: In what the episodes that they kept back differ; empty where they do not.
    """

    names: tuple[str, str]
    digests: tuple[str, str]
    first: Audit
    second: Audit
    difference: dict[str, Figure]
    remark: str


def check_comparable(card: CriticCard, against: CriticCard) -> None:
    """Refuse critics that are not for the same chunks of the same robot at the same task.

    What they see may differ: that is worth comparing.

    Raises:
        ConfigError: Body, task or horizon differ; the text says in what.
    """
    ours = replace(card.embodiment, observations=())
    misfits = replace(against.embodiment, observations=()).differences(ours)
    if card.dataset.task != against.dataset.task:
        misfits.append(f"task: expected {card.dataset.task!r}, got {against.dataset.task!r}")
    if card.horizon != against.horizon:
        misfits.append(f"horizon: expected {card.horizon}, got {against.horizon}")
    encoders = (card.sentence_encoder, against.sentence_encoder)
    if all(encoders) and encoders[0] != encoders[1]:
        misfits.append(f"sentence encoder: expected {encoders[0]}, got {encoders[1]}")
    if misfits:
        raise ConfigError(
            f"--against: expected a critic of the same body, task and horizon, got one that "
            f"differs: {'; '.join(misfits)}"
        )


def differences(first: Judged, second: Judged, *, seed: int) -> dict[str, Figure]:
    """Return first minus second of each number that has a threshold, paired by episode.

    Intervals are of 95%, by drawing the same episodes again for both. Critics of different
    discounts or rewards are each held to their own returns.

    Args:
        first: A critic.
        second: Another, judged on the same episodes with the same configuration.
        seed: Of the draws.
    """
    return {
        "value_order": _mean(first.order, second.order, seed=seed, most=2.0),
        "discrimination": _paired(discriminating, first, second, seed=seed),
        "explained": _paired(partial(over_rows, measure=explained), first, second, seed=seed),
        "rank_correlation": _paired(
            partial(over_rows, measure=_rank_correlation), first, second, seed=seed
        ),
        "expert_over_noise": _mean(first.over_noise, second.over_noise, seed=seed, most=1.0),
    }


def _mean(first: tuple[float, ...], second: tuple[float, ...], *, seed: int, most: float) -> Figure:
    """Return the mean gap, which is between -most and most."""
    gaps = np.subtract(first, second, dtype=np.float64)
    return mean_over_episodes(gaps.tolist(), bounds=(-most, most), seed=seed)


def _paired(
    make: Callable[[Questions, NDArray[np.float64]], tuple[Statistic, int]],
    first: Judged,
    second: Judged,
    *,
    seed: int,
) -> Figure:
    ours, count = make(first.questions, first.values)
    theirs, _ = make(second.questions, second.values)
    return bootstrap(lambda picks: ours(picks) - theirs(picks), count, seed=seed)


def _rank_correlation(predicted: NDArray[np.float64], realised: NDArray[np.float64]) -> float:
    return calibrate(predicted, realised).rank_correlation
