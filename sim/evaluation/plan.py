"""What a run consists of: blocks of cells, arms and episodes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from zlib import crc32

from sim.evaluation.arms import Arm, Settings
from sim.evaluation.cells import Cell, Limit, Run
from sim.evaluation.row import Key
from sim.plugins import is_plugin
from sim.seeds import Split, episode_seeds
from sim.suite import source_of
from sim.tasks import spec_of
from steer.errors import InvalidInputError

__all__ = ["Block", "Evaluation", "Todo", "arm_source", "only_arms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Cells that are run alike.

    Attributes:
        cells: Policies and tasks.
        arms: Ways of choosing.
        num_episodes: A cell and arm.
        num_candidates: N; None for the one that was tuned.
        limit: Whose step limit ends an episode.
    """

    cells: tuple[Cell, ...]
    arms: tuple[Arm, ...]
    num_episodes: int
    num_candidates: int | None = None
    limit: Limit = "task"

    def runs(self, settings: Settings) -> tuple[Run, ...]:
        """Return what is run on each seed of each cell."""
        count = self.num_candidates or settings.num_candidates
        return tuple(Run(arm.name, 1 if arm.is_single else count, self.limit) for arm in self.arms)


def only_arms(blocks: Sequence[Block], arms: Collection[Arm]) -> tuple[Block, ...]:
    """Return the blocks with these arms alone.

    Raises:
        InvalidInputError: None is left.
    """
    names = {arm.name for arm in arms}
    kept = [
        replace(block, arms=tuple(arm for arm in block.arms if arm.name in names))
        for block in blocks
    ]
    left = tuple(block for block in kept if block.arms)
    if not left:
        known = sorted({arm.name for block in blocks for arm in block.arms})
        raise InvalidInputError.expected("--arms", f"some of {', '.join(known)}", sorted(names))
    return left


@dataclass(frozen=True, slots=True)
class Todo:
    """What is run on one seed of a cell."""

    cell: Cell
    seed: int
    runs: tuple[Run, ...]

    def row_keys(self) -> list[Key]:
        """Return the key of the row of each run."""
        return [
            (self.cell.policy, self.cell.task, run.arm, run.num_candidates, run.limit, self.seed)
            for run in self.runs
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A whole run.

    Attributes:
        blocks: What to run, the most important first.
        split: Which seeds.
        first: How many seeds of the split to skip.
        settings: N, margin and beta, of all cells.
        shard: (which, of how many): a part of the seeds of every cell.
        only: Rows by which it is narrowed down further; None for all.
    """

    blocks: tuple[Block, ...]
    split: Split
    first: int = 0
    settings: Settings
    shard: tuple[int, int] = (0, 1)
    only: Collection[Key] | None = None

    def __post_init__(self) -> None:
        part, parts = self.shard
        if not 0 <= part < parts:
            raise InvalidInputError.expected(
                "--shard", "I/N with 1 <= I <= N", f"{part + 1}/{parts}"
            )
        for block in self.blocks:
            if block.num_episodes < 1:
                raise InvalidInputError.expected("--episodes", ">= 1", block.num_episodes)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, each once."""
        return tuple(dict.fromkeys(cell for block in self.blocks for cell in block.cells))

    @property
    def tasks(self) -> tuple[str, ...]:
        """All tasks, each once."""
        return tuple(dict.fromkeys(cell.task for cell in self.cells))

    def todo(self, done: Collection[Key] = ()) -> list[Todo]:
        """Return what is to be run and not done, in order.

        Within a block the cells take turns, so that partial results are balanced.
        """
        known, found = set(done), []
        for block in self.blocks:
            for item in self._of(block):
                keys = dict(zip(item.runs, item.row_keys(), strict=True))
                left = tuple(
                    run for run, key in keys.items() if key not in known and self._is_wanted(key)
                )
                known.update(keys.values())
                if left:
                    found.append(Todo(item.cell, item.seed, left))
        return found

    def all_keys(self) -> set[Key]:
        """Return the keys of all rows that belong to it."""
        return {key for item in self.todo() for key in item.row_keys()}

    def seeds(self, task: str, num_episodes: int) -> range:
        """Return the seeds of a task."""
        count = self.first + num_episodes
        return episode_seeds(self.split, count, block=spec_of(task).seed_block)[self.first :]

    def _of(self, block: Block) -> Iterator[Todo]:
        runs = block.runs(self.settings)
        columns = [
            [Todo(cell, seed, runs) for seed in self.seeds(cell.task, block.num_episodes)]
            for cell in block.cells
        ]
        turns = zip_longest(*columns)
        return (item for turn in turns for item in turn if item and self._is_mine(item))

    def _is_wanted(self, key: Key) -> bool:
        return self.only is None or key in self.only

    def _is_mine(self, item: Todo) -> bool:
        part, parts = self.shard
        return crc32(f"{item.cell.name}:{item.seed}".encode()) % parts == part


def arm_source(cell: Cell, arm: Arm) -> str:
    """Return the name of the policy source of an arm; empty for a policy of the user's own.

    Raises:
        InvalidInputError: There is no such policy.
    """
    if is_plugin(cell.policy):
        if arm.is_filtered:
            contract = "a policy of the suite, which was cloned from successes too"
            raise InvalidInputError.expected(f"arm {arm.name}", contract, cell.policy)
        return ""
    return source_of(f"{cell.policy}-filtered" if arm.is_filtered else cell.policy, cell.task)
