"""What every task of the suite keeps: the contract of `sim.tasks.base.Env`."""

import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest

from sim.experts import make_expert
from sim.tasks import TASKS, make, spec_of
from steer.errors import InvalidInputError

pytestmark = pytest.mark.slow  # building a scene takes up to two seconds

_DIGEST = """
import sys
sys.path.insert(0, {path!r})
from test_tasks import attempt_digest
from sim.tasks import make
sys.stdout.write(attempt_digest(make({task!r}), seed=7))
"""


def attempt_digest(env, *, seed, num_steps=40):
    """Return a digest of all that a robot observes in a noisy attempt of the expert."""
    expert, rng, digest = make_expert(env.spec), np.random.default_rng(seed), sha256()
    observation = env.reset(seed)
    for _ in range(num_steps):
        digest.update(observation.arrays["observation.environment_state"].tobytes())
        noise = rng.normal(0, 0.5, env.spec.embodiment.action_dim)
        step = env.step((expert.act(observation) + noise).astype(np.float32))
        observation = step.observation
    return digest.hexdigest()


@pytest.fixture(params=TASKS)
def env(request):
    """Return each task in turn."""
    env = make(request.param)
    yield env
    env.close()


def test_observations_are_those_that_the_embodiment_declares(env):
    """Names, types and shapes; the server refuses anything else."""
    observation = env.reset(3)

    found = {k: (v.dtype.name, v.shape) for k, v in observation.arrays.items()}

    declared = env.spec.embodiment.observations
    assert found == {item.name: (item.dtype, item.shape) for item in declared}
    assert observation.instruction == env.spec.instruction


def test_a_seed_is_one_episode_whatever_came_before(env):
    """Paired comparisons rest on it: an old scene and a fresh process observe the same bits."""
    path = str(__file__).rsplit("/", 1)[0]
    program = _DIGEST.format(path=path, task=env.spec.name)
    attempt_digest(env, seed=8)

    ours = attempt_digest(env, seed=7)

    fresh = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True
    )
    assert fresh.stdout == ours


def test_two_seeds_are_two_episodes(env):
    """Otherwise n episodes would count one n times."""
    first, second = env.reset(1), env.reset(2)

    key = "observation.environment_state"
    assert not np.array_equal(first.arrays[key], second.arrays[key])


def test_an_action_out_of_range_is_clipped(env):
    """As the embodiment says."""
    size = env.spec.embodiment.action_dim
    env.reset(4)
    wild = env.step(np.full(size, 9.0, np.float32)).observation
    env.reset(4)
    clipped = env.step(np.ones(size, np.float32)).observation

    key = "observation.environment_state"
    assert np.array_equal(wild.arrays[key], clipped.arrays[key])


def test_observations_are_not_overwritten_by_later_steps(env):
    """Policies with history keep the last ones."""
    first = env.reset(5)
    before = {name: array.copy() for name, array in first.arrays.items()}

    env.step(np.ones(env.spec.embodiment.action_dim, np.float32))

    assert all(np.array_equal(first.arrays[name], before[name]) for name in before)


def test_the_proprioceptive_state_is_the_start_of_the_whole(env):
    """`observation.state` holds nothing that the robot could not sense itself."""
    arrays = env.reset(6).arrays

    state = arrays["observation.state"]
    assert np.array_equal(arrays["observation.environment_state"][: len(state)], state)


def test_the_reward_is_minus_one_until_success(env):
    """Zero comes with the package's success flag and not before."""
    expert, observation, steps = make_expert(env.spec), env.reset(2), []
    while not (steps and steps[-1].is_success) and len(steps) < env.spec.max_steps:
        steps.append(env.step(expert.act(observation)))
        observation = steps[-1].observation

    assert [step.reward for step in steps] == [-1.0] * (len(steps) - 1) + [0.0]


def test_an_unknown_task_is_refused_with_those_that_there_are():
    """The text lists the alternatives."""
    with pytest.raises(
        InvalidInputError,
        match=r"^task: expected one of push, peg-insert-side, cube-single, got 'x'",
    ):
        spec_of("x")


def test_the_data_of_every_task_are_fixed_at_three_hundred_episodes():
    """A change would make every published figure stale."""
    mixtures = {name: spec.mixture for name, spec in TASKS.items()}

    assert mixtures == {
        "push": ((0.0, 20), (0.3, 120), (0.6, 160)),
        "peg-insert-side": ((0.0, 20), (0.3, 120), (0.6, 160)),
        "cube-single": ((0.0, 40), (0.3, 100), (0.6, 100), (1.0, 60)),
    }
