"""The robots and sessions that a worker keeps between jobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sim.evaluation.arms import ARMS, Arm, Settings
from sim.evaluation.cells import Run
from sim.evaluation.choosers import (
    Chooser,
    LocalChooser,
    LocalPolicy,
    OracleChooser,
    ProbeChooser,
    ServerChooser,
)
from sim.evaluation.episode import Episode, max_steps_of
from sim.evaluation.job import Job
from sim.evaluation.plan import Todo, arm_source
from sim.evaluation.row import Row
from sim.plugins import is_plugin, load_plugin
from sim.tasks import Env, make, spec_of
from sim.tasks.views import View, views_of
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.decision_log import DecisionLog
from steer.embodiment import Embodiment, ObservationField
from steer.errors import ConfigError, SessionError
from steer.types import Decision, Selection
from steer.wire.session import ServerDescription

__all__ = ["Robots", "rehearse"]


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
            views=self._views(job, source),
            blank=job.settings.blank,
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
            if arm.is_oracle or arm.is_probe:
                contract = "a policy of the server"
                raise ConfigError(f"arm {arm.name}: expected {contract}, got {job.cell}")
            policy = self._policies.setdefault(job.cell.policy, load_plugin(job.cell.policy))
            return LocalChooser(client, run.num_candidates, policy)
        if not (arm.is_oracle or arm.is_probe):
            return ServerChooser(client, run.num_candidates, returns_candidates=bool(job.logs))
        kind = OracleChooser if arm.is_oracle else ProbeChooser
        return kind(
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
        """Return the robot's body, with the cameras that policy and critic need."""
        body = spec_of(job.cell.task).embodiment
        fields = tuple(view.field for view in self._views(job, source))
        return replace(body, observations=body.observations + fields)

    def _views(self, job: Job, source: str) -> tuple[View, ...]:
        """Return what the robot takes for the policy and the critic of a job.

        Raises:
            ConfigError: The task has no such camera, or they need one in different sizes.
        """
        spec = spec_of(job.cell.task)
        needed = (*self._needed(job.server, source), *self._judged(job.server, spec.name))
        return views_of(needed, spec)

    def _needed(self, server: str, source: str) -> tuple[ObservationField, ...]:
        """Return what a policy of the server needs to see; nothing of the worker's own one."""
        for policy in self._description(server).policies:
            if policy.name == source:
                return policy.embodiment.observations
        return ()

    def _judged(self, server: str, critic: str) -> tuple[ObservationField, ...]:
        """Return what a critic of the server needs to see; nothing of one that is not there."""
        for item in self._description(server).critics:
            if item.name == critic:
                return item.embodiment.observations
        return ()

    def _description(self, server: str) -> ServerDescription:
        if server not in self._servers:
            with SteerClient(server) as client:
                self._servers[server] = client.describe()
        return self._servers[server]

    def _check_blank(self, job: Job, source: str) -> None:
        """Refuse to blank what the critic does not look at, or what the policy looks at, too.

        Raises:
            ConfigError: It is one of these.
        """
        spec, blank = spec_of(job.cell.task), job.settings.blank
        own = spec.embodiment.observations  # what a policy of this process is given
        seen = {item.name for item in self._judged(job.server, spec.name)}
        looked_at = self._needed(job.server, source) if source else own
        shared = seen & {item.name for item in looked_at}
        if blank and blank not in seen - shared:
            known = ", ".join(sorted(seen - shared)) or "none: it sees nothing but what both see"
            raise ConfigError(
                f"--blank: expected what the critic {spec.name!r} looks at and the policy "
                f"{source or job.cell.policy!r} does not, of {known}, got {blank!r}"
            )

    def _client(self, job: Job, arm: Arm, source: str) -> SteerClient:
        spec = spec_of(job.cell.task)
        selection = arm.selection(job.settings, paraphrase=spec.paraphrase)
        key = _Key(job.server, job.cell.task, source, selection)
        if key not in self._clients:
            body = self._body(job, source)
            self._check_blank(job, source)
            client = SteerClient(job.server)
            client.open_session(
                body,
                critic=spec.name,
                policy=source,
                selection=selection,
                robot=f"sim/{job.cell.name}/{arm.name}"[-120:],
            )
            self._clients[key] = client
        return self._clients[key]
