"""Experts of the Fetch tasks, written here: the package has none."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import Env, TaskSpec
from steer.types import Observation

__all__ = ["FetchExpert", "SlideExpert"]

_STEP_M = 0.05  # what an action of 1 moves the gripper
_GRIPPED_M = 0.055  # of both fingers together, the 5 cm cube between them
_NUM_HITS = 20
_UP = np.array([0.0, 0.0, 1.0])


class FetchExpert:
    """Pushes a cube to the goal, or picks it up and carries it there.

    Args:
        spec: `fetch-push` or `fetch-pick-and-place`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        self._is_push = spec.name == "fetch-push"

    def begin(self, env: Env, seed: int) -> None:
        """Nothing to look at."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for `observation`, shape [4], within [-1, 1]."""
        grip, cube, fingers, goal = _parts(observation)
        if self._is_push:
            action = np.append(_push(grip, cube, goal), 0.0)
        else:
            action = _pick_and_place(grip, cube, goal, opening_m=float(fingers.sum()))
        return np.clip(action, -1.0, 1.0).astype(np.float32)


def _parts(observation: Observation) -> tuple[NDArray[np.float64], ...]:
    """Return the positions of gripper, cube, fingers and goal, in metres."""
    state = cast(NDArray[np.float32], observation.arrays["observation.environment_state"])
    numbers = state.astype(np.float64)
    return numbers[:3], numbers[3:6], numbers[9:11], numbers[25:]


def _towards(target: NDArray[np.float64], grip: NDArray[np.float64]) -> NDArray[np.float64]:
    move: NDArray[np.float64] = (target - grip) / _STEP_M
    return move


def _pick_and_place(
    grip: NDArray[np.float64],
    cube: NDArray[np.float64],
    goal: NDArray[np.float64],
    *,
    opening_m: float,
) -> NDArray[np.float64]:
    away = cube - grip
    is_around = np.linalg.norm(away) < 0.025
    if is_around and opening_m < _GRIPPED_M:
        return np.append(_towards(goal, cube), -1.0)
    if is_around:
        return np.append(_towards(cube, grip), -1.0)
    if np.linalg.norm(away[:2]) < 0.015:
        return np.append(_towards(cube, grip), 1.0)
    return np.append(_towards(cube + 0.08 * _UP, grip), 1.0)


def _push(
    grip: NDArray[np.float64], cube: NDArray[np.float64], goal: NDArray[np.float64]
) -> NDArray[np.float64]:
    way = (goal - cube)[:2]
    distance = float(np.linalg.norm(way))
    along = way / max(distance, 1e-6)
    ahead = (cube - grip)[:2]
    is_low = grip[2] - cube[2] < 0.02
    aligned = float(ahead @ along) / max(float(np.linalg.norm(ahead)), 1e-6)
    if is_low and aligned > 0.94 and np.linalg.norm(ahead) < 0.12:
        aside = ahead - (ahead @ along) * along
        forward = along * np.clip(8 * distance, 0.25, 1.0) + 8 * aside / _STEP_M * 0.1
        return np.append(forward, (cube[2] - grip[2]) / _STEP_M)
    behind = np.append(cube[:2] - 0.07 * along, cube[2])
    if np.linalg.norm(behind[:2] - grip[:2]) < 0.02:
        return _towards(behind, grip)
    return _towards(behind + 0.1 * _UP, grip) if grip[2] - cube[2] > 0.06 else _UP


class SlideExpert:
    """Hits the puck so that it slides over the goal, which is out of reach.

    Where the puck goes is not known before it was hit, so the expert tries hits in simulation when
    an episode begins and plays back the first that succeeds, or the one that came nearest. The hit
    is played back blindly: noise spoils it.
    """

    def __init__(self) -> None:
        self._actions: list[NDArray[np.float32]] = []

    def begin(self, env: Env, seed: int) -> None:
        """Try hits, and put the episode back to its beginning."""
        rng = np.random.default_rng([seed, 3])
        start = env.save()
        nearest_m = np.inf
        for _ in range(_NUM_HITS):
            actions, miss_m = _hit(env, start.observation, rng)
            if miss_m < nearest_m:
                nearest_m, self._actions = miss_m, actions
            env.restore(start)
            if miss_m == 0.0:
                break
        self._actions.reverse()

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the next action, shape [4], within [-1, 1]; rest once all are done."""
        return self._actions.pop() if self._actions else np.zeros(4, np.float32)


def _hit(
    env: Env, observation: Observation, rng: np.random.Generator
) -> tuple[list[NDArray[np.float32]], float]:
    """Run one random hit; return its actions, and by how much the puck missed, in metres."""
    _, puck, _, goal = _parts(observation)
    way = (goal - puck)[:2]
    angle = np.arctan2(way[1], way[0]) + rng.normal(0.0, 0.1)
    along = np.r_[np.cos(angle), np.sin(angle)]
    behind = np.r_[puck[:2] - rng.uniform(0.1, 0.16) * along, puck[2]]
    speed, reach_m = rng.uniform(0.5, 1.0), rng.uniform(0.0, 0.08)
    actions: list[NDArray[np.float32]] = []
    nearest_m, is_hitting = np.inf, False
    for _ in range(env.spec.max_steps):
        grip, _, _, _ = _parts(observation)
        is_hitting |= bool(np.linalg.norm(behind - grip) < 0.015)
        if not is_hitting:
            is_there = np.linalg.norm(behind[:2] - grip[:2]) < 0.02
            height = 0.0 if is_there else 0.1
            move = _towards(behind + height * _UP, grip)
        elif (grip[:2] - puck[:2]) @ along < reach_m:
            move = np.r_[speed * along, 0.0]
        else:
            move = np.zeros(3)
        action = np.clip(np.r_[move, 0.0], -1.0, 1.0).astype(np.float32)
        actions.append(action)
        step = env.step(action)
        if step.is_success:
            return actions, 0.0
        observation = step.observation
        _, now, _, _ = _parts(observation)
        nearest_m = min(nearest_m, float(np.linalg.norm(goal - now)))
    return actions, nearest_m
