"""What `steer label` can be told."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from steer.errors import ConfigError

__all__ = [
    "InterventionsConfig",
    "LabelConfig",
    "ProgressConfig",
    "RewardConfig",
    "SuccessConfig",
    "WeightsConfig",
]


@dataclass(frozen=True, kw_only=True)
class SuccessConfig:
    """Which episodes succeeded: told by a file, or by a rule on what was observed last."""

    csv: Path | None = None
    """CSV file with the columns episode,success."""
    of: str = ""
    """A rule's vector, `KEY`, `KEY[3]` or `KEY[3:6]`, for example `observation.state[0:3]`."""
    to: str = ""
    """Another one: the rule then is on the distance of the two. Without it, --success.of must be
    one number."""
    below: float | None = None
    """Success is below it, in the unit of the column."""
    above: float | None = None
    """Success is above it, in the unit of the column."""

    def __post_init__(self) -> None:
        thresholds = [item for item in (self.below, self.above) if item is not None]
        if self.csv is None and not self.of:
            return
        if self.csv is not None and self.of:
            raise ConfigError("--success.csv and --success.of: expected one of them, got both")
        if self.of and len(thresholds) != 1:
            raise ConfigError(
                "--success.below and --success.above: expected one of them with --success.of, got "
                f"{len(thresholds)}"
            )
        if not all(map(math.isfinite, thresholds)):
            raise ConfigError(f"--success: expected a finite threshold, got {thresholds[0]}")


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """A reward a frame: told by a file, or by a rule on what was observed next."""

    csv: Path | None = None
    """CSV file with the columns episode,frame,reward."""
    of: str = ""
    """A rule's vector, written as in --success.of."""
    to: str = ""
    """Another one: the rule then is on the distance of the two."""
    scale: float = -1.0
    """What the distance, or the number, is multiplied by."""

    def __post_init__(self) -> None:
        if self.csv is not None and self.of:
            raise ConfigError("--reward.csv and --reward.of: expected one of them, got both")
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ConfigError(f"--reward.scale: expected a finite number but 0, got {self.scale}")


@dataclass(frozen=True, kw_only=True)
class ProgressConfig:
    """How far each frame is on the way to success: what a model says."""

    critic: Path | None = None
    """Directory of a critic of `steer train`."""
    model: Path | None = None
    """Directory of a reward model of lerobot: reward_classifier, sarm, topreward or robometer."""
    device: str = "cpu"
    """`cpu` or `cuda`, of lerobot's model."""

    def __post_init__(self) -> None:
        if self.critic is not None and self.model is not None:
            raise ConfigError(
                "--progress.critic and --progress.model: expected one of them, got both"
            )


@dataclass(frozen=True, kw_only=True)
class InterventionsConfig:
    """Where a human took over: what was done then is preferred to what the policy does."""

    column: str = "complementary_info.is_intervention"
    """Boolean column that says so of each frame."""
    horizon: int = 8
    """Length of the chunks that are compared, in actions; at least that of the training."""
    max_distance: float = 1.0
    """States further apart are not like each other: root mean square over the numbers of the
    observation, each in units of its deviation over the data."""

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise ConfigError(f"--interventions.horizon: expected >= 1, got {self.horizon}")
        if not self.max_distance > 0:
            got = self.max_distance
            raise ConfigError(f"--interventions.max-distance: expected > 0, got {got}")


@dataclass(frozen=True, kw_only=True)
class WeightsConfig:
    """How much a fine-tuning should make of each frame: min(most, exp(advantage / temperature))."""

    critic: Path | None = None
    """Directory of a critic of `steer train`."""
    candidates: Path | None = None
    """File of `steer candidates` for these data: what the policy would do. Without it, what was
    run in the most similar states of other episodes stands for that."""
    temperature: float = 1.0
    """Advantage that makes a frame weigh e times as much, in discounted return."""
    most: float = 20.0
    """Largest weight."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            got = self.temperature
            raise ConfigError(f"--weights.temperature: expected a finite number > 0, got {got}")
        if not (math.isfinite(self.most) and self.most >= 1):
            raise ConfigError(f"--weights.most: expected a finite number >= 1, got {self.most}")


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Label a LeRobotDataset v3: a copy with the labels, and a word on how sure they are."""

    dataset: Path
    """Root of a local LeRobotDataset v3; it is only read."""
    output: Path
    """Root of the copy, a new directory."""
    kinds: tuple[Literal["success", "reward", "progress", "interventions", "weights"], ...]
    """What to label; each kind has options of its own below."""
    task: str | None = None
    """Name or instruction of the task to label; none means all episodes."""
    success: SuccessConfig = field(default_factory=SuccessConfig)
    """Options of `success`, which writes `next.success`."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """Options of `reward`, which writes `next.reward`."""
    progress: ProgressConfig = field(default_factory=ProgressConfig)
    """Options of `progress`, which writes `steer.progress`."""
    interventions: InterventionsConfig = field(default_factory=InterventionsConfig)
    """Options of `interventions`, which writes `meta/preferences.parquet`."""
    weights: WeightsConfig = field(default_factory=WeightsConfig)
    """Options of `weights`, which writes `steer.weight`."""

    def __post_init__(self) -> None:
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise ConfigError(
                f"--kinds: expected one or more, each once, got {' '.join(self.kinds) or 'none'}"
            )
        for kind, needed in (("success", self.success), ("reward", self.reward)):
            if kind in self.kinds and needed.csv is None and not needed.of:
                raise ConfigError(
                    f"--kinds {kind}: expected --{kind}.csv FILE or --{kind}.of KEY, got neither"
                )
        if "progress" in self.kinds and self.progress.critic is self.progress.model:
            raise ConfigError(
                "--kinds progress: expected a model, got none; give a critic of `steer train` with "
                "--progress.critic DIR, or a reward model of lerobot with --progress.model DIR"
            )
        if "weights" in self.kinds and self.weights.critic is None:
            raise ConfigError(
                "--kinds weights: expected a critic, got none; give one of `steer train` with "
                "--weights.critic DIR"
            )
        if self.output.exists():
            raise ConfigError(
                f"--output: expected a new directory, got {self.output}, which is there"
            )
