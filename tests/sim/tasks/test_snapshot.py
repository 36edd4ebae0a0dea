"""Save and restore: what follows is the same to the last bit, in every task."""

import numpy as np
import pytest

from sim.experts import make_expert
from sim.tasks import make
from steer.errors import InvalidInputError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("robots")]

BEFORE, AFTER = 15, 30


def _noisy_attempt(env, *, seed=3, num_steps=BEFORE + AFTER):
    """Return the actions of a noisy attempt of the expert."""
    expert, rng, actions = make_expert(env.spec), np.random.default_rng(seed), []
    observation = env.reset(seed)
    expert.begin(env, seed)
    for _ in range(num_steps):
        noise = rng.normal(0, 0.2, env.spec.embodiment.action_dim)
        actions.append((expert.act(observation) + noise).astype(np.float32))
        observation = env.step(actions[-1]).observation
    return actions


def _roll(env, actions):
    """Return all that a robot learns while it runs the actions, as bits."""
    steps = [env.step(action) for action in actions]
    return [
        (*(array.tobytes() for array in s.observation.arrays.values()), s.reward, s.is_success)
        for s in steps
    ]


def _bits(env):
    """Return the state of the simulation and what is derived from it."""
    data = env.save().data
    names = ("time", "qpos", "qvel", "ctrl", "mocap_pos", "qacc_warmstart", "site_xpos", "xpos")
    return [np.asarray(getattr(data, name)).tobytes() for name in names]


def test_after_a_restore_the_same_actions_have_the_same_outcome(env):
    """More than once from one snapshot: observations, rewards and successes, bit for bit."""
    actions = _noisy_attempt(env)
    env.reset(3)
    _roll(env, actions[:BEFORE])
    snapshot, state = env.save(), _bits(env)
    first = _roll(env, actions[BEFORE:])

    for _ in range(2):
        seen = env.restore(snapshot)
        assert _bits(env) == state
        assert seen is snapshot.observation
        assert _roll(env, actions[BEFORE:]) == first


def test_a_restore_undoes_other_actions_too(env):
    """Not only those that follow the snapshot: a plan is tried, then another."""
    actions = _noisy_attempt(env)
    env.reset(3)
    _roll(env, actions[:BEFORE])
    snapshot = env.save()
    first = _roll(env, actions[BEFORE:])

    env.restore(snapshot)
    _roll(env, [-action for action in actions])
    env.restore(snapshot)

    assert _roll(env, actions[BEFORE:]) == first


def test_a_snapshot_of_another_episode_is_refused(env):
    """Even of the same seed: a reset may have changed the scene itself."""
    env.reset(3)
    snapshot = env.save()
    env.reset(3)

    with pytest.raises(
        InvalidInputError, match=r"^snapshot: expected one of this episode, got one of another$"
    ):
        env.restore(snapshot)


def test_without_an_episode_there_is_nothing_to_save():
    """A robot that was made and not reset."""
    with pytest.raises(InvalidInputError, match=r"^save: expected an episode, got none$"):
        make("push").save()


def _model_bits(env):
    """Return all numbers of the model: a button's colour and a drawer's lock are among them."""
    model = env.package.model
    arrays = {name: getattr(model, name) for name in dir(model) if not name.startswith("_")}
    return {name: a.tobytes() for name, a in arrays.items() if isinstance(a, np.ndarray)}


@pytest.mark.parametrize("name", ["puzzle-3x3", "scene"])
def test_the_colours_of_buttons_and_what_they_lock_go_back_with_the_rest(robot, name):
    """They are in the model, which a snapshot does not hold."""
    env = robot(name)
    actions = _noisy_attempt(env, num_steps=80)
    env.reset(3)
    snapshot, model, state = env.save(), _model_bits(env), _bits(env)
    first = _roll(env, actions)
    assert _model_bits(env) != model, "expected the attempt to press a button"

    env.restore(snapshot)

    assert _model_bits(env) == model
    assert _bits(env) == state
    assert _roll(env, actions) == first
