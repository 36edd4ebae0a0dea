"""A policy of your own: a function from what the robot sees to N chunks, the first its own.

python -m sim.evaluate --cells examples/evaluate/my_policy.py:policy/push \
    --arms alone,random,steered --seeds user --episodes 20 --output runs/mine
"""

import numpy as np


def policy(observation, *, num_candidates, seed):
    """Go to the puck, then push it to the goal; unsure by how much, so every draw differs."""
    state = observation.arrays["observation.environment_state"]
    hand, puck, goal = state[:3], state[4:7], state[36:39]
    is_there = np.linalg.norm(hand - puck) < 0.05
    way = np.clip(10 * ((goal - puck) if is_there else (puck - hand)), -1, 1)
    noise = np.random.default_rng(seed).normal(0, 0.4, (num_candidates, 1, 3))
    moves = np.repeat(way + noise, 16, axis=1)
    grip = np.full((num_candidates, 16, 1), 0.8 if is_there else -1.0)
    return np.concatenate([moves, grip], axis=2).clip(-1, 1)
