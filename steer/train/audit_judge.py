"""The numbers of an audit, and which of them fall short.

What each means, and why its threshold is what it is: docs/audit.md.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.rank.perturb import perturb_smoothly
from steer.train.audit_config import AuditConfig, Thresholds
from steer.train.audit_data import (
    Draw,
    Questions,
    executed_values,
    neighbour_chunks,
    score_candidates,
)
from steer.train.audit_metrics import (
    Figure,
    auc,
    bootstrap,
    calibrate,
    explained,
    mean_over_episodes,
    normalised_rank,
    regret_curve,
    value_order,
)
from steer.train.audit_result import Audit, reached, warnings_of

__all__ = ["Judged", "episode_parts", "halfway", "judge"]

_COUNTS = (1, 2, 4, 8, 16)
_NOISE = 0.5


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
    """
    episodes = questions.episodes
    if not episodes.success.any() or episodes.success.all():
        raise DatasetError(
            "dataset: expected successes and failures among the episodes to judge on, got "
            f"{int(episodes.success.sum())} successes of {len(episodes)}"
        )
    values = executed_values(questions)
    order = [value_order(values[part]) for part in episode_parts(questions, is_success=True)]
    competition, over_noise = _compete(questions, config, draw)
    calibration = calibrate(values, questions.chunks.monte_carlo.astype(np.float64))
    audit = Audit(
        is_held_out=is_held_out,
        num_episodes=len(episodes),
        num_successes=int(episodes.success.sum()),
        value_order=mean_over_episodes(order, seed=config.seed),
        discrimination=_discrimination(questions, values, seed=config.seed),
        explained=_explained(questions, values, seed=config.seed),
        calibration=calibration,
        failed=(),
        thresholds=asdict(config.thresholds),
        warnings=warnings_of(episodes.success, is_held_out=is_held_out),
        **competition,
    )
    audit = replace(audit, failed=_failed(audit, config.thresholds))
    return Judged(questions, audit, values, tuple(order), tuple(over_noise))


def episode_parts(questions: Questions, *, is_success: bool) -> list[NDArray[np.int64]]:
    """Return the positions of each episode's chunks, in order of time."""
    episodes, row = questions.episodes, questions.chunks.row
    bounds = zip(episodes.start, episodes.end, episodes.success, strict=True)
    return [
        np.flatnonzero((row >= start) & (row < end))
        for start, end, success in bounds
        if bool(success) == is_success and ((row >= start) & (row < end)).any()
    ]


def halfway(
    questions: Questions, values: NDArray[np.float64], *, share: float = 0.5
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the value of each long enough episode where a share of it is gone, and its outcome.

    Failures have no chunk in their last `horizon` ticks, successes have. So the share is of the
    ticks before those, for both: else the tick itself, later for successes, would tell them apart.
    """
    episodes, horizon = questions.episodes, questions.critic.card.horizon
    lengths = episodes.end - episodes.start
    long = np.flatnonzero(lengths > horizon)
    tick = (share * (lengths[long] - 1 - horizon)).astype(np.int64)
    wanted = episodes.start[long] + tick  # or the last one before it: not every row has a frame
    at = values[np.searchsorted(questions.chunks.row, wanted, side="right") - 1]
    return at, episodes.success[long]


def _discrimination(
    questions: Questions, values: NDArray[np.float64], *, seed: int
) -> dict[str, Figure]:
    """Return the AUC of success against failure by share of the episode gone."""
    found = {}
    for share in (0.25, 0.5, 0.75):
        at, success = halfway(questions, values, share=share)

        def statistic(
            picks: NDArray[np.int64],
            at: NDArray[np.float64] = at,
            success: NDArray[np.bool_] = success,
        ) -> float:
            return auc(at[picks][success[picks]], at[picks][~success[picks]])

        found[f"{share:g}"] = bootstrap(statistic, len(at), seed=seed)
    return found


def _explained(questions: Questions, values: NDArray[np.float64], *, seed: int) -> Figure:
    """Return how much of the realised returns the values explain, over rows of all episodes."""
    returns = questions.chunks.monte_carlo.astype(np.float64)
    parts = episode_parts(questions, is_success=True) + episode_parts(questions, is_success=False)

    def statistic(picks: NDArray[np.int64]) -> float:
        rows = np.concatenate([parts[pick] for pick in picks])
        return explained(values[rows], returns[rows])

    return bootstrap(statistic, len(parts), seed=seed)


def _compete(
    questions: Questions, config: AuditConfig, draw: Draw | None
) -> tuple[dict[str, Any], list[float]]:
    """Let executed chunks of successes compete with noise and with other candidates.

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
        return mean_over_episodes(shares(mask), seed=config.seed)

    def beats(other: NDArray[np.float32]) -> NDArray[np.float64]:
        pair = np.stack([executed, other], axis=1)
        return np.asarray(
            score_candidates(questions, rows, pair, beta=selection.beta)[:, 1] < 0, np.float64
        )

    over_noise = beats(_noise(executed, questions, generator))
    neighbours = neighbour_chunks(questions, picked, config.num_candidates - 1)
    logged = questions.episodes.actions[chunks.action_rows[neighbours]]
    logged_scores = score_candidates(questions, rows, logged, beta=selection.beta)
    scores, origin = logged_scores, "executed in similar states of other episodes"
    if draw is not None:
        drawn = _drawn(questions, config, draw, picked)
        candidates = np.concatenate([executed[:, None], drawn], axis=1)
        scores = score_candidates(questions, rows, candidates, beta=selection.beta)
        origin = f"drawn from {config.policy}"
    returns = chunks.monte_carlo[neighbours].astype(np.float64)
    counts = [count for count in _COUNTS if count <= logged_scores.shape[1]]
    return {
        "expert_over_noise": share(over_noise),
        "expert_over_perturbed": share(beats(_perturbed(executed, questions, config.seed))),
        "executed_rank": share(normalised_rank(scores, index=0)),
        "executed_top1": share((scores[:, 0] >= scores.max(axis=1)).astype(np.float64)),
        "candidates": origin,
        "regret": regret_curve(logged_scores, returns, counts),
        "override_rate": float((scores.max(axis=1) > selection.margin).mean()),
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
    horizon = questions.critic.card.horizon
    episodes = questions.episodes
    found = []
    for index, row in enumerate(questions.chunks.row[picked]):
        first = episodes.start[np.searchsorted(episodes.end, row, side="right")]
        history = {key: value[first : row + 1] for key, value in episodes.observations.items()}
        chunks = draw(history, config.num_candidates - 1, config.seed + index)
        found.append(chunks[:, :horizon])
    return np.stack(found)


def _failed(audit: Audit, thresholds: Thresholds) -> tuple[str, ...]:
    found = reached(audit)
    return tuple(name for name, least in asdict(thresholds).items() if not found[name] >= least)
