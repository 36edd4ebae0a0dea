"""Which seeds may be used for what, so that no figure is measured on what it was tuned on.

    train     0 ..  99,999    data for policies and critics
    tune      100,000 .. 199,999    choosing margins, N and the like
    test      200,000 .. 299,999    published figures
    user      300,000 and above     the user's own, labelled so

Every task owns a block of `BLOCK_SIZE` seeds within each split, so two tasks never share one.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from steer.errors import InvalidInputError

__all__ = ["BLOCK_SIZE", "SPLITS", "Split", "episode_seeds", "split_of"]

Split = Literal["train", "tune", "test", "user"]

BLOCK_SIZE = 4_000
SPLITS: Mapping[Split, range] = {
    "train": range(100_000),
    "tune": range(100_000, 200_000),
    "test": range(200_000, 300_000),
    "user": range(300_000, 2**31 - 1),
}


def split_of(seed: int) -> Split:
    """Return the split that owns `seed`.

    Raises:
        InvalidInputError: The seed is negative or needs more than 31 bits.
    """
    for split, seeds in SPLITS.items():
        if seed in seeds:
            return split
    raise InvalidInputError.expected("seed", "0 to 2147483646", seed)


def episode_seeds(split: Split, num_episodes: int, *, block: int = 0) -> range:
    """Return the seeds of a task's first episodes in a split.

    Args:
        split: What the episodes are for.
        num_episodes: How many, 0 to `BLOCK_SIZE`.
        block: The task's own block, `TaskSpec.seed_block`.

    Raises:
        InvalidInputError: The split is unknown, or the episodes do not fit in the block.
    """
    if split not in SPLITS:
        raise InvalidInputError.expected("split", "one of " + ", ".join(get_args(Split)), split)
    last_block = len(SPLITS["train"]) // BLOCK_SIZE - 1
    if not 0 <= block <= last_block:
        raise InvalidInputError.expected("block", f"0 to {last_block}", block)
    if not 0 <= num_episodes <= BLOCK_SIZE:
        raise InvalidInputError.expected("num_episodes", f"0 to {BLOCK_SIZE}", num_episodes)
    start = SPLITS[split].start + block * BLOCK_SIZE
    return range(start, start + num_episodes)
