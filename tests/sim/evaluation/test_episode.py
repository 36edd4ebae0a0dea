"""One episode: open loop, paired noise, success at the first flag. Robot and server are fakes."""

from dataclasses import replace

import numpy as np
import pytest

from sim.evaluation.arms import ARMS
from sim.evaluation.cells import Cell, Run
from sim.evaluation.choosers import ServerChooser
from sim.evaluation.episode import Episode
from sim.evaluation.noise import noise_seed
from sim.tasks import TASKS, Step
from sim.tasks.views import View
from steer.clock import FakeClock
from steer.embodiment import ObservationField
from steer.errors import LateError, UnreachableError, UnusableChunkError
from steer.types import Decision, Observation, Reason, Timings

CORNER = View(
    ObservationField(name="observation.images.corner", dtype="uint8", shape=(4, 6, 3)), "corner"
)
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


def run(server, robot, arm="steered", seed=200_000, **changes):
    """Run an episode with 4 candidates."""
    count = 1 if ARMS[arm].is_single else 4
    return Episode(
        **{
            "env": robot,
            "chooser": ServerChooser(server, count),
            "cell": Cell("diffusion", "push"),
            "run": Run(arm, count),
            "arm": ARMS[arm],
            "seed": seed,
            "num_observations": 2,
            "critic_digest": "sha256:c",
            "policy_digest": "sha256:p",
            "clock": FakeClock(),
            **changes,
        }
    ).play()


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
    assert row.reasons == ("margin", "advantage", "margin")
    assert (row.num_candidates, row.num_scored, row.split) == (4, 4, "test")
    assert row.policy_ms == (10.0,) * 3
    assert row.server_ms == (12.0,) * 3
    assert (row.critic_digest, row.policy_digest) == ("sha256:c", "sha256:p")
    assert (row.policy, row.task, row.limit, row.flag) == ("diffusion", "push", "task", "")


def test_the_arm_alone_draws_one_candidate():
    """Its reply is the policy's own."""
    server = Server()

    row = run(server, Robot(), arm="alone")

    assert {request["num_candidates"] for request in server.requests} == {1}
    assert row.num_candidates == 1


def test_episodes_of_the_users_own_seeds_are_labelled():
    """They are no test seeds."""
    assert run(Server(), Robot(), seed=300_000).split == "user"


def test_the_null_arm_sees_noise_of_its_own():
    """Else it would be the arm alone."""
    null = Server()

    run(null, Robot(), arm="null")

    noise = [request["noise_seed"] for request in null.requests]
    assert noise == [noise_seed(200_000, decision, stream=1) for decision in range(3)]
    assert not set(noise) & {noise_seed(200_000, decision) for decision in range(3)}


def test_the_packages_own_limit_may_end_an_episode():
    """It is longer."""
    robot = Robot()
    robot.spec = replace(SPEC, package_max_steps=30)

    row = run(Server(), robot, run=Run("steered", 4, "package"))

    assert (row.steps, row.limit) == (30, "package")


@pytest.mark.parametrize(
    ("error", "flag"),
    [
        (UnusableChunkError("policy: expected finite actions, got nan"), "unusable chunk: policy"),
        (LateError("steer: expected an answer"), "hung: steer"),
    ],
)
def test_a_policy_that_breaks_fails_its_episode(error, flag):
    """The run goes on, and the row says why."""
    server = Server()
    answers = iter([server.steer, server.steer])

    def steer(observations, **request):
        answer = next(answers, None)
        if answer is None:
            raise error
        return answer(observations, **request)

    broken = Server()
    broken.steer = steer

    row = run(broken, Robot())

    assert (row.is_success, row.steps, len(row.indices)) == (False, 16, 2)
    assert row.flag.startswith(flag)


def test_a_server_that_is_gone_is_no_failure_of_the_policy():
    """The episode is run again."""
    server = Server()

    def steer(observations, **request):
        raise UnreachableError("steer: expected a steer server")

    server.steer = steer

    with pytest.raises(UnreachableError):
        run(server, Robot())


def test_pictures_are_taken_of_what_the_policy_looks_at_alone():
    """Rendering costs more than the physics."""
    robot, pictures = Robot(), []

    def render(camera, *, height, width):
        pictures.append((camera, height, width, len(robot.actions)))
        return np.zeros((height, width, 3), np.uint8)

    robot.render = render

    run(Server(), robot, views=(CORNER,))

    assert pictures == [("corner", 4, 6, tick) for tick in (0, 7, 8, 15, 16, 19, 20)]


def test_what_is_blanked_is_sent_as_zeros():
    """With its shape and type; everything else is sent as it is."""
    robot, logged = Robot(), []
    robot.render = lambda camera, *, height, width: np.full((height, width, 3), 9, np.uint8)

    def log(seen, seed, decision):
        logged.append(seen.arrays)

    run(Server(), robot, views=(CORNER,), log=log)
    run(Server(), robot, views=(CORNER,), blank=CORNER.field.name, log=log)

    shown, blanked = logged[1][CORNER.field.name], logged[4][CORNER.field.name]
    assert (blanked.shape, blanked.dtype) == (shown.shape, shown.dtype) == ((4, 6, 3), np.uint8)
    assert (shown.min(), blanked.max()) == (9, 0)
    assert logged[4]["observation.state"] == logged[1]["observation.state"] == 8


def test_a_log_gets_every_decision():
    """With what the robot saw, and the noise."""
    logged = []

    run(Server(), Robot(), log=lambda seen, seed, decision: logged.append((seen, seed, decision)))

    assert [int(item.arrays["observation.state"][0]) for item, _, _ in logged] == [0, 8, 16]
    assert [seed for _, seed, _ in logged] == [noise_seed(200_000, number) for number in range(3)]
    assert [decision.index for _, _, decision in logged] == [0, 3, 0]
