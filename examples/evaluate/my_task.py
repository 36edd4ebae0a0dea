"""A task of your own: an id of gymnasium, when it is done, and a policy and an expert for it.

`docs/evaluate.md` has the commands: collect, train a critic, evaluate.
"""

import numpy as np

from sim.tasks.gymnasium_env import GymnasiumEnv


def make():
    """Return the robot: an arm of two joints that is to touch a target."""
    return GymnasiumEnv(
        "Reacher-v5",
        instruction="touch the target",
        control_hz=50,
        max_steps=100,
        is_success=lambda env, info: info["reward_dist"] > -0.02,
    )


def torques(state):
    """Return the torques of the two joints that bring the fingertip to the target."""
    cosines, sines, speeds, away = state[:2], state[2:4], state[6:8], state[8:10]
    elbow = np.array([cosines[0] * cosines[1] - sines[0] * sines[1],
                      sines[0] * cosines[1] + cosines[0] * sines[1]])  # fmt: skip
    second = 0.11 * np.array([-elbow[1], elbow[0]])
    first = 0.1 * np.array([-sines[0], cosines[0]]) + second
    pull = -np.stack([first, second]) @ away
    return np.clip(20 * pull - 0.05 * speeds, -1, 1)


class Expert:
    """Collects the data: `python -m sim.collect --task FILE.py:make --expert FILE.py:Expert`."""

    def begin(self, env, seed):
        """Nothing to look at."""

    def act(self, observation):
        """Return the torques for what is seen."""
        return torques(observation.arrays["observation.state"]).astype(np.float32)


def policy(observation, *, num_candidates, seed):
    """Draw chunks around what the expert would do now, with noise that lasts."""
    rng = np.random.default_rng(seed)
    mean = torques(observation.arrays["observation.state"])
    noise = rng.normal(0, 0.5, (num_candidates, 1, 2))
    return np.repeat(np.clip(mean + noise, -1, 1), 16, axis=1)
