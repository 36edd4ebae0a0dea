"""Recorded episodes in memory: what critics are trained and judged on.

Shape legend: T rows of all episodes, E episodes, A action dimensions.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.train.pairs import Pairs
from steer.train.tasks import Tasks
from steer.train.views import Frames

__all__ = ["Episodes"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Episodes:
    """Episodes of one task or several, one after another. Each ends with its first success.

    Attributes:
        embodiment: The robot that recorded them; its observations are those held here.
        task: Name of the task, or the instruction where the dataset names none; of several tasks,
            all names.
        instruction: The task in words; of several tasks, all of them.
        observations: The vectors, by key, float32 of shape [T, *shape].
        actions: float32 of shape [T, A], in robot units.
        is_success: bool of shape [T]: the action of this row reached the goal.
        is_timeout: bool of shape [T]: last row of an episode that ended without success.
        start: int64 of shape [E], first row of each episode.
        end: int64 of shape [E], one past its last row.
        episode: int64 of shape [E], its number in the dataset.
        seed: int64 of shape [E], seed of its initial state; -1 means not known.
        noise: float32 of shape [E], noise of the expert that recorded it; NaN means not known.
        frames: What cameras saw, by key; on disk, and of some rows alone.
        pairs: Labelled preferences of these episodes; None where nobody labelled any.
        tasks: Which task each is of; None where all are of one, and nobody made its vector.
    """

    embodiment: Embodiment
    task: str
    instruction: str
    observations: Mapping[str, NDArray[np.float32]]
    actions: NDArray[np.float32]
    is_success: NDArray[np.bool_]
    is_timeout: NDArray[np.bool_]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    episode: NDArray[np.int64]
    seed: NDArray[np.int64]
    noise: NDArray[np.float32]
    frames: Mapping[str, Frames] = field(default_factory=dict)
    pairs: Pairs | None = None
    tasks: Tasks | None = None

    def __len__(self) -> int:
        """Return E."""
        return len(self.start)

    @property
    def success(self) -> NDArray[np.bool_]:
        """Whether each episode ended in success, bool of shape [E]."""
        return self.is_success[self.end - 1]

    def told(self) -> Tasks:
        """Return which task each episode is of, also where there is one alone."""
        if self.tasks is not None:
            return self.tasks
        of: NDArray[np.int64] = np.zeros(len(self), np.int64)
        return Tasks(names=(self.task,), instructions=(self.instruction,), of=of)

    def select(self, which: Sequence[int] | NDArray[np.int64]) -> "Episodes":
        """Return the episodes at these positions (not dataset numbers), in this order."""
        index = np.asarray(which, np.int64)
        lengths = (self.end - self.start)[index]
        rows = np.concatenate(
            [np.arange(self.start[i], self.end[i]) for i in index] or [np.zeros(0, np.int64)]
        )
        end = np.cumsum(lengths)
        return replace(
            self,
            observations={key: value[rows] for key, value in self.observations.items()},
            actions=self.actions[rows],
            is_success=self.is_success[rows],
            is_timeout=self.is_timeout[rows],
            start=end - lengths,
            end=end,
            episode=self.episode[index],
            seed=self.seed[index],
            noise=self.noise[index],
            frames={key: value.of(rows) for key, value in self.frames.items()},
            pairs=None if self.pairs is None else self.pairs.of(self.episode[index]),
            tasks=None if self.tasks is None else self.tasks.select(index),
        )

    def at(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return all that is observed in rows, by key, [B, *shape].

        Args:
            rows: int64 [B], each with frames, where there are any.
        """
        seen = {key: value.take(rows) for key, value in self.frames.items()}
        return {**{key: value[rows] for key, value in self.observations.items()}, **seen}

    def views(self) -> dict[str, list[dict[str, Any]]]:
        """Return what the frames of each key are, as a JSON tree; equal ones are equal frames."""
        return {key: value.about() for key, value in self.frames.items()}

    def has_frames(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows have a frame of each key, bool [B]; all where there are no keys."""
        found = np.ones(len(rows), np.bool_)
        for value in self.frames.values():
            found &= value.has(rows)
        return found

    def digests(self) -> tuple[str, ...]:
        """Return the identity of each episode, 16 hex digits over what the robot did in it.

        Neither what was sensed beside it, nor its place among others, nor what it was labelled
        changes it.
        """
        actions = np.ascontiguousarray(self.actions, np.float32)
        return tuple(
            hashlib.sha256(actions[start:end].tobytes()).hexdigest()[:16]
            for start, end in zip(self.start, self.end, strict=True)
        )

    def fingerprint(self) -> str:
        """Return `sha256:<hex>` over what was recorded and what came of it; frames have their own.

        Of several tasks, the instruction of each episode counts.

        Labelled preferences do not count: an audit knows the episodes again, whoever labelled them.
        """
        digest = hashlib.sha256()
        for key in sorted(self.observations):
            digest.update(key.encode() + np.ascontiguousarray(self.observations[key]).tobytes())
        for array in (self.actions, self.is_success, self.is_timeout, self.start, self.end):
            digest.update(np.ascontiguousarray(array).tobytes())
        if self.tasks is not None and len(self.tasks.names) > 1:
            texts = [self.tasks.instructions[place] for place in self.tasks.of]
            digest.update("\0".join(texts).encode(errors="surrogatepass"))
        return f"sha256:{digest.hexdigest()}"
