"""What `steer novelty` can be told."""

from dataclasses import dataclass, field
from pathlib import Path

from steer.errors import ConfigError
from steer.rank.scorers.novelty import NoveltyConfig

__all__ = ["NoveltyFitConfig"]


@dataclass(frozen=True, kw_only=True)
class NoveltyFitConfig:
    """Count what a critic's data hold, so that sessions may weigh how new a candidate is.

    Writes novelty.safetensors beside the critic, in the place of one that is there; `steer serve`
    finds it. It holds for these weights of the critic alone: a critic that is trained again asks
    for another.
    """

    critic: Path
    """Directory of the critic."""
    dataset: tuple[str, ...]
    """Roots of local LeRobotDatasets v3, or hub ids `owner/name`: those of the critic's training,
    or those that its policy was cloned from. What is in them is known, what is not is new."""
    frames: tuple[Path, ...] = ()
    """Directories of what cameras saw, of `steer frames`, for a critic that looks; for each key one
    a dataset, in the order of `--dataset`."""
    task: str | None = None
    """Name or instruction of the task; default: the one the critic was trained on."""
    success: Path | None = None
    """CSV file with the columns episode,success, for data without `next.success`."""
    assume_success: bool = False
    """Take every episode for a success, for data without outcomes: novelty asks for none, but an
    episode ends with its first success."""
    seed: int = 0
    """Seeds coins and batches. Equal data, options and threads give an equal novelty, on one
    machine."""
    threads: int = 1
    """Of torch."""
    fit: NoveltyConfig = field(default_factory=NoveltyConfig)
    """How the network is made and fitted."""

    def __post_init__(self) -> None:
        if not self.dataset:
            raise ConfigError("--dataset: expected at least one, got none")
        if self.success is not None and self.assume_success:
            raise ConfigError("--success and --assume-success: expected one of them, got both")
        if self.threads < 1:
            raise ConfigError(f"--threads: expected >= 1, got {self.threads}")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"--seed: expected 0..2^63 - 1, got {self.seed}")
