"""Any task of gymnasium with MuJoCo in it, as a task of one's own."""

import numpy as np
import pytest

from sim.seeds import episode_seeds
from sim.tasks import TASKS, make, spec_of
from sim.tasks.gymnasium_env import GymnasiumEnv
from steer.errors import ConfigError

MINE = "examples/evaluate/my_task.py:make"


def reacher(env_id="Reacher-v5", **changes):
    """Return an arm of two joints."""
    options = {"instruction": "touch", "control_hz": 50, "is_success": lambda env, info: False}
    return GymnasiumEnv(env_id, **{**options, **changes})


def test_its_body_is_what_gymnasium_says():
    """Actions are scaled to [-1, 1]."""
    spec = reacher().spec

    assert (spec.name, spec.max_steps, spec.package) == ("reacher-v5", 50, "gymnasium")
    assert spec.embodiment.action_dim == 2
    assert spec.embodiment.observations[0].shape == (10,)
    assert spec.seed_block not in {item.seed_block for item in TASKS.values()}
    assert len(episode_seeds("user", 10, block=spec.seed_block)) == 10


@pytest.mark.slow
def test_an_episode_belongs_to_its_seed_and_can_be_taken_back():
    """To the last bit, as with the tasks of the suite."""
    env, again = reacher(), reacher()
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (20, 2)).astype(np.float32)
    env.reset(3)
    again.reset(3)
    start = env.save()

    first = [env.step(a).observation.arrays["observation.state"] for a in actions]
    env.restore(start)
    second = [env.step(a).observation.arrays["observation.state"] for a in actions]
    third = [again.step(a).observation.arrays["observation.state"] for a in actions]

    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, third)


def test_success_is_what_the_user_says():
    """Of the environment and the info of the step."""
    env = reacher(is_success=lambda env, info: info["reward_ctrl"] == 0)
    env.reset(0)

    assert env.step(np.zeros(2, np.float32)).is_success
    assert not env.step(np.ones(2, np.float32)).is_success


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("NoSuchThing-v0", "expected an id of gymnasium"),
        ("CartPole-v1", "expected a MuJoCo task of vectors"),
    ],
)
def test_what_is_no_such_task_is_refused(env_id, message):
    """With what was expected."""
    with pytest.raises(ConfigError, match=message):
        reacher(env_id)


def test_the_example_is_a_task():
    """Named wherever a task is named."""
    env = make(MINE)

    assert env.spec.instruction == "touch the target"
    assert spec_of(MINE).name == "reacher-v5"
