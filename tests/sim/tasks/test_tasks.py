"""What every task of the suite keeps: the contract of `sim.tasks.base.Env`."""

import json
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest

from sim.experts import make_expert

# One worker makes the robots and the digests, once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("robots")]

WHOLE = "observation.environment_state"
OWN = {
    "metaworld": slice(4),  # end effector, opening of the gripper
    "ogbench": slice(19),  # joints and their speeds, end effector, gripper
    "gymnasium-robotics": [0, 1, 2, 9, 10, 20, 21, 22, 23, 24],  # gripper, fingers, their speeds
}
_DIGESTS = """
import json, sys
sys.path.insert(0, {path!r})
from test_tasks import attempt_digest
from sim.tasks import TASKS, make
sys.stdout.write(json.dumps({{name: attempt_digest(make(name), seed=7) for name in TASKS}}))
"""


def attempt_digest(env, *, seed, num_steps=25):
    """Return a digest of the initial state and of all that is observed in a noisy attempt."""
    expert, rng, digest = make_expert(env.spec), np.random.default_rng(seed), sha256()
    observation = env.reset(seed)
    state = env.save().data
    for part in (state.qpos, state.qvel, state.ctrl, state.mocap_pos, state.qacc_warmstart):
        digest.update(part.tobytes())
    expert.begin(env, seed)
    for _ in range(num_steps):
        digest.update(observation.arrays[WHOLE].tobytes())
        noise = rng.normal(0, 0.5, env.spec.embodiment.action_dim)
        step = env.step((expert.act(observation) + noise).astype(np.float32))
        observation = step.observation
    return digest.hexdigest()


@pytest.fixture(scope="session")
def fresh_digests():
    """Return the digest of seed 7 of every task, in a process that has done nothing else."""
    program = _DIGESTS.format(path=str(__file__).rsplit("/", 1)[0])
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def test_observations_are_those_that_the_embodiment_declares(env):
    """Names, types and shapes; the server refuses anything else."""
    observation = env.reset(3)

    found = {k: (v.dtype.name, v.shape) for k, v in observation.arrays.items()}

    declared = env.spec.embodiment.observations
    assert found == {item.name: (item.dtype, item.shape) for item in declared}
    assert observation.instruction == env.spec.instruction


def test_a_seed_is_one_episode_whatever_came_before(env, fresh_digests):
    """Paired comparisons rest on it: an old scene and a fresh process have the same bits."""
    attempt_digest(env, seed=8)

    assert attempt_digest(env, seed=7) == fresh_digests[env.spec.name]


def test_two_seeds_are_two_episodes(env):
    """Otherwise n episodes would count one n times."""
    first, second = env.reset(1), env.reset(2)

    assert not np.array_equal(first.arrays[WHOLE], second.arrays[WHOLE])


def test_an_action_out_of_range_is_clipped(env):
    """As the embodiment says."""
    size = env.spec.embodiment.action_dim
    env.reset(4)
    wild = env.step(np.full(size, 9.0, np.float32)).observation
    env.reset(4)
    clipped = env.step(np.ones(size, np.float32)).observation

    assert np.array_equal(wild.arrays[WHOLE], clipped.arrays[WHOLE])


def test_observations_are_not_overwritten_by_later_steps(env):
    """Policies with history keep the last ones."""
    first = env.reset(5)
    before = {name: array.copy() for name, array in first.arrays.items()}

    env.step(np.ones(env.spec.embodiment.action_dim, np.float32))

    assert all(np.array_equal(first.arrays[name], before[name]) for name in before)


def test_the_proprioceptive_state_is_what_the_robot_senses_of_itself(env):
    """`observation.state` has no object and no goal: those of the whole that are the robot's."""
    arrays = env.reset(6).arrays

    assert np.array_equal(arrays["observation.state"], arrays[WHOLE][OWN[env.spec.package]])


def test_the_reward_is_minus_one_until_success(env):
    """Zero comes with the package's success flag and not before."""
    expert, steps = make_expert(env.spec), []
    observation = env.reset(2)
    expert.begin(env, 2)
    while not (steps and steps[-1].is_success) and len(steps) < env.spec.max_steps:
        steps.append(env.step(expert.act(observation)))
        observation = steps[-1].observation

    assert [step.reward for step in steps] == [-1.0] * (len(steps) - 1) + [0.0]
    assert [step.is_success for step in steps] == [False] * (len(steps) - 1) + [True]
