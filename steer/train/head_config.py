"""What `steer head` can be told."""

from dataclasses import dataclass
from pathlib import Path

from steer.errors import ConfigError
from steer.heads import Kind

__all__ = ["HeadConfig"]


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Train a head of the fast half, which runs beside the robot: it makes up for late answers.

    A forecast lets the policy be asked at what the robot will observe when the answer is there. The
    others change chunks at the newest observation; what they make competes with what it was made
    from, under the same critic and the same gate. The policy is a black box to all of them.
    """

    critic: Path
    """Directory of the critic that will judge; its observations are the head's."""
    dataset: tuple[str, ...]
    """Roots of local LeRobotDatasets v3, or hub ids `owner/name`."""
    output: Path
    """File of the head, .npz."""
    kind: Kind = "forecast"
    """forecast: what is observed once what runs now has run (VLASH); edit: raises the critic's
    value, bounded (EXPO); residual: the difference to what was done in successful episodes (A2C2);
    cascade: denoises from the chunk to that (Hume)."""
    candidates: Path | None = None
    """What the policy draws in their states, of `steer candidates`, whole chunks; a forecast needs
    none."""
    task: str | None = None
    """Name or instruction of the task; default: the one the critic was trained on."""
    success: Path | None = None
    """CSV file with the columns episode,success, for data without `next.success`."""
    assume_success: bool = False
    """Take every episode for a success, for data without outcomes."""
    steps: int = 4000
    """Of the optimiser."""
    batch_size: int = 256
    """Windows a step."""
    lr: float = 3e-4
    """Of Adam, falling to nothing along a cosine."""
    hidden: int = 256
    """Width of the two hidden layers."""
    beta: float = 0.05
    """Of an edit: its largest change, in parts of the range; 0.05 to 0.1 are EXPO's."""
    calm: float = 0.1
    """Of an edit: what its mean square, in parts of `beta`, costs, in discounted return."""
    denoising: int = 10
    """Of a cascade: steps from the chunk to what it makes of it."""
    holdout: float = 0.1
    """Share of the episodes that is measured on and not learnt from."""
    seed: int = 0
    """Of weights and batches."""
    threads: int = 1
    """Of torch."""

    def __post_init__(self) -> None:
        if not self.dataset:
            raise ConfigError("--dataset: expected at least one, got none")
        if self.success is not None and self.assume_success:
            raise ConfigError("--success and --assume-success: expected one of them, got both")
        least = {"steps": 1, "batch_size": 2, "hidden": 1, "denoising": 1, "threads": 1, "seed": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                option = name.replace("_", "-")
                raise ConfigError(f"--{option}: expected >= {value}, got {getattr(self, name)}")
        if (self.candidates is None) != (self.kind == "forecast"):
            wanted = "none" if self.kind == "forecast" else "a file of `steer candidates`"
            got = self.candidates or "none"
            raise ConfigError(f"--candidates: expected {wanted} for {self.kind}, got {got}")
        if not 0 < self.beta <= 1:
            raise ConfigError(f"--beta: expected in (0, 1], got {self.beta}")
        if not self.lr > 0:
            raise ConfigError(f"--lr: expected > 0, got {self.lr}")
        if not self.calm >= 0:
            raise ConfigError(f"--calm: expected >= 0, got {self.calm}")
        if not 0 < self.holdout < 1:
            raise ConfigError(f"--holdout: expected in (0, 1), got {self.holdout}")
        if self.output.suffix != ".npz":
            raise ConfigError(f"--output: expected a file .npz, got {self.output}")
