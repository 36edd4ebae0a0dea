"""What `steer train` can be told."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from steer.critics.card import HeadConfig, NetworkConfig
from steer.errors import ConfigError
from steer.train.algorithms.aloe import AloeConfig
from steer.train.algorithms.cal_ql import CalQlConfig
from steer.train.algorithms.dqc import DqcConfig
from steer.train.algorithms.iql import IqlConfig
from steer.train.algorithms.preference import PreferenceConfig
from steer.train.algorithms.qc import QcConfig
from steer.train.algorithms.ravl import RavlConfig
from steer.train.algorithms.sarsa import SarsaConfig
from steer.train.algorithms.vgas import VgasConfig

__all__ = ["AUTO", "TrainConfig"]

AUTO = "auto"
"""Left to `steer.train.recipes`, which knows the data."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Train a critic by offline RL on a LeRobotDataset v3."""

    dataset: tuple[str, ...]
    """Roots of local LeRobotDatasets v3, or hub ids `owner/name`; several are learnt from as one,
    for example demonstrations and what the policy itself did."""
    output: Path
    """Directory of the critic. Training state, logs and curve go to `<output>-training`."""
    algorithm: Literal[
        "auto", "aloe", "cal_ql", "dqc", "iql", "preference", "qc", "ravl", "sarsa", "vgas"
    ] = "auto"
    """How to learn; each has options of its own below. `auto` goes by the data: with failures,
    successes alone, or with interventions."""
    task: tuple[str, ...] = ()
    """Name or instruction of the task; needed where the dataset has several. Several are learnt
    from as one, by a critic that reads the instruction."""
    sentence_encoder: Path | None = None
    """Directory of a sentence encoder of `transformers`, which makes the instruction's vector and
    sets --network.language-dim; without, that option hashes the words."""
    other_instructions: float | None = None
    """Share of each batch that is shown with the instruction of another task, as failing for ever;
    none means 0.5 where there are several tasks."""
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
    """Of the reward, which is -1 until success: per control tick, or chunk."""
    reward_per: Literal["auto", "tick", "chunk"] = "auto"
    """What the reward is counted by. By the chunk, the same discount looks as many times further
    ahead as a chunk has ticks (OTA): for tasks that take hundreds of ticks."""
    learning_rate: float = 3e-4
    """Peak of the cosine schedule."""
    target_rate: float = 0.005
    """How fast the target networks follow, a step."""
    lipschitz: float = 0.0
    """Weight of a penalty on values that are steep over chunks, for any algorithm; 0 for none."""
    episodes: int | None = None
    """Learn from the first so many of each task; none means all. For how much data is enough."""
    successes_only: bool = False
    """Leave out the episodes that failed: such data cannot teach what fails."""
    holdout: float = 0.1
    """Share of the episodes kept for the audit."""
    observation: tuple[str, ...] = ()
    """Keys of the observation to learn from; none means all vectors."""
    frames: tuple[Path, ...] = ()
    """Directories of what cameras saw, of `steer frames`: their keys are learnt from beside the
    vectors. For each key one a dataset, in the order of `--dataset`."""
    success: Path | None = None
    """CSV file with the columns episode,success, for data without `next.success`."""
    assume_success: bool = False
    """Take every episode for a success. Such data cannot teach what fails."""
    candidates: Path | None = None
    """File of `steer candidates`, for algorithms that choose; none means what was run in the states
    most like each."""
    resume: bool = False
    """Go on from the training state that a stopped run left."""
    threads: int = 1
    """Threads of torch; other numbers give other last bits. 0 measures a few steps with one and
    with all cores, and keeps the faster."""
    device: str = "cpu"
    """`cpu` or `cuda`."""
    log_every: int = 100
    """Steps between points of the curve."""
    save_every: int = 500
    """Steps between training states."""
    patience: int = 0
    """End once so many training states in a row order the held-out chunks no better than one
    before, and keep that one; 0 goes on to the end."""
    aloe: AloeConfig = field(default_factory=AloeConfig)
    """Options of `aloe`."""
    cal_ql: CalQlConfig = field(default_factory=CalQlConfig)
    """Options of `cal_ql`."""
    dqc: DqcConfig = field(default_factory=DqcConfig)
    """Options of `dqc`."""
    iql: IqlConfig = field(default_factory=IqlConfig)
    """Options of `iql`."""
    preference: PreferenceConfig = field(default_factory=PreferenceConfig)
    """Options of `preference`."""
    qc: QcConfig = field(default_factory=QcConfig)
    """Options of `qc`."""
    ravl: RavlConfig = field(default_factory=RavlConfig)
    """Options of `ravl`."""
    sarsa: SarsaConfig = field(default_factory=SarsaConfig)
    """Options of `sarsa`."""
    vgas: VgasConfig = field(default_factory=VgasConfig)
    """Options of `vgas`."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """Sizes of the networks."""
    head: Literal["hl_gauss", "scalar", "sigmoid"] = "hl_gauss"
    """How a value is learnt: as a histogram, by regression, or as a share of the range."""
    num_bins: int = 51
    """Bins of the value's histogram."""

    def __post_init__(self) -> None:
        if not self.dataset:
            raise ConfigError("--dataset: expected one or more, got none")
        counts = ("horizon", "steps", "batch_size", "num_members")
        for name in (*counts, "log_every", "save_every"):
            if getattr(self, name) < 1:
                got = getattr(self, name)
                raise ConfigError(f"--{name.replace('_', '-')}: expected >= 1, got {got}")
        if self.patience < 0:
            raise ConfigError(f"--patience: expected >= 0, got {self.patience}")
        if self.patience and not self.holdout:
            raise ConfigError("--patience: expected held-out episodes to look at, got --holdout 0")
        if self.threads < 0:
            raise ConfigError(f"--threads: expected >= 1, or 0 to measure, got {self.threads}")
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
        if not (math.isfinite(self.lipschitz) and self.lipschitz >= 0):
            raise ConfigError(f"--lipschitz: expected a finite number >= 0, got {self.lipschitz}")
        self._check_language()
        if self.success is not None and self.assume_success:
            raise ConfigError("--success and --assume-success: expected one of them, got both")

    def _check_language(self) -> None:
        if len(self.task) > 1 and not self.reads_instructions:
            raise ConfigError(
                "--task: expected one for a critic that reads no instruction, got "
                f"{len(self.task)}: it cannot tell them apart; give --network.language-dim 256, or "
                "--sentence-encoder DIR"
            )
        if self.other_instructions is None:
            return
        if not 0 <= self.other_instructions < 1:
            got = self.other_instructions
            raise ConfigError(f"--other-instructions: expected a share in [0, 1), got {got}")
        if self.other_instructions and len(self.task) < 2:
            raise ConfigError(f"--other-instructions: expected several --task, got {self.task}")

    @property
    def reads_instructions(self) -> bool:
        """Whether the critic reads the task in words."""
        return bool(self.network.language_dim) or self.sentence_encoder is not None

    @property
    def head_config(self) -> HeadConfig:
        """Range and bins: -1 a tick for ever is the worst that can be."""
        v_min = -1 / (1 - self.discount)
        return HeadConfig(kind=self.head, v_min=v_min, v_max=0.0, num_bins=self.num_bins)

    @property
    def tick_discount(self) -> float:
        """Discount per control tick."""
        return self.discount if self.reward_per == "tick" else self.discount ** (1 / self.horizon)

    @property
    def chunk_horizon(self) -> int:
        """Length of the chunks that are learnt from: what is run, or what it is distilled from."""
        return self.dqc.long_horizon if self.algorithm == "dqc" else self.horizon

    @property
    def looks_ahead(self) -> bool:
        """Whether the algorithm learns from the observation after each chunk, too."""
        if self.algorithm == "sarsa":
            return self.sarsa.target == "td"
        return self.algorithm not in ("preference", "vgas")

    @property
    def needs_next_chunk(self) -> bool:
        """Whether it learns from nothing of a chunk that a time-out cut off from its successor.

        Where candidates are not drawn but those that were run, the first of the next state is what
        was run there.
        """
        if self.algorithm in ("aloe", "cal_ql", "qc"):
            return self.candidates is None
        return self.algorithm == "ravl" or (self.algorithm == "sarsa" and self.looks_ahead)

    def steps_for(self, num_chunks: int) -> int:
        """Return the gradient steps on so many chunks."""
        return min(self.steps, math.ceil(min(self.passes * num_chunks / self.batch_size, 2**31)))

    @property
    def training_directory(self) -> Path:
        """Where state, logs and curve go."""
        return self.output.with_name(self.output.name + "-training")
