"""The robots and sessions that a worker keeps between jobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sim.evaluation.arms import ARMS, Arm, Settings
from sim.evaluation.cells import Run
from sim.evaluation.choosers import Chooser, LocalChooser, LocalPolicy, OracleChooser, ServerChooser
from sim.evaluation.episode import Episode, max_steps_of
from sim.evaluation.job import Job
from sim.evaluation.plan import Todo, arm_source
from sim.evaluation.row import Row
from sim.plugins import is_plugin, load_plugin
from sim.tasks import Env, make, spec_of
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.decision_log import DecisionLog
from steer.embodiment import Embodiment, ObservationField
from steer.errors import ConfigError, SessionError
from steer.types import Decision, Selection
from steer.wire.session import ServerDescription

__all__ = ["Robots", "rehearse"]

_IMAGES = "observation.images."


def rehearse(server: str, todo: Sequence[Todo], settings: Settings) -> None:
    """Open each session that the episodes will need, so that what cannot run is refused at once.

    Raises:
        SteerError: A policy drives another body, needs another camera, or there is no such one.
    """
    robots = Robots()
    runs = {(item.cell, run.arm): (item, run) for item in todo for run in item.runs}
    try:
        for item, run in runs.values():
            sources = {run.arm: arm_source(item.cell, ARMS[run.arm])}
            robots.open(
                Job(
                    server=server,
                    cell=item.cell,
                    seed=item.seed,
                    runs=(run,),
                    settings=settings,
                    sources=sources,
                ),
                run,
            )
    finally:
        robots.close()


@dataclass(frozen=True, slots=True)
class _Key:
    """What two episodes have in common that can share a session."""

    server: str
    task: str
    source: str
    selection: Selection


class Robots:
    """One robot a task, one session a policy and way of choosing, all made when first needed."""

    def __init__(self) -> None:
        self._envs: dict[str, Env] = {}
        self._policies: dict[str, LocalPolicy] = {}
        self._clients: dict[_Key, SteerClient] = {}
        self._servers: dict[str, ServerDescription] = {}

    def play(
        self, job: Job, run: Run, *, watch: Callable[[Env, Decision], None] | None = None
    ) -> Row:
        """Run one episode.

        Args:
            job: The seed of a cell that it belongs to.
            run: What is run there.
            watch: Called after every control tick, for pictures.

        Raises:
            SteerError: The server or the policy's worker failed; nothing of it counts.
        """
        arm, env = ARMS[run.arm], self._env(job.cell.task)
        source = job.sources.get(run.arm, "")
        client = self.open(job, run)
        session = client.session
        if session is None:
            raise SessionError("episode: expected a session, got none")
        policy = session.policy if source else None
        episode = Episode(
            env=env,
            chooser=ServerChooser(client, run.num_candidates),
            cell=job.cell,
            run=run,
            arm=arm,
            seed=job.seed,
            num_observations=policy.num_observations if policy else 1,
            cameras=self._cameras(job.server, source),
            critic_digest=session.critic.digest,
            policy_digest=policy.digest if policy else "",
            clock=MonotonicClock(),
            watch=watch,
        )
        episode.chooser = self._chooser(job, run, arm, client, episode)
        if not job.logs or arm.is_oracle:  # nobody could replay what the simulator chose
            return episode.play()
        path = Path(job.logs) / f"{run.file_name(job.cell, job.seed)}.decisions"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # of an episode that was not finished
        with DecisionLog(path, session, self._body(job, source)) as log:
            episode.log = partial(log.append, epoch=job.seed)
            return episode.play()

    def open(self, job: Job, run: Run) -> SteerClient:
        """Return the client with the session of a run.

        Raises:
            SteerError: The server refuses it.
        """
        return self._client(job, ARMS[run.arm], job.sources.get(run.arm, ""))

    def close(self) -> None:
        """Close all sessions, and free all renderers."""
        for client in self._clients.values():
            client.close()
        for env in self._envs.values():
            env.close()

    def _chooser(
        self, job: Job, run: Run, arm: Arm, client: SteerClient, episode: Episode
    ) -> Chooser:
        if is_plugin(job.cell.policy):
            if arm.is_oracle:
                raise ConfigError(f"arm oracle: expected a policy of the server, got {job.cell}")
            policy = self._policies.setdefault(job.cell.policy, load_plugin(job.cell.policy))
            return LocalChooser(client, run.num_candidates, policy)
        if not arm.is_oracle:
            return ServerChooser(client, run.num_candidates, returns_candidates=bool(job.logs))
        return OracleChooser(
            inner=ServerChooser(client, run.num_candidates, returns_candidates=True),
            alone=ServerChooser(client, 1),
            env=episode.env,
            max_steps=max_steps_of(episode.env, run),
            history_length=max(1, episode.num_observations),
            see=episode.see,
        )

    def _env(self, task: str) -> Env:
        if task not in self._envs:
            self._envs[task] = make(task)
        return self._envs[task]

    def _body(self, job: Job, source: str) -> Embodiment:
        """Return the robot's body, with the cameras that the policy needs."""
        body = spec_of(job.cell.task).embodiment
        fields = body.observations + self._pictures(job.server, source)
        return replace(body, observations=fields)

    def _cameras(self, server: str, source: str) -> dict[str, tuple[int, int]]:
        """Return the size of the pictures that a policy of the server needs, by camera."""
        return {
            item.name.removeprefix(_IMAGES): (item.shape[0], item.shape[1])
            for item in self._pictures(server, source)
        }

    def _pictures(self, server: str, source: str) -> tuple[ObservationField, ...]:
        if server not in self._servers:
            with SteerClient(server) as client:
                self._servers[server] = client.describe()
        for policy in self._servers[server].policies:
            if policy.name == source:
                fields = policy.embodiment.observations
                return tuple(item for item in fields if item.name.startswith(_IMAGES))
        return ()

    def _client(self, job: Job, arm: Arm, source: str) -> SteerClient:
        selection = arm.selection(job.settings)
        key = _Key(job.server, job.cell.task, source, selection)
        if key not in self._clients:
            spec = spec_of(job.cell.task)
            unknown = self._cameras(job.server, source).keys() - set(spec.cameras)
            if unknown:
                raise ConfigError(
                    f"policy {source!r}: expected cameras of {', '.join(spec.cameras)}, got "
                    f"{', '.join(sorted(unknown))}"
                )
            client = SteerClient(job.server)
            client.open_session(
                self._body(job, source),
                critic=spec.name,
                policy=source,
                selection=selection,
                robot=f"sim/{job.cell.name}/{arm.name}"[-120:],
            )
            self._clients[key] = client
        return self._clients[key]
