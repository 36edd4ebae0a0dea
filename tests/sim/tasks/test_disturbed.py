"""Tasks as the data did not have them: noise on the senses, objects moved."""

import numpy as np
import pytest

from sim.tasks import DEMO, TASKS, make, spec_of
from steer.errors import InvalidInputError

STATE = "observation.environment_state"


def state(step_or_seen):
    """Return all numbers that are observed."""
    return getattr(step_or_seen, "observation", step_or_seen).arrays[STATE]


@pytest.mark.slow
@pytest.mark.parametrize("task", DEMO)
@pytest.mark.parametrize("disturbance", ["noise", "shift"])
def test_a_disturbed_episode_belongs_to_its_seed(task, disturbance):
    """To the last bit; and it is not the undisturbed one."""
    env, again, plain = make(f"{task}~{disturbance}"), make(f"{task}~{disturbance}"), make(task)
    still = np.zeros(env.spec.embodiment.action_dim, np.float32)

    first = [state(env.reset(7)), state(env.step(still))]
    second = [state(again.reset(7)), state(again.step(still))]

    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], state(plain.reset(7)))


@pytest.mark.slow
def test_noise_is_on_the_senses_alone():
    """The world goes its way."""
    env, plain = make("push~noise"), make("push")
    env.reset(3)
    plain.reset(3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        action = rng.uniform(-1, 1, 4).astype(np.float32)
        noisy, clean = env.step(action), plain.step(action)
        away = np.abs(state(noisy) - state(clean))
        assert 0 < away.max() < 0.1


@pytest.mark.slow
def test_a_shift_moves_the_loose_objects_by_five_centimetres():
    """And not the robot."""
    env, plain = make("push~shift"), make("push")
    moved = state(env.reset(3)) - state(plain.reset(3))

    assert np.linalg.norm(moved[4:6]) == pytest.approx(0.05, abs=0.005)
    assert np.abs(moved[:3]).max() < 0.01


@pytest.mark.slow
def test_kicks_move_the_loose_objects_again_and_again_and_belong_to_the_seed():
    """By centimetres, while the robot stands still; two episodes of a seed are the same."""
    env, again = make("fetch-push~kicks"), make("fetch-push~kicks")
    still = np.zeros(env.spec.embodiment.action_dim, np.float32)
    env.reset(3)
    again.reset(3)
    first = np.array([state(env.step(still)) for _ in range(50)])
    second = np.array([state(again.step(still)) for _ in range(50)])

    np.testing.assert_array_equal(first, second)
    places = first[:, 3:5]
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    kicks = np.count_nonzero((steps[1:] > 0.01) & (steps[:-1] < 0.005))
    assert 2 <= kicks <= 9
    assert np.linalg.norm(places.max(0) - places.min(0)) > 0.03


def test_a_disturbed_task_is_the_task():
    """The same spec, so the same critic and policies."""
    assert spec_of("push~noise") is TASKS["push"]


def test_an_unknown_disturbance_is_refused():
    """The text lists those that there are."""
    with pytest.raises(InvalidInputError, match="disturbance: expected one of noise, shift, kicks"):
        make("push~earthquake")
