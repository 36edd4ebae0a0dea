"""One episode: open loop, paired noise, success at the first flag. Robot and server are fakes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.episode import noise_seed, run_episode
from sim.tasks import TASKS, Step
from steer.clock import FakeClock
from steer.errors import SessionError
from steer.types import Decision, Observation, Reason, Timings

SPEC = replace(TASKS["push"], max_steps=20, commit_horizon=8)


def seen(tick):
    """Return the observation of a tick."""
    return Observation({"observation.state": np.array([tick], np.float32)})


class Robot:
    """Counts its ticks; succeeds after `success_at` of them."""

    spec = SPEC

    def __init__(self, success_at=None):
        self.success_at, self.actions = success_at, []

    def reset(self, seed):
        """Begin."""
        self.actions = []
        return seen(0)

    def step(self, action):
        """Take an action."""
        self.actions.append(action)
        is_success = len(self.actions) == self.success_at
        return Step(seen(len(self.actions)), 0.0 if is_success else -1.0, is_success)


class Server:
    """Answers with chunks of 8 actions, the second action of the third request being 2.1."""

    def __init__(self, commit_horizon=8):
        policy = SimpleNamespace(num_observations=2, digest="sha256:p")
        self.session = SimpleNamespace(policy=policy, critic=SimpleNamespace(digest="sha256:c"))
        self.commit_horizon, self.requests = commit_horizon, []

    def steer(self, observations, **request):
        """Choose candidate 3 of every second request."""
        ticks = [int(item.arrays["observation.state"][0]) for item in observations]
        self.requests.append({**request, "ticks": ticks})
        number = len(self.requests) - 1
        index = 3 * (number % 2) if request["num_candidates"] > 1 else 0
        scores = np.array([0, 0, 0, 1.5], np.float32)
        chunk = number + np.arange(8, dtype=np.float32)[:, None] / 10
        return Decision(
            index=index,
            chunk=chunk,
            commit_horizon=self.commit_horizon,
            reason=Reason.ADVANTAGE if index else Reason.MARGIN,
            overrode=bool(index),
            scores=scores[: request["num_candidates"]],
            num_scored=request["num_candidates"],
            timings=Timings(policy_s=0.010, total_s=0.012),
        )


def run(server, robot, arm="steered", seed=200_000):
    """Run an episode with 4 candidates."""
    settings = Settings(num_candidates=4)
    return run_episode(server, robot, ARMS[arm], settings, seed=seed, clock=FakeClock())


def test_a_chunk_runs_as_far_as_the_critic_scored_it():
    """Then the robot asks again; the last chunk is cut by the task's limit."""
    robot = Robot()

    row = run(Server(commit_horizon=3), robot)

    assert [round(float(a[0]), 1) for a in robot.actions[:7]] == [0, 0.1, 0.2, 1, 1.1, 1.2, 2]
    assert (row.steps, len(row.indices), row.is_success) == (20, 7, False)


def test_the_first_success_ends_the_episode():
    """In the middle of a chunk as well."""
    row = run(Server(), Robot(success_at=10))

    assert (row.is_success, row.steps, len(row.indices)) == (True, 10, 2)


def test_the_policy_sees_its_last_observations_one_tick_apart():
    """One at the start, two from then on."""
    server = Server(commit_horizon=8)

    run(server, Robot())

    assert [request["ticks"] for request in server.requests] == [[0], [7, 8], [15, 16]]


def test_the_noise_is_the_same_in_every_arm():
    """So that a pair of episodes differs by the choice alone."""
    alone, steered = Server(), Server()

    run(alone, Robot(), arm="alone")
    run(steered, Robot(), arm="steered")

    noise = [request["noise_seed"] for request in alone.requests]
    assert noise == [request["noise_seed"] for request in steered.requests]
    assert noise == [noise_seed(200_000, decision) for decision in range(3)]
    assert len(set(noise)) == 3


def test_the_noise_of_another_seed_is_another():
    """Episodes are independent."""
    assert noise_seed(200_001, 0) not in {noise_seed(200_000, d) for d in range(100)}


def test_a_row_says_what_was_chosen_and_how_long_it_took():
    """One entry for each decision."""
    row = run(Server(), Robot())

    assert row.indices == (0, 3, 0)
    assert row.advantages == (0.0, 1.5, 0.0)
    assert row.reasons == {"margin": 2, "advantage": 1}
    assert (row.num_candidates, row.num_scored, row.split) == (4, 4, "test")
    assert row.policy_ms == (10.0,) * 3
    assert row.server_ms == (12.0,) * 3
    assert (row.critic, row.policy) == ("sha256:c", "sha256:p")


def test_the_arm_alone_draws_one_candidate():
    """Its reply is the policy's own."""
    server = Server()

    row = run(server, Robot(), arm="alone")

    assert {request["num_candidates"] for request in server.requests} == {1}
    assert row.num_candidates == 1


def test_episodes_of_the_users_own_seeds_are_labelled():
    """They are no test seeds."""
    assert run(Server(), Robot(), seed=300_000).split == "user"


def test_a_session_without_a_policy_is_refused():
    """There is nothing to draw from."""
    server = Server()
    server.session.policy = None

    with pytest.raises(SessionError, match="expected a session with a policy"):
        run(server, Robot())
