"""What the tests of the simulation's side share."""

import pytest

from sim.evaluation.row import Row
from sim.tasks import TASKS, make


@pytest.fixture
def make_row():
    """Return a maker of rows of episodes that nobody ran."""

    def make(
        arm="steered",
        seed=200_000,
        *,
        is_success=True,
        task="push",
        policy="diffusion",
        indices=(0, 3),
        count=16,
        flag="",
        scores=(),
        outcomes=(),
    ):
        times = tuple(10.0 + i for i in range(len(indices)))
        return Row(
            policy=policy,
            task=task,
            arm=arm,
            num_candidates=1 if arm in ("alone", "filtered", "null") else count,
            limit="task",
            seed=seed,
            split="test",
            is_success=is_success,
            steps=8 * len(indices),
            total_reward=-8.0 * len(indices),
            flag=flag,
            num_scored=16,
            indices=tuple(indices),
            advantages=tuple(0.5 * (index != 0) for index in indices),
            reasons=tuple("advantage" if index else "margin" for index in indices),
            scores=scores,
            outcomes=outcomes,
            policy_ms=times,
            server_ms=tuple(ms + 2 for ms in times),
            round_trip_ms=tuple(ms + 3 for ms in times),
            critic_digest="sha256:" + "c" * 64,
            policy_digest="sha256:" + "d" * 64,
        )

    return make


@pytest.fixture(scope="session")
def robot():
    """Return a maker of robots that makes each once, as making all takes ten seconds.

    Tests may share them: a reset begins anew, whatever came before, and that is tested too.
    """
    made = {}

    def build(name):
        if name not in made:
            made[name] = make(name)
        return made[name]

    yield build
    for env in made.values():
        env.close()


@pytest.fixture(params=TASKS)
def env(request, robot):
    """Return the robot of each task in turn."""
    return robot(request.param)
