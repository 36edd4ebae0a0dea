"""OGBench's Markov oracles, in the task mode that the package does not support."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import Env, TaskSpec
from sim.tasks.ogbench import XYZ_CENTER, XYZ_SCALE, OGBenchEnv
from steer.types import Observation

__all__ = ["CubeExpert", "ScriptedExpert"]


class CubeExpert:
    """Grasps the cube, carries it over the target and lowers it.

    The oracle reads a record of the simulation that exists in data collection mode only; all that
    it needs is in the observation, so the record is made from there. What it would do after the
    cube is in place (it draws a resting pose at random) is never reached: success ends the episode.
    """

    def __init__(self) -> None:
        from ogbench.manipspace.oracles.markov.cube_markov import CubeMarkovOracle

        self._oracle: Any = CubeMarkovOracle(env=None)
        self._oracle._step, self._oracle._final_yaw = 0, 0.0
        self._oracle._final_pos = np.array([*XYZ_CENTER[:2], 0.3])

    def begin(self, env: Env, seed: int) -> None:
        """Nothing to look at."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for `observation`, shape [5], within [-1, 1]."""
        state = cast(NDArray[np.float32], observation.arrays["observation.environment_state"])
        action = self._oracle.select_action(None, _oracle_record(state.astype(np.float64)))
        return np.asarray(action, np.float32)


def _oracle_record(state: NDArray[np.float64]) -> dict[str, Any]:
    """Return what the oracle reads, in metres and radians, from the 31 numbers observed."""

    def position(start: int) -> NDArray[np.float64]:
        return state[start : start + 3] / XYZ_SCALE + XYZ_CENTER

    return {
        "proprio/effector_pos": position(12),
        "proprio/effector_yaw": np.arctan2(state[[16]], state[[15]]),
        "proprio/gripper_opening": state[[17]] / 3.0,
        "proprio/gripper_contact": state[[18]],
        "privileged/target_block": 0,
        "privileged/block_0_pos": position(19),
        "privileged/block_0_yaw": np.arctan2(state[[27]], state[[26]]),
        "privileged/target_block_pos": position(28),
        "privileged/target_block_yaw": np.zeros(1),
    }


class ScriptedExpert:
    """Does a task of several goals, one after the other: cubes, buttons, drawer, window.

    At each tick the first goal that is not reached is given to the package's oracle of its kind, in
    the words in which it would hear of it in data collection mode.

    Args:
        spec: `cube-double`, `puzzle-3x3` or `scene`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        from ogbench.manipspace.oracles.markov.button_markov import ButtonMarkovOracle
        from ogbench.manipspace.oracles.markov.cube_markov import CubeMarkovOracle
        from ogbench.manipspace.oracles.markov.drawer_markov import DrawerMarkovOracle
        from ogbench.manipspace.oracles.markov.window_markov import WindowMarkovOracle

        self._goals = {"cube-double": _cube_goal, "puzzle-3x3": _puzzle_goal, "scene": _scene_goal}
        self._goal = self._goals[spec.name]
        self._oracles: dict[str, Any] = {
            "cube": CubeMarkovOracle(env=None),
            "button": ButtonMarkovOracle(env=None, gripper_always_closed=True),
            "drawer": DrawerMarkovOracle(env=None),
            "window": WindowMarkovOracle(env=None),
        }
        for oracle in self._oracles.values():
            oracle._step, oracle._final_yaw = 0, 0.0
            oracle._final_pos = np.array([*XYZ_CENTER[:2], 0.3])
        self._env: OGBenchEnv | None = None

    def begin(self, env: Env, seed: int) -> None:
        """Remember the robot: the oracles read more of the scene than is observed."""
        assert isinstance(env, OGBenchEnv)
        self._env = env

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for the present state, shape [5], within [-1, 1]."""
        assert self._env is not None, "begin comes first"
        record = self._env.record()
        kind, words = self._goal(self._env.package, record)
        if kind == "lift":
            return _LIFT
        named = {f"privileged/target_{name}": value for name, value in words.items()}
        action = self._oracles[kind].select_action(None, record | named)
        return np.asarray(action, np.float32)


def _cube_goal(env: Any, record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    targets = env.data.mocap_pos[env._cube_target_mocap_ids]
    away = [
        float(np.linalg.norm(record[f"privileged/block_{index}_pos"] - target))
        for index, target in enumerate(targets)
    ]
    index = int(np.argmax(away))
    return "cube", {"block": index, "block_pos": targets[index], "block_yaw": np.zeros(1)}


def _press(env: Any, index: int) -> tuple[str, dict[str, Any]]:
    top = env.data.site_xpos[env._button_site_ids[index]].copy()
    words = {"button": index, "button_state": 1 - env._cur_button_states[index]}
    return "button", words | {"button_top_pos": top}


def _puzzle_goal(env: Any, record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    wanted = (env._cur_button_states != env._target_button_states).astype(np.int64)
    presses = np.flatnonzero(_PUZZLE_INVERSE @ wanted % 2)
    return _press(env, int(presses[0]) if len(presses) else 0)


def _scene_goal(env: Any, record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    slides = (
        ("drawer", 0, record["privileged/drawer_pos"][0] - env._target_drawer_pos),
        ("window", 1, record["privileged/window_pos"][0] - env._target_window_pos),
    )
    for kind, lock, error in slides:
        handle = record[f"privileged/{kind}_handle_pos"]
        is_near = float(np.linalg.norm(record["proprio/effector_pos"] - handle)) < _NEAR_M
        is_done = abs(error) < (_SLIDE_AIM_M if is_near else _SLIDE_TOLERANCE_M)
        if is_done and is_near:
            return "lift", {}
        if not is_done and env._cur_button_states[lock] == 0:
            return _press(env, lock)
        if not is_done:
            site = env.data.site(f"{kind}_handle_center_target").xpos.copy()
            return kind, {f"{kind}_handle_pos": site}
    wrong = np.flatnonzero(env._cur_button_states != env._target_button_states)
    return _press(env, int(wrong[0]) if len(wrong) else 0)


def _inverse_of_presses(size: int) -> NDArray[np.int64]:
    """Return, modulo 2, the inverse of what each button toggles: itself and its neighbours."""
    places = [(row, column) for row in range(size) for column in range(size)]
    toggles = np.array(
        [[abs(a - c) + abs(b - d) <= 1 for c, d in places] for a, b in places], np.int64
    )
    table = np.concatenate([toggles, np.eye(size * size, dtype=np.int64)], axis=1)
    for column in range(size * size):
        pivot = column + int(np.argmax(table[column:, column]))
        table[[column, pivot]] = table[[pivot, column]]
        others = np.flatnonzero(table[:, column])
        table[others[others != column]] ^= table[column]
    return table[:, size * size :]


_SLIDE_TOLERANCE_M = 0.035  # the package allows 0.04
_SLIDE_AIM_M = 0.012
_NEAR_M = 0.08
_LIFT = np.array([0.0, 0.0, 1.0, 0.0, -1.0], np.float32)  # else the arm takes the handle along
_PUZZLE_INVERSE = _inverse_of_presses(3)
