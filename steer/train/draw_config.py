"""What `steer candidates` can be told."""

from dataclasses import dataclass
from pathlib import Path

from steer.errors import ConfigError

__all__ = ["CandidatesConfig"]


@dataclass(frozen=True, kw_only=True)
class CandidatesConfig:
    """Draw candidates of a policy in every recorded state, for `steer train --candidates`."""

    dataset: tuple[str, ...]
    """Roots of local LeRobotDatasets v3, or hub ids `owner/name`; those of the training, in their
    order."""
    policy: str
    """lerobot:DIR of the policy."""
    output: Path
    """File of the candidates; what a stopped run did is kept in `<output>.parts`."""
    task: str | None = None
    """Name or instruction of the task; needed where the dataset has several."""
    num_candidates: int = 8
    """N in each state; candidate 0 is the policy's own."""
    horizon: int | None = None
    """Actions of each chunk that are kept; none means all."""
    edit: Path | None = None
    """File of a head that edits (`steer head --kind edit`): what it makes of each candidate is one
    more, so that there are 2 N; `--qc.num-candidates` says how many a target chooses among."""
    seed: int = 0
    """Of the draws; every state has a noise of its own."""

    def __post_init__(self) -> None:
        if self.num_candidates < 1:
            raise ConfigError(f"--num-candidates: expected >= 1, got {self.num_candidates}")
        if self.horizon is not None and self.horizon < 1:
            raise ConfigError(f"--horizon: expected >= 1, got {self.horizon}")
        if self.seed < 0:
            raise ConfigError(f"--seed: expected >= 0, got {self.seed}")
        if self.output.is_dir():
            raise ConfigError(f"--output: expected a file, got the directory {self.output}")
