"""The robot's side of the wire: `SteerClient`.

    with SteerClient("steer:50051") as client:
        client.open_session(embodiment)
        decision = client.rank(observation, candidates, budget_s=0.05)
        for action in decision.chunk[: decision.commit_horizon]:
            robot.act(action)

Needs NumPy, grpcio and protobuf. Every call has a deadline. `rank` always answers, because the
caller holds the candidates; `steer` raises one of `steer.errors`, never gRPC's own.
"""

import itertools
import logging
import threading
from collections.abc import Iterable
from types import TracebackType

from steer.channel import TlsFiles
from steer.clock import Clock, MonotonicClock
from steer.connection import Connection, decoded
from steer.control import ControlStream
from steer.embodiment import Embodiment
from steer.errors import InvalidInputError, SessionError, SteerError
from steer.fallback import own_decision
from steer.limits import Limits
from steer.preflight import (
    budget_of,
    check_budget,
    check_candidates,
    check_count,
    check_observation,
    check_reply,
    check_size,
    check_unsigned,
)
from steer.types import Candidates, Decision, Observation, Selection
from steer.v1 import steering_pb2 as pb
from steer.wire.observations import fill_observation
from steer.wire.records import decision_from_message, fill_candidates, selection_to_message
from steer.wire.session import (
    ServerDescription,
    SessionInfo,
    description_from_message,
    embodiment_to_message,
)

__all__ = ["SteerClient", "TlsFiles"]

logger = logging.getLogger(__name__)

SETUP_BUDGET_S = 10.0
"""Default budget of Describe, OpenSession and CloseSession, in seconds."""


class SteerClient:
    """A robot's connection to a steer server. Safe to share between threads.

    A budget covers a whole call: checks, encoding, a session opened anew. gRPC's deadline is what
    is left of it when the request goes out; the server is told a little less
    (`steer.connection.server_share`), so that its last-moment answer still arrives in time.

    Arrays of a decision are read-only views of the answer's bytes.

    Args:
        target: `HOST:PORT`. Nothing is connected before the first call.
        tls: PEM files; None for an unencrypted connection.
        clock: Measures what is left of a budget.
    """

    def __init__(
        self, target: str, *, tls: TlsFiles | None = None, clock: Clock | None = None
    ) -> None:
        self._clock = clock or MonotonicClock()
        self._connection = Connection(target, tls, self._clock)
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)
        self._trouble = ""
        self._streams: list[ControlStream] = []

    def __enter__(self) -> "SteerClient":
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session and the connection."""
        self.close()

    @property
    def session(self) -> SessionInfo | None:
        """What was agreed on with the server; None before `open_session`."""
        try:
            return self._connection.session().info
        except SessionError:
            return None

    def describe(self, *, budget_s: float = SETUP_BUDGET_S) -> ServerDescription:
        """Return what the server is and offers.

        Raises:
            UnreachableError: There is no server.
            LateError: It did not answer within `budget_s` seconds.
        """
        check_budget(budget_s)
        method = self._connection.stub.Describe
        answer = self._connection.call("describe", method, pb.DescribeRequest(), budget_s)
        return decoded("describe", description_from_message, answer)

    def open_session(
        self,
        embodiment: Embodiment,
        *,
        critic: str = "",
        policy: str = "",
        selection: Selection | None = None,
        robot: str = "",
        budget_s: float = SETUP_BUDGET_S,
    ) -> SessionInfo:
        """Agree with the server on a body, a critic, a policy and a way of choosing.

        The session is opened again by itself when the server has forgotten it.

        Args:
            embodiment: The robot's.
            critic: Name of the critic; empty for the only one that fits.
            policy: Name of the policy source; empty for the only one that fits.
            selection: How to decide; None for the critic's defaults.
            robot: Name for the server's log.
            budget_s: Deadline in seconds, > 0.

        Raises:
            EmbodimentMismatchError: The text names the field that differs.
            ConfigError: Several critics or policies fit; the text has their names.
            UnreachableError: There is no server.
            LateError: It did not answer in time.
        """
        check_budget(budget_s)
        request = pb.OpenSessionRequest(
            embodiment=embodiment_to_message(embodiment), critic=critic, policy=policy, robot=robot
        )
        if selection is not None:
            request.selection.CopyFrom(selection_to_message(selection))
        return self._connection.open(request, embodiment, budget_s)

    def rank(
        self,
        observation: Observation,
        candidates: Candidates,
        *,
        budget_s: float | None = None,
        noise_seed: int = 0,
        epoch: int = 0,
    ) -> Decision:
        """Choose one of the candidates; candidate 0 where the server is late, gone or refuses.

        Args:
            observation: What the robot senses now.
            candidates: Row 0 is the policy's own.
            budget_s: Deadline in seconds; <= 0 is spent: LATE at once. None for 3 times what the
                server expects (`session.critic.expected_rank_s`, in steer
                `session.policy.expected_steer_s`), in proportion for more candidates than that
                holds for, at least 0.05 s.
            noise_seed: Seeds the selectors that draw.
            epoch: Number of the episode, for the server's log.

        Returns:
            The decision. Where the client answered by itself its reason is LATE, UNREACHABLE or
            REFUSED and `detail` says more.

        Raises:
            InvalidInputError: An argument breaks its contract; nothing was sent.
            SessionError: `open_session` was never called.
        """
        start_s = self._clock.now_s()
        session = self._connection.session()
        # A budget that is already spent is late, not wrong: `rank` answers.
        spent = budget_s is not None and budget_s <= 0
        if spent:
            budget_s = 0.0
        else:
            expected_s = session.info.critic.expected_rank_s
            budget_s = budget_of(budget_s, expected_s, len(candidates.actions), session.info)
        check_unsigned(noise_seed=noise_seed, epoch=epoch)
        check_candidates(candidates, session.robot, session.info)
        check_observation(observation, session.robot, session.info.critic.embodiment)
        request = pb.RankRequest(sequence=next(self._sequence), epoch=epoch, noise_seed=noise_seed)
        fill_observation(request.observation, observation)
        fill_candidates(request.candidates, candidates)
        check_size(request.ByteSize(), session.info)
        try:
            method = self._connection.stub.Rank
            answer = self._connection.call_in_session("rank", method, request, start_s + budget_s)
            decision = decoded("rank", decision_from_message, answer.decision)
            check_reply(decision, request.sequence, session.robot, candidates)
        except SteerError as error:
            self._note(type(error).__name__, str(error))
            return own_decision(candidates, error, request.sequence, session.info)
        self._note("", "")
        return decision

    def steer(
        self,
        observations: Observation | Iterable[Observation],
        *,
        budget_s: float | None = None,
        num_candidates: int = 0,
        noise_seed: int = 0,
        frozen: int = 0,
        epoch: int = 0,
        return_candidates: bool = False,
    ) -> Decision:
        """Have the server draw candidates from its policy and choose one.

        Args:
            observations: The last `session.policy.num_observations` observations, oldest first, one
                control tick apart; fewer at the start of an episode; one alone may stand by itself.
            budget_s: As in `rank`.
            num_candidates: N; 0 for the server's default. Candidate 0 does not depend on it.
            noise_seed: Seeds the policy's noise and the selectors that draw.
            frozen: Rows of what runs that will run in any case; for policies that it guides.
            epoch: Number of the episode, for the server's log.
            return_candidates: Whether the decision should hold all candidates.

        Raises:
            InvalidInputError: An argument breaks its contract.
            LateError: Not even candidate 0 came in time.
            PolicyError: The policy source died or hung; it is being restarted.
            ConfigError: The session has no policy; the text has those of the server.
            SessionError: `open_session` was never called.
            UnreachableError: The server is gone.
            OverloadedError: The server refuses more work for now.
            ServerError: The server failed, or its answer breaks the contract.
        """
        start_s = self._clock.now_s()
        session = self._connection.session()
        critic, policy = session.info.critic, session.info.policy
        expected_s = policy.expected_steer_s if policy else 0.0
        budget_s = budget_of(budget_s, expected_s, num_candidates, session.info)
        check_unsigned(noise_seed=noise_seed, frozen=frozen, epoch=epoch)
        check_count(num_candidates, session.info)
        history = [observations] if isinstance(observations, Observation) else list(observations)
        if not history:
            raise InvalidInputError.expected("observations", "at least one", "none")
        request = pb.SteerRequest(
            sequence=next(self._sequence), epoch=epoch, noise_seed=noise_seed, frozen=frozen
        )
        request.num_candidates, request.return_candidates = num_candidates, return_candidates
        for item in history:
            check_observation(item, session.robot, (policy or critic).embodiment)
            fill_observation(request.observations.add(), item)
        check_observation(history[-1], session.robot, critic.embodiment)
        check_size(request.ByteSize(), session.info)
        method = self._connection.stub.Steer
        answer = self._connection.call_in_session("steer", method, request, start_s + budget_s)
        decision = decoded("steer", decision_from_message, answer.decision)
        check_reply(decision, request.sequence, session.robot)
        return decision

    def control(self, *, limits: Limits | None = None) -> ControlStream:
        """Return a stream, on which chunks are asked for ahead of time and nothing is waited for.

        Args:
            limits: Of the robot's commands: the server moves candidates within them before it
                judges them. None has them judged as they are.

        Raises:
            ConfigError: The session has no policy.
            InvalidInputError: The limits are of another number of dimensions.
            SessionError: `open_session` was never called.
        """
        stream = ControlStream(self._connection, limits=limits, clock=self._clock)
        self._streams.append(stream)
        return stream

    def close(self) -> None:
        """Close streams, session, where the server still answers within 1 s, and connection."""
        for stream in self._streams:
            stream.close()
        self._connection.close()

    def _note(self, trouble: str, text: str) -> None:
        """Log each change between steered, and not steered for one kind of reason, once."""
        with self._lock:
            before, self._trouble = self._trouble, trouble
        if trouble and trouble != before:
            logger.warning("running the policy's own chunk: %s", text)
        elif before and not trouble:
            logger.warning("steered again by %s", self._connection.target)
