"""The bench: bouts in parallel processes against one real server, kept row by row."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.arms import Settings
from sim.realtime.methods import Method
from sim.realtime.play import Bout, play
from sim.realtime.row import Key, Row
from sim.realtime.virtual import Answer
from sim.server import RunningServer, running_server
from sim.suite import ARTEFACTS, critic_path, may_guide, policy_path, source_of
from sim.tasks import Env, make, spec_of
from sim.tasks.views import View, views_of
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.errors import ConfigError
from steer.forecast import Forecast
from steer.heads import Head, NumpyHead, load_head
from steer.loop.fresh import EDITED
from steer.loop.loop import Ticked
from steer.types import Selection
from steer.wire.session import ServerDescription

__all__ = ["Played", "Rows", "Worker", "play_all", "served"]

_IN_FLIGHT = 2
_GUIDED = "-rtc"
"""Behind the name of a policy that guides its chunks by what runs."""


@contextmanager
def served(
    cells: Iterable[str],
    *,
    log: Path,
    methods: Iterable[Method] = (),
    artefacts: Path = ARTEFACTS,
    policy_workers: int = 2,
    listen: str = "127.0.0.1:0",
) -> Iterator[RunningServer]:
    """Run a server with the critics and policies of some cells, `POLICY/TASK`.

    Where one of the methods guides chunks, it has each policy that may, guided, once more.

    Raises:
        InvalidInputError: There is no such cell.
        ConfigError: An artefact is missing.
        UnreachableError: It did not come up.
    """
    parts = [cell.split("/", 1) for cell in cells]
    critics = {
        (name := spec_of(task).name): critic_path(name, artefacts) for _, task in sorted(parts)
    }
    sources = sorted({(source_of(policy, task), may_guide(policy)) for policy, task in parts})
    policies = {source: policy_path(source, artefacts) for source, _ in sources}
    guided: dict[str, Path] = {}
    if any(method.guides for method in methods):
        guided = {source + _GUIDED: policies[source] for source, may in sources if may}
    for path in (*critics.values(), *policies.values()):
        if not path.is_dir():
            raise ConfigError(f"artefact: expected {path}, got nothing; run: make suite-artefacts")
    with running_server(
        critics,
        {**policies, **guided},
        log=log,
        guided=guided,
        policy_workers=policy_workers,
        listen=listen,
    ) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Played:
    """What a bout left behind.

    Attributes:
        row: Of the rows of the run.
        commands: That the robot was given, [T, A].
    """

    row: Row
    commands: NDArray[np.float32]


@dataclass(slots=True)
class Worker:
    """A process with its own robots and sessions, all made when first needed.

    Attributes:
        server: `HOST:PORT`.
        settings: How all robots are steered.
    """

    server: str
    settings: Settings
    _envs: dict[str, Env] = field(default_factory=dict)
    _clients: dict[tuple[str, str, bool], SteerClient] = field(default_factory=dict)
    _heads: dict[str, Head] = field(default_factory=dict)
    _told: ServerDescription | None = None

    def env(self, cell: str) -> Env:
        """Return the robot of a cell."""
        task = cell.split("/", 1)[1]
        if task not in self._envs:
            self._envs[task] = make(task)
        return self._envs[task]

    def client(self, bout: Bout) -> SteerClient:
        """Return the client with the session of a bout.

        Raises:
            SteerError: The server refuses it.
        """
        is_alone = bout.num_candidates == 1
        key = (bout.cell, bout.method.name, is_alone)
        if key not in self._clients:
            client, settings = SteerClient(self.server), self.settings
            spec = spec_of(bout.cell.split("/", 1)[1])
            fields = tuple(view.field for view in self.views(bout))
            client.open_session(
                replace(spec.embodiment, observations=spec.embodiment.observations + fields),
                critic=spec.name,
                policy=_source(bout),
                selection=Selection(
                    margin=settings.margin,
                    beta=settings.beta,
                    weights={**settings.weights, **bout.method.weights},
                ),
                robot=f"sim.realtime/{bout.cell}/{bout.method.name}"[-120:],
            )
            self._clients[key] = client
        return self._clients[key]

    def views(self, bout: Bout) -> tuple[View, ...]:
        """Return the pictures and clouds that the policy and the critic of a bout need.

        Raises:
            SteerError: The server does not say, or the task has no such camera.
        """
        spec = spec_of(bout.cell.split("/", 1)[1])
        if self._told is None:
            with SteerClient(self.server) as client:
                self._told = client.describe()
        used = [item.embodiment for item in self._told.policies if item.name == _source(bout)]
        used += [item.embodiment for item in self._told.critics if item.name == spec.name]
        return views_of([item for body in used for item in body.observations], spec)

    def play(
        self,
        bout: Bout,
        *,
        on_tick: Callable[[int, Ticked], object] | None = None,
        on_answer: Callable[[Answer], object] | None = None,
    ) -> Played:
        """Play a bout; see `sim.realtime.play.play`.

        Raises:
            SteerError: The server failed or refuses it, or a head's edits would have no room.
        """
        client = self.client(bout)
        if bout.head:
            _check_room(bout, client)
        row, robot = play(
            self.env(bout.cell),
            client,
            bout,
            views=self.views(bout),
            head=NumpyHead(self._head(bout.head)) if bout.head else None,
            forecast=Forecast(self._head(bout.forecast)) if bout.forecast else None,
            on_tick=on_tick,
            on_answer=on_answer,
        )
        return Played(row, np.array(robot.sent))

    def _head(self, path: str) -> Head:
        if path not in self._heads:
            self._heads[path] = load_head(Path(path))
        return self._heads[path]


def _check_room(bout: Bout, client: SteerClient) -> None:
    """Refuse so many candidates that edits could not compete with them.

    Raises:
        ConfigError: The server takes too few for all of them and what runs.
    """
    most = client.session.limits.max_candidates if client.session else 0
    if bout.num_candidates + 1 + EDITED > most:
        contract = f"<= {most - 1 - EDITED}, so that {EDITED} edits have room"
        raise ConfigError(f"--candidates: expected {contract}, got {bout.num_candidates}")


def _source(bout: Bout) -> str:
    """Return the server's name of the policy that a bout asks."""
    return source_of(*bout.cell.split("/", 1)) + (_GUIDED if bout.method.guides else "")


_worker: Worker | None = None


def _begin(server: str, settings: Settings) -> None:
    global _worker  # noqa: PLW0603  # what a process keeps between its jobs
    _worker = Worker(server, settings)


def _play(bout: Bout) -> Played:
    assert _worker is not None  # the pool has begun it
    return _worker.play(bout)


def play_all(
    bouts: Sequence[Bout],
    *,
    server: str,
    settings: Settings,
    num_workers: int,
    on_played: Callable[[Played], object],
    minutes: float = float("inf"),
) -> int:
    """Play bouts in parallel processes; return how many were not begun in time.

    Raises:
        SteerError: One could not be played; what was handed over before stands.
    """
    clock = MonotonicClock()
    end_s = clock.now_s() + 60 * minutes
    left, begun = iter(bouts), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, context, _begin, (server, settings)) as pool:
        running: set[Future[Played]] = set()
        try:
            while True:
                room = 0 if clock.now_s() > end_s else _IN_FLIGHT * num_workers - len(running)
                new = [pool.submit(_play, bout) for bout in islice(left, room)]
                begun += len(new)
                running.update(new)
                if not running:
                    return len(bouts) - begun
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for item in done:
                    on_played(item.result())
        finally:
            pool.shutdown(cancel_futures=True)


class Rows:
    """The rows of a run, one a line, each whole or not at all.

    Args:
        path: Of the file.

    Raises:
        InvalidInputError: It holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text() if path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]  # the last line of a run that was killed may be torn
        self.rows = [Row.from_line(line) for line in whole.splitlines()]
        if whole != text:
            path.write_text(whole)

    @property
    def keys(self) -> set[Key]:
        """Those of all rows."""
        return {row.key for row in self.rows}

    def add(self, row: Row) -> None:
        """Keep a row."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(row.to_line())
        self.rows.append(row)
