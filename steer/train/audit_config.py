"""What `steer audit` can be told."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from steer.critics.card import CriticCard
from steer.errors import ConfigError

__all__ = ["AuditConfig", "Thresholds"]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What a critic must reach, each of them; docs/audit.md says why."""

    value_order: float = 0.4
    """Mean rank correlation of value and time along held-out successes."""
    discrimination: float = 0.65
    """Chance that a success has a higher value than a failure, half-way through."""
    explained: float | None = None
    """Share of the variance of realised return that predictions explain, as they are; none means
    0.4 where the critic counts its reward by the tick, and 0.1 where by the chunk."""
    rank_correlation: float = 0.4
    """Rank correlation of predicted and realised return."""
    expert_over_noise: float = 0.6
    """Share of executed chunks of successes that beat a random chunk in the same state."""

    def of(self, card: CriticCard) -> dict[str, float]:
        """Return what a critic must reach, by name."""
        per_chunk = card.training.get("reward_per") == "chunk"
        explained = _PER_CHUNK if per_chunk else _PER_TICK
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return {"explained": explained, **known}


_PER_TICK, _PER_CHUNK = 0.4, 0.1
"""Of the variance of returns. By the tick much of it is how long an episode takes, which any critic
learns; by the chunk nearly all of it is whether it succeeds."""


@dataclass(frozen=True, kw_only=True)
class AuditConfig:
    """Judge a critic on recorded episodes; exit 1 where it fails."""

    critic: Path
    """Directory of the critic; the result is written into its card."""
    dataset: tuple[str, ...]
    """Roots of local LeRobotDatasets v3, or hub ids `owner/name`; those of the training, in their
    order, or others."""
    frames: tuple[Path, ...] = ()
    """Directories of what cameras saw, of `steer frames`, for a critic that looks; for each key one
    a dataset, in the order of `--dataset`."""
    against: Path | None = None
    """Directory of another critic of the same body, task and horizon, to be judged on the same
    episodes and states; its card is not written."""
    task: tuple[str, ...] = ()
    """Names or instructions of the tasks; default: those the critic was trained on."""
    sentence_encoder: tuple[Path, ...] = ()
    """Directory of the sentence encoder that a critic was trained with, for each that was."""
    policy: str | None = None
    """lerobot:DIR of a policy whose candidates the executed chunk is ranked among; without,
    chunks that were executed in similar states of other episodes take their place."""
    output: Path | None = None
    """Where audit.json and audit.png go; default: the critic's directory with `-audit`."""
    success: Path | None = None
    """CSV file with the columns episode,success, for data without `next.success`."""
    num_states: int = 256
    """States at which candidates compete."""
    num_candidates: int = 16
    """Candidates a state, the executed chunk among them."""
    seed: int = 0
    """Seeds states, noise and resampling."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """What it must reach."""

    def __post_init__(self) -> None:
        if self.num_states < 1:
            raise ConfigError(f"--num-states: expected >= 1, got {self.num_states}")
        if self.num_candidates < 2:
            raise ConfigError(f"--num-candidates: expected >= 2, got {self.num_candidates}")
