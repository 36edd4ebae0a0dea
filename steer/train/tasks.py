"""Which task each episode is of, and the vector of its instruction.

Shape legend: E episodes, I instructions, L length of a language vector, T rows of all episodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steer.critics.encoders.instructions import Instructions
from steer.errors import DatasetError, InvalidInputError
from steer.types import MAX_INSTRUCTION_BYTES

__all__ = ["Tasks", "check_instructions", "first_of_each", "join_tasks", "vectors_for"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tasks:
    """Instructions, and which of them each episode was recorded under.

    Attributes:
        names: Name of the task of each instruction; a task may have several instructions.
        instructions: In words.
        of: int64 [E], place of each episode's instruction.
        vectors: float32 [I, L], made by a sentence encoder; None where nobody made any.
        encoder: Digest of that sentence encoder; empty where there is none.
    """

    names: tuple[str, ...]
    instructions: tuple[str, ...]
    of: NDArray[np.int64]
    vectors: NDArray[np.float32] | None = None
    encoder: str = ""

    @property
    def distinct(self) -> tuple[str, ...]:
        """Names of the tasks, each once, in order of appearance."""
        return tuple(dict.fromkeys(self.names))

    def select(self, which: NDArray[np.int64]) -> "Tasks":
        """Return the tasks of the episodes at these positions; the instructions stay."""
        return replace(self, of=self.of[which])

    def named(self, name: str) -> NDArray[np.int64]:
        """Return the positions of the episodes of a task."""
        places = [index for index, own in enumerate(self.names) if own == name]
        return np.flatnonzero(np.isin(self.of, places)).astype(np.int64)


def join_tasks(parts: Sequence[tuple[str, str, int]]) -> Tasks | None:
    """Return which episode of joined parts is of which task; None where all are of one.

    Args:
        parts: Name and instruction of the task of each, and how many episodes it has.
    """
    kinds = list(dict.fromkeys((name, text) for name, text, _ in parts))
    if len(kinds) == 1:
        return None
    counts = [count for _, _, count in parts]
    places = [kinds.index((name, text)) for name, text, _ in parts]
    return Tasks(
        names=tuple(name for name, _ in kinds),
        instructions=tuple(text for _, text in kinds),
        of=np.repeat(np.array(places, np.int64), counts),
    )


def first_of_each(tasks: Tasks, count: int | None) -> NDArray[np.int64]:
    """Return the positions of the first so many episodes of each task, in order; None means all."""
    everything = np.arange(len(tasks.of), dtype=np.int64)
    if count is None:
        return everything
    picked = [tasks.named(name)[:count] for name in tasks.distinct]
    return np.sort(np.concatenate(picked))


def check_instructions(tasks: Tasks) -> None:
    """Refuse data whose instructions a critic cannot be given.

    Raises:
        DatasetError: One is empty, or longer than a robot can send.
    """
    for name, text in zip(tasks.names, tasks.instructions, strict=True):
        if not text.strip():
            raise DatasetError(
                f"dataset: expected an instruction, which the critic reads, got none of {name!r}"
            )
        size = len(text.encode(errors="surrogatepass"))
        if size > MAX_INSTRUCTION_BYTES:
            raise DatasetError(
                f"dataset: expected instructions of at most {MAX_INSTRUCTION_BYTES} bytes, which "
                f"is what robots can send, got {size} bytes: {text[:40]!r}…"
            )


def vectors_for(tasks: Tasks, *, size: int, encoder: str) -> NDArray[np.float32]:
    """Return the vectors of all instructions for a critic, float32 [I, L].

    Hashed here, where the critic's are; those of a sentence encoder must be there.

    Args:
        tasks: With the instructions.
        size: L, as the critic's card has it.
        encoder: Digest of the critic's sentence encoder; empty where it has none.

    Raises:
        DatasetError: An instruction cannot be given, see `check_instructions`.
        InvalidInputError: The vectors of the critic's sentence encoder are missing.
    """
    check_instructions(tasks)
    if not encoder:
        return Instructions(size).vectors(tasks.instructions)
    if tasks.vectors is None or tasks.encoder != encoder:
        contract = f"vectors of the sentence encoder {encoder}"
        raise InvalidInputError.expected("instructions", contract, tasks.encoder or "none")
    return tasks.vectors
