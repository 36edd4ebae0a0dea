"""The numbers of an audit, and which of them fall short.

What each means, and why its threshold is what it is: docs/audit.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.rank.perturb import perturb_smoothly
from steer.train.audit_config import AuditConfig
from steer.train.audit_data import (
    Draw,
    Questions,
    candidate_values,
    draw_at,
    executed_values,
    neighbour_chunks,
    score_candidates,
)
from steer.train.audit_metrics import (
    Figure,
    bootstrap,
    calibrate,
    explained,
    mean_over_episodes,
    normalised_rank,
    regret_curve,
    top_share,
    value_order,
)
from steer.train.audit_result import Audit, reached, warnings_of
from steer.train.audit_statistics import discriminating, episode_parts, over_rows

__all__ = ["Judged", "judge"]

_COUNTS = (1, 2, 4, 8, 16)
_NOISE = 0.5
_SHARES = (0.25, 0.5, 0.75)
_ORDER, _SHARE = (-1.0, 1.0), (0.0, 1.0)
"""The least and the most that a correlation, and a share, can be."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """An audit, and what it was made from: for a comparison with another critic.

    Attributes:
        questions: The critic and its episodes.
        audit: What was found.
        values: Of every chunk that was run, [M].
        order: Of each success, how far values rise along it.
        over_noise: Of each success, the share of its chunks that beat a random one.
    """

    questions: Questions
    audit: Audit
    values: NDArray[np.float64]
    order: tuple[float, ...]
    over_noise: tuple[float, ...]


def judge(
    questions: Questions, config: AuditConfig, *, draw: Draw | None, is_held_out: bool
) -> Judged:
    """Return all numbers of an audit.

    Raises:
        DatasetError: There is no success, or no failure.
        PolicyError: The policy fails, or gives fewer or shorter candidates than were asked for.
    """
    episodes, seed = questions.episodes, config.seed
    if not episodes.success.any() or episodes.success.all():
        raise DatasetError(
            "dataset: expected successes and failures among the episodes to judge on, got "
            f"{int(episodes.success.sum())} successes of {len(episodes)}"
        )
    values, thresholds = executed_values(questions), config.thresholds.of(questions.critic.card)
    order = [value_order(values[part]) for part in episode_parts(questions, is_success=True)]
    competition, over_noise = _compete(questions, config, draw)
    calibration = calibrate(values, questions.chunks.monte_carlo.astype(np.float64))
    audit = Audit(
        is_held_out=is_held_out,
        num_episodes=len(episodes),
        num_successes=int(episodes.success.sum()),
        value_order=mean_over_episodes(order, bounds=_ORDER, seed=seed),
        discrimination={
            f"{share:g}": bootstrap(*discriminating(questions, values, share=share), seed=seed)
            for share in _SHARES
        },
        explained=bootstrap(*over_rows(questions, values, explained), seed=seed),
        calibration=calibration,
        failed=(),
        thresholds=thresholds,
        warnings=warnings_of(episodes.success, is_held_out=is_held_out),
        **competition,
    )
    audit = replace(audit, failed=_failed(audit, thresholds))
    return Judged(questions, audit, values, tuple(order), tuple(over_noise))


def _compete(
    questions: Questions, config: AuditConfig, draw: Draw | None
) -> tuple[dict[str, Any], list[float]]:
    """Let executed chunks of successes compete with noise and with other candidates.

    What the critic knows is judged by the mean over members, and ties count half: deployment's
    pessimism is always against the chunk in the other's place, so of members that merely disagree
    it would say that the executed chunk wins. What it would do is judged by deployment's scores.

    Returns:
        Numbers by name, and the share of chunks that beat noise by episode.
    """
    generator = np.random.default_rng(config.seed)
    own = np.concatenate(episode_parts(questions, is_success=True))
    picked = np.sort(generator.choice(own, min(config.num_states, len(own)), replace=False))
    chunks, selection = questions.chunks, questions.critic.card.selection
    rows = chunks.row[picked]
    executed = questions.episodes.actions[chunks.action_rows[picked]]
    owner = np.searchsorted(questions.episodes.end, rows, side="right")

    def shares(mask: NDArray[np.float64]) -> list[float]:
        return [float(mask[owner == number].mean()) for number in np.unique(owner)]

    def share(mask: NDArray[np.float64]) -> Figure:
        return mean_over_episodes(shares(mask), bounds=_SHARE, seed=config.seed)

    def beats(other: NDArray[np.float32]) -> NDArray[np.float64]:
        pair = np.stack([executed, other], axis=1)
        return normalised_rank(candidate_values(questions, rows, pair).mean(axis=0), index=0)

    over_noise = beats(_noise(executed, questions, generator))
    neighbours = neighbour_chunks(questions, picked, config.num_candidates - 1)
    logged = questions.episodes.actions[chunks.action_rows[neighbours]]
    value_KSN = candidate_values(questions, rows, logged)
    logged_scores = score_candidates(value_KSN, beta=selection.beta)
    origin = "executed in similar states of other episodes"
    if draw is not None:
        drawn = _drawn(questions, config, draw, picked)
        candidates = np.concatenate([executed[:, None], drawn], axis=1)
        value_KSN = candidate_values(questions, rows, candidates)
        origin = f"drawn from {config.policy}"
    best = score_candidates(value_KSN, beta=selection.beta).max(axis=1)
    mean_SN = value_KSN.mean(axis=0)
    returns = chunks.monte_carlo[neighbours].astype(np.float64)
    counts = [count for count in _COUNTS if count <= logged_scores.shape[1]]
    return {
        "expert_over_noise": share(over_noise),
        "expert_over_perturbed": share(beats(_perturbed(executed, questions, config.seed))),
        "executed_rank": share(normalised_rank(mean_SN, index=0)),
        "executed_top1": share(top_share(mean_SN, index=0)),
        "candidates": origin,
        "regret": regret_curve(logged_scores, returns, counts),
        "override_rate": float((best > selection.margin).mean()),
    }, shares(over_noise)


def _noise(
    executed: NDArray[np.float32], questions: Questions, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return chunks drawn uniformly from the range that the data span."""
    low, high = questions.episodes.actions.min(axis=0), questions.episodes.actions.max(axis=0)
    return generator.uniform(low, high, executed.shape).astype(np.float32)


def _perturbed(
    executed: NDArray[np.float32], questions: Questions, seed: int
) -> NDArray[np.float32]:
    body = questions.critic.card.embodiment
    return np.stack(
        [
            perturb_smoothly(chunk, body, num_perturbations=1, seed=seed + index, strength=_NOISE)[
                0
            ]
            for index, chunk in enumerate(executed)
        ]
    )


def _drawn(
    questions: Questions, config: AuditConfig, draw: Draw, picked: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the policy's candidates at each picked state, cut to the critic's horizon."""
    return np.stack(
        [
            draw_at(
                draw,
                questions.episodes,
                int(row),
                num_candidates=config.num_candidates - 1,
                horizon=questions.critic.card.horizon,
                seed=config.seed + index,
            )
            for index, row in enumerate(questions.chunks.row[picked])
        ]
    )


def _failed(audit: Audit, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    found = reached(audit)
    return tuple(name for name, least in thresholds.items() if not found[name] >= least)
