"""What `steer frames` can be told."""

from dataclasses import dataclass
from pathlib import Path

from steer.errors import ConfigError

__all__ = ["FramesConfig"]

_MIN_SIZE = 16


@dataclass(frozen=True, kw_only=True)
class FramesConfig:
    """Decode what a camera saw at the decisions of a dataset, for `steer train --frames`."""

    dataset: str
    """Root of a local LeRobotDataset v3, or a hub id `owner/name`."""
    key: str
    """The dataset's own feature: images or video, or point clouds, float32 [P, 3] in metres."""
    output: Path
    """Directory of the frames; several tasks of one dataset may share it."""
    task: str | None = None
    """Name or instruction of the task; needed where the dataset has several."""
    every: int = 8
    """Each episode's first row has a frame, and every so many after it: best the horizon of the
    critic, and at most a divisor of it where the algorithm bootstraps."""
    size: int | None = 64
    """Height and width of images in pixels, at least 16, by the mean over areas; the robot does the
    same with `steer.frames.resized`. None for what was recorded."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"--every: expected >= 1, got {self.every}")
        if self.size is not None and self.size < _MIN_SIZE:
            raise ConfigError(f"--size: expected >= {_MIN_SIZE} pixels, got {self.size}")
