"""Which chunks a critic that looks can learn from, and be judged on: those with frames."""

import numpy as np

from steer.embodiment import Embodiment
from steer.errors import DatasetError
from steer.train.episodes import Episodes
from steer.train.targets import Chunks

__all__ = ["check_views", "seen_chunks"]


def seen_chunks(chunks: Chunks, episodes: Episodes, *, looks_ahead: bool) -> Chunks:
    """Return the chunks that begin in a row with frames; all where nobody looks.

    Args:
        chunks: Of the episodes.
        episodes: With their frames.
        looks_ahead: Whether the observation after a chunk must have frames, too, where its value
            counts.

    Raises:
        DatasetError: None is left, or none whose next observation counts; the text says how many
            rows may lie between two frames.
    """
    if not episodes.frames:
        return chunks
    begun = chunks.select(episodes.has_frames(chunks.row))
    if not len(begun):
        raise DatasetError("--frames: expected a frame in the first row of a chunk, got none")
    counts = begun.bootstrap > 0
    follows = episodes.has_frames(begun.next_row)
    if not looks_ahead or not counts.any():
        return begun
    if not (counts & follows).any():
        horizon = chunks.action_rows.shape[1]
        every = sorted({gap for value in episodes.frames.values() for gap in value.every})
        fitting = ", ".join(str(gap) for gap in range(1, horizon + 1) if horizon % gap == 0)
        raise DatasetError(
            f"--frames: expected one in the row that follows a chunk of {horizon} actions, got "
            f"none with --every {', '.join(map(str, every))}; make them anew with --every {fitting}"
            ", or learn with --algorithm sarsa, which needs the first row alone"
        )
    return begun.select(np.asarray(follows))


def check_views(recorded: Embodiment, needed: Embodiment) -> None:
    """Check that data show a critic what it was trained to look at.

    Args:
        recorded: Of the data, with what their frames are.
        needed: Of the critic.

    Raises:
        DatasetError: A camera is missing, or its frames are of another size or type.
    """
    for item in needed.observations:
        if len(item.shape) == 1:
            continue
        contract = f"{item.dtype} of shape {list(item.shape)}, as the critic sees it"
        got = recorded.observation(item.name)
        shown = "none" if got is None else f"{got.dtype} of shape {list(got.shape)}"
        if got is None or (got.dtype, tuple(got.shape)) != (item.dtype, tuple(item.shape)):
            raise DatasetError(f"--frames: expected {item.name!r}, {contract}, got {shown}")
