"""Weights: `steer.weight` of each frame, for a fine-tuning of the policy that is done elsewhere.

Shape legend: T rows of the labelled episodes, N candidates, H horizon, A action, K members.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.train.audit_data import score_candidates
from steer.train.audit_metrics import mean_over_episodes
from steer.train.candidates import load_candidates, logged_rows, read_about
from steer.train.datasets import load_episodes, relabel
from steer.train.episodes import Episodes
from steer.train.label_config import WeightsConfig
from steer.train.labelling.critic import LabellingCritic, open_critic
from steer.train.labelling.label import Label, Number
from steer.train.labelling.recording import Recording
from steer.train.targets import row_windows

__all__ = ["label_weights"]

_NEIGHBOURS = 8
"""Chunks of other episodes that the policy's value is the mean of, where none were drawn."""
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Rivals:
    """What the policy might have done.

    Attributes:
        chunks_TNHA: Float32, of the critic's horizon.
        counts_TN: Bool, which of them count.
        words: Where they come from.
    """

    chunks_TNHA: NDArray[np.float32]
    counts_TN: NDArray[np.bool_]
    words: str


def label_weights(
    recording: Recording,
    config: WeightsConfig,
    success: NDArray[np.bool_] | None,
    *,
    task: str | None,
) -> Label:
    """Weigh every asked-for frame by the advantage of the chunk that was run from it.

    min(W, exp(A / T)), with A the soft minimum over members of Q_k(what was run) - V_k, by the rule
    that chooses on the robot, and V_k the mean of Q_k over what the policy might have done: draws,
    or what was run in the most similar states of other episodes. 1 means as good as the policy.
    Frames after the first success, and those without any similar state, weigh 1.

    Args:
        recording: What to label.
        config: Critic, temperature, cap, and candidates.
        success: Outcomes of all episodes, bool [E]; None where they are not known.
        task: That was asked for.

    Returns:
        `steer.weight`, with its mean, the largest, the effective sample size as a share of all
        frames, the share that was capped, and where known the mean of successes and of failures.

    Raises:
        ConfigError: There is no critic, or `steer label` cannot give what it reads.
        ArtefactError: The critic cannot be loaded.
        DatasetError: The data are not of the critic's robot or task; the candidates are not of
            these data; or there are none, and no other episode has a chunk to compare with.

    References:
        Yang et al., ALOE, 2026 (arXiv 2602.12691), the weights of its policy loss. Differs: the
        minimum over members is soft, and over paired differences, so that an offset of a member
        cancels; draws may be of an older policy; without draws V is that of the data, which is
        Peng et al., Advantage-Weighted Regression, 2019, with neighbours for its value network and
        a critic for its returns. The policy loss itself is not here.
    """
    assert config.critic is not None  # the configuration has seen to it
    judge = open_critic(recording, config.critic, option="--weights.critic", task=task)
    episodes = _episodes(recording, judge, success)
    horizon = judge.critic.card.horizon
    rivals = _rivals(episodes, config, horizon)
    rows = _frames(recording, episodes)
    executed_THA = episodes.actions[row_windows(episodes, horizon=horizon)]
    exponent = _advantage(judge, rows, executed_THA, rivals) / config.temperature
    asked = recording.asked_frames
    values = np.ones(len(asked))
    values[rows] = np.exp(np.minimum(exponent, math.log(config.most)))
    numbers: dict[str, Number] = {
        "episodes": int(recording.is_asked.sum()),
        "frames": int(asked.sum()),
        "frames_after_success": int(asked.sum()) - len(rows),
        "frames_without_similar": int((~rivals.counts_TN.any(axis=1)).sum()),
        **_spread(values[asked]),
        "capped_share": float((exponent >= math.log(config.most)).sum() / asked.sum()),
        **_by_outcome(values, recording, success, most=config.most),
    }
    column = recording.spread("steer.weight", values.astype(np.float32), asked)
    source = f"{judge.source}, over {rivals.words}"
    return Label(kind="weights", source=source, columns={"steer.weight": column}, numbers=numbers)


def _episodes(
    recording: Recording, judge: LabellingCritic, success: NDArray[np.bool_] | None
) -> Episodes:
    """Return the episodes as candidates are drawn for them: to their first success.

    Of an episode whose outcome nobody knows, a chunk that its end cuts short is no whole one.
    """
    keys = tuple(item.name for item in judge.critic.card.embodiment.observations)
    found = load_episodes(recording.root, task=judge.task, assume_success=True, observations=keys)
    known = {} if success is None else dict(zip(recording.episode, success, strict=True))
    outcome = [bool(known.get(number, False)) for number in found.episode]
    return relabel(replace(found, pairs=None), np.array(outcome, np.bool_))


def _frames(recording: Recording, episodes: Episodes) -> NDArray[np.int64]:
    """Return which frame of the recording each row of the episodes is, int64 [T]."""
    begin = dict(zip(recording.episode, recording.start, strict=True))
    spans = zip(episodes.episode, episodes.end - episodes.start, strict=True)
    return np.concatenate([begin[number] + np.arange(length) for number, length in spans])


def _rivals(episodes: Episodes, config: WeightsConfig, horizon: int) -> _Rivals:
    if config.candidates is not None:
        drawn_TNHA = load_candidates(config.candidates, episodes, horizon=horizon)
        # What a head made of the draws stands behind them, and is not the policy's.
        drawn_TNHA = drawn_TNHA[:, : read_about(config.candidates).get("num_candidates")]
        words = f"{drawn_TNHA.shape[1]} draws of {config.candidates.name}"
        return _Rivals(drawn_TNHA, np.ones(drawn_TNHA.shape[:2], np.bool_), words)
    rows_TN = logged_rows(episodes, num_candidates=1 + _NEIGHBOURS, horizon=horizon)[:, 1:]
    counts_TN = rows_TN != np.arange(len(rows_TN))[:, None]
    if not counts_TN.any():
        raise DatasetError(
            f"{config.critic}: expected whole chunks of other episodes to compare with, got none; "
            "draw what the policy would do with `steer candidates`, and give it with "
            "--weights.candidates FILE"
        )
    windows = row_windows(episodes, horizon=horizon)
    words = f"what was run in {_NEIGHBOURS} similar states"
    return _Rivals(episodes.actions[windows[rows_TN]], counts_TN, words)


def _advantage(
    judge: LabellingCritic,
    rows: NDArray[np.int64],
    executed_THA: NDArray[np.float32],
    rivals: _Rivals,
) -> NDArray[np.float64]:
    """Return what the deployed rule says of the executed chunks over the policy's value, [T]."""
    executed_KT = judge.values(rows, executed_THA[:, None])[:, :, 0]
    rival_KTN = judge.values(rows, rivals.chunks_TNHA)
    count_T = rivals.counts_TN.sum(axis=1)
    sum_KT = np.where(rivals.counts_TN, rival_KTN, 0.0).sum(axis=2)
    policy_KT = np.where(count_T > 0, sum_KT / np.maximum(count_T, 1), executed_KT)
    value_KT2 = np.stack([policy_KT, executed_KT], axis=2)
    return score_candidates(value_KT2, beta=judge.critic.card.selection.beta)[:, 1]


def _spread(weight: NDArray[np.float64]) -> dict[str, Number]:
    """Return the mean, the largest, and the effective sample size as a share of all frames."""
    effective = weight.sum() ** 2 / (len(weight) * np.square(weight).sum())
    return {
        "mean": float(weight.mean()),
        "largest": float(weight.max()),
        "effective_share": float(effective),
    }


def _by_outcome(
    values: NDArray[np.float64],
    recording: Recording,
    success: NDArray[np.bool_] | None,
    *,
    most: float,
) -> dict[str, Number]:
    """Return the mean over successes, and over failures, of an episode's mean weight."""
    if success is None:
        return {}
    found: dict[str, Number] = {}
    for name, which in (("mean_of_successes", success), ("mean_of_failures", ~success)):
        picked = which & recording.is_asked
        spans = zip(recording.start[picked], recording.end[picked], strict=True)
        means = [float(values[first:last].mean()) for first, last in spans]
        if means:
            found[name] = mean_over_episodes(means, bounds=(0.0, most), seed=_SEED)
    return found
