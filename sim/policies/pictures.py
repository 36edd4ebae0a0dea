"""Pictures for recorded episodes: each is played back, and every tick photographed.

    python -m sim.policies.pictures --root data/metaworld --tasks push --camera corner3 --output …

An episode is a function of its seed and its actions, so what is played back is the recording to
the last bit; that is checked at every tick. Of a task there is `<task>.npy`, the pictures,
`<task>.rows.npy`, the recorded rows that they show, and `<task>.json`, which says how far it has
come: a run that was stopped goes on.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sim.files import write_whole
from sim.interrupt import GOES_ON, exit_code, run
from sim.policies.data import as_array, read_rows
from sim.tasks import TASKS, Env, TaskSpec, make, spec_of
from steer.errors import DatasetError, InvalidInputError

__all__ = ["Pictures", "photograph", "read_pictures"]

_SHARD_EPISODES = 5
_File: TypeAlias = "np.memmap[tuple[int, ...], np.dtype[np.uint8]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """What `<task>.json` says: of which rows the pictures are, and how many are done."""

    camera: str
    size: int
    every: int
    rows: int
    data_sha256: str
    done: int = 0


def photograph(
    spec: TaskSpec, root: Path, output: Path, *, camera: str, size: int, every: int = 1
) -> None:
    """Bring the pictures of a task to what was asked for.

    Args:
        spec: The task.
        root: The dataset.
        output: Directory of the pictures; made where there is none.
        camera: One of the task's.
        size: Height and width in pixels.
        every: Photograph each episode's first tick and every so many after it.

    Raises:
        DatasetError: The dataset does not have the task, playing it back gives other observations
            (then another version of the simulator recorded it), or the directory has pictures of
            other rows.
        InvalidInputError: The task has no such camera.
    """
    if camera not in spec.cameras:
        raise InvalidInputError.expected("camera", "one of " + ", ".join(spec.cameras), camera)
    table, _ = read_rows(root, [spec.instruction])
    seeds = as_array(table, "steer.seed").reshape(-1)
    actions = as_array(table, "action").astype(np.float32)
    seen = as_array(table, "observation.environment_state").astype(np.float32)
    episode = table["episode_index"].to_numpy()
    ends = np.flatnonzero(np.r_[episode[1:] != episode[:-1], True]) + 1
    digest = hashlib.sha256(seeds.tobytes() + actions.tobytes()).hexdigest()
    starts = np.r_[0, ends[:-1]]
    tick = np.arange(len(seeds)) - np.repeat(starts, ends - starts)
    shown = np.flatnonzero(tick % every == 0)
    card = _Card(camera=camera, size=size, every=every, rows=len(seeds), data_sha256=digest)
    done, pictures = _open(output / spec.name, card, shown)
    env = make(spec.name)
    bar = tqdm(total=card.rows, initial=done, desc=f"{spec.name} pictures", unit="row")
    todo = [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if a >= done]
    with bar:
        for index, (first, end) in enumerate(todo, start=1):
            rows, places = slice(first, end), np.searchsorted(shown, (first, end))
            taken = _play_back(env, int(seeds[first]), actions[rows], seen[rows], card)
            pictures[slice(*places)] = taken
            bar.update(end - first)
            if index % _SHARD_EPISODES == 0 or end == card.rows:
                pictures.flush()
                _write(output / spec.name, card, done=end)
    env.close()


def _open(path: Path, card: _Card, shown: NDArray[np.int64]) -> tuple[int, _File]:
    """Return how many rows are done, and the file of the pictures, which is made if need be."""
    pictures, about = path.with_suffix(".npy"), path.with_suffix(".json")
    shape = (len(shown), card.size, card.size, 3)
    if not (about.exists() and pictures.exists()):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path.with_suffix(".rows.npy"), shown)
        fresh: _File = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            pictures, mode="w+", dtype=np.uint8, shape=shape
        )
        _write(path, card, done=0)
        return 0, fresh
    found = _Card(**json.loads(about.read_text()))
    if {**asdict(found), "done": 0} != asdict(card):
        raise DatasetError(
            f"pictures in {about}: expected camera, size and rows of this run, got {found}; delete "
            "them, or choose another directory"
        )
    again: _File = np.load(pictures, mmap_mode="r+")
    return found.done, again


def _write(path: Path, card: _Card, *, done: int) -> None:
    text = json.dumps(asdict(card) | {"done": done}, indent=2)
    write_whole(path.with_suffix(".json"), text + "\n")


def _play_back(
    env: Env, seed: int, actions: NDArray[np.float32], seen: NDArray[np.float32], card: _Card
) -> list[NDArray[np.uint8]]:
    """Run one episode again and return its pictures, each taken before the tick's action.

    Raises:
        DatasetError: It is not the recorded one.
    """
    observation, taken = env.reset(seed), []
    for tick, action in enumerate(actions):
        now = np.asarray(observation.arrays["observation.environment_state"])
        if not np.array_equal(now, seen[tick]):
            raise DatasetError(
                f"episode of seed {seed} in tick {tick}: expected what was recorded, got another "
                "observation; the dataset was recorded with another simulator or another task"
            )
        if tick % card.every == 0:
            taken.append(env.render(card.camera, height=card.size, width=card.size))
        observation = env.step(action).observation
    return taken


class Pictures:
    """The pictures of some tasks, read from disk as they are needed.

    Attributes:
        name: Of the observation, `observation.images.<camera>`.
        shape: Of one picture, [h, w, 3].
    """

    def __init__(self, directory: Path, tasks: Sequence[str], cards: Sequence[_Card]) -> None:
        self.name = f"observation.images.{cards[0].camera}"
        self.shape = (cards[0].size, cards[0].size, 3)
        self._cards = cards
        self._files = [np.load(directory / f"{name}.npy", mmap_mode="r") for name in tasks]
        self._rows = [np.load(directory / f"{name}.rows.npy") for name in tasks]

    def has(self, task: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows have a picture; the arguments are those of `take`."""
        found = np.zeros(len(task), bool)
        for index, rows in enumerate(self._rows):
            found |= (task == index) & np.isin(source, rows)
        return found

    def take(self, task: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the pictures of rows that have one, shape [B, h, w, 3].

        Args:
            task: Which of the tasks, shape [B].
            source: Which of its recorded rows, shape [B].
        """
        found = np.empty((len(task), *self.shape), np.uint8)
        for index, (rows, file) in enumerate(zip(self._rows, self._files, strict=True)):
            mine = np.flatnonzero(task == index)
            found[mine] = file[np.searchsorted(rows, source[mine])]
        return found

    def digest(self) -> str:
        """Return text that is the same for the same pictures: they are a function of the rows."""
        return json.dumps([asdict(card) for card in self._cards])


def read_pictures(directory: Path, tasks: Sequence[str]) -> Pictures:
    """Open the pictures of some tasks.

    Args:
        directory: Where `photograph` wrote them.
        tasks: Their names.

    Raises:
        DatasetError: They are not there, not complete, or not all of one camera and size.
    """
    cards = []
    for name in tasks:
        about = directory / f"{name}.json"
        card = _Card(**json.loads(about.read_text())) if about.exists() else None
        if card is None or card.done != card.rows:
            got = "none" if card is None else f"{card.done} of {card.rows} rows"
            raise DatasetError(
                f"pictures of {name!r} in {directory}: expected all of them, got {got}; run "
                "`python -m sim.policies.pictures`"
            )
        cards.append(card)
    if len({(card.camera, card.size) for card in cards}) != 1:
        raise DatasetError(f"pictures in {directory}: expected one camera and size, got {cards}")
    return Pictures(directory, tasks, cards)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.policies.pictures", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--root", type=Path, required=True, help="the dataset")
    parser.add_argument("--tasks", required=True, help=f"with commas between: {', '.join(TASKS)}")
    parser.add_argument("--camera", required=True, help="one of the tasks' cameras")
    parser.add_argument("--size", type=int, default=48, help="height and width in pixels")
    parser.add_argument(
        "--every", type=int, default=1, help="leave out all but every so many ticks"
    )
    parser.add_argument("--output", type=Path, required=True, help="directory of the pictures")
    args = parser.parse_args(arguments)
    return exit_code("sim.policies.pictures", partial(_photograph, args), interrupted=GOES_ON)


def _photograph(args: argparse.Namespace) -> int:
    for name in args.tasks.split(","):
        photograph(
            spec_of(name),
            args.root,
            args.output,
            camera=args.camera,
            size=args.size,
            every=args.every,
        )
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
