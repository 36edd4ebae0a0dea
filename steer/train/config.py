"""What `steer train` can be told."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from steer.critics.card import HeadConfig, NetworkConfig
from steer.errors import ConfigError
from steer.train.algorithms.iql import IqlConfig
from steer.train.algorithms.sarsa import SarsaConfig

__all__ = ["TrainConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Train a critic by offline RL on a LeRobotDataset v3."""

    dataset: str
    """Root of a local LeRobotDataset v3, or a hub id `owner/name`."""
    output: Path
    """Directory of the critic. Training state, logs and curve go to `<output>-training`."""
    algorithm: Literal["iql", "sarsa"] = "iql"
    """How to learn; each has options of its own below."""
    task: str | None = None
    """Name or instruction of the task; needed where the dataset has several."""
    horizon: int = 8
    """Length of the chunk prefix that the robot runs, in actions; 1 gives a plain Q-function."""
    steps: int = 8_000
    """Gradient steps at most."""
    passes: float = 60.0
    """How often each chunk is learnt from, on average, where `steps` do not end before: a critic
    that has seen few chunks too often knows them by heart and judges others wildly."""
    batch_size: int = 256
    """Chunks a step."""
    seed: int = 0
    """Seeds weights and batches."""
    num_members: int = 4
    """K, critics of the ensemble."""
    discount: float = 0.98
    """Per control tick."""
    learning_rate: float = 3e-4
    """Peak of the cosine schedule."""
    target_rate: float = 0.005
    """How fast the target networks follow, a step."""
    episodes: int | None = None
    """Learn from the first so many of the task; none means all. For how much data is enough."""
    successes_only: bool = False
    """Leave out the episodes that failed: such data cannot teach what fails."""
    holdout: float = 0.1
    """Share of the episodes kept for the audit."""
    observation: tuple[str, ...] = ()
    """Keys of the observation to learn from; none means all vectors."""
    success: Path | None = None
    """CSV file with the columns episode,success, for data without `next.success`."""
    assume_success: bool = False
    """Take every episode for a success. Such data cannot teach what fails."""
    resume: bool = False
    """Go on from the training state that a stopped run left."""
    threads: int = 1
    """Threads of torch; more are faster and give other last bits."""
    device: str = "cpu"
    """`cpu` or `cuda`."""
    log_every: int = 100
    """Steps between points of the curve."""
    save_every: int = 500
    """Steps between training states."""
    iql: IqlConfig = field(default_factory=IqlConfig)
    """Options of `iql`."""
    sarsa: SarsaConfig = field(default_factory=SarsaConfig)
    """Options of `sarsa`."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """Sizes of the networks."""
    num_bins: int = 51
    """Bins of the value's histogram."""

    def __post_init__(self) -> None:
        counts = ("horizon", "steps", "batch_size", "num_members", "threads")
        for name in (*counts, "log_every", "save_every"):
            if getattr(self, name) < 1:
                got = getattr(self, name)
                raise ConfigError(f"--{name.replace('_', '-')}: expected >= 1, got {got}")
        if self.episodes is not None and self.episodes < 1:
            raise ConfigError(f"--episodes: expected >= 1, got {self.episodes}")
        for name in ("discount", "target_rate"):
            if not 0 < getattr(self, name) < 1:
                got = getattr(self, name)
                raise ConfigError(f"--{name.replace('_', '-')}: expected in (0, 1), got {got}")
        if not 0 <= self.holdout < 1:
            raise ConfigError(f"--holdout: expected a number in [0, 1), got {self.holdout}")
        if not self.passes > 0:
            raise ConfigError(f"--passes: expected > 0, got {self.passes}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ConfigError(f"--learning-rate: expected > 0, got {self.learning_rate}")
        if self.success is not None and self.assume_success:
            raise ConfigError("--success and --assume-success: expected one of them, got both")

    @property
    def head(self) -> HeadConfig:
        """Range and bins: -1 a tick for ever is the worst that can be."""
        return HeadConfig(v_min=-1 / (1 - self.discount), v_max=0.0, num_bins=self.num_bins)

    def steps_for(self, num_chunks: int) -> int:
        """Return the gradient steps on so many chunks."""
        return min(self.steps, math.ceil(min(self.passes * num_chunks / self.batch_size, 2**31)))

    @property
    def training_directory(self) -> Path:
        """Where state, logs and curve go."""
        return self.output.with_name(self.output.name + "-training")
