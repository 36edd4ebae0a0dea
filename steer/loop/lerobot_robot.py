"""A robot of LeRobot as one that `steer.loop.run` drives. Imports nothing of LeRobot.

    robot = LeRobotRobot(so101, control_hz=30.0)
    run(robot, planner, robot.embodiment, rest=robot.rest(), until=...)

Shapes: `A` action.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock, MonotonicClock
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError
from steer.types import Observation

__all__ = ["LeRobotLike", "LeRobotRobot"]

_STATE, _IMAGES = "observation.state", "observation.images."
_COLOURS = 3


class LeRobotLike(Protocol):
    """What is needed of `lerobot.robots.Robot`, as of LeRobot 0.6."""

    name: str

    @property
    def observation_features(self) -> Mapping[str, Any]:
        """Names of what it senses: `float` for a number, its shape for a picture."""
        ...

    @property
    def action_features(self) -> Mapping[str, Any]:
        """Names of what it is told, each a `float`."""
        ...

    def get_observation(self) -> Mapping[str, Any]:
        """Return what it senses, by name."""
        ...

    def send_action(self, action: dict[str, Any]) -> Any:  # noqa: ANN401  # LeRobot's own
        """Command it, by name; return what was sent, where its driver moved that."""
        ...


class LeRobotRobot:
    """Implements `steer.loop.robot.Robot`.

    Numbers stand in the order in which the robot's features name them, as in LeRobot's data sets,
    and are found by their names: the order of what a driver returns does not matter.

    Args:
        robot: Connected.
        control_hz: Ticks a second.
        mode: Whether its commands are relative to where it is; joints of LeRobot's robots are not.
        unit: Of its numbers, as `deg`; empty for not known.
        ranges: Smallest and largest command by name; of a name that is missing it is not known.
        without: Names of what it senses that are left out, as of depth pictures.
        instruction: The task in words.
        clock: Of the observations.

    Attributes:
        embodiment: Its body.
        num_moved: Commands of which the robot's own driver sent something else: what ran is then
            not what was judged, and its limits belong into `Limits`.

    Raises:
        InvalidInputError: A feature is neither a number nor a colour picture, or there is no number
            to command; the text has its name.
    """

    def __init__(
        self,
        robot: LeRobotLike,
        *,
        control_hz: float,
        mode: Literal["delta", "absolute"] = "absolute",
        unit: str = "",
        ranges: Mapping[str, tuple[float, float]] | None = None,
        without: Collection[str] = (),
        instruction: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._robot, self._instruction = robot, instruction
        self._clock: Clock = clock or MonotonicClock()
        seen = {n: item for n, item in robot.observation_features.items() if n not in without}
        self._numbers = tuple(name for name, item in seen.items() if item is float)
        self._pictures = {n: _shape(n, item) for n, item in seen.items() if item is not float}
        self._actions = tuple(robot.action_features)
        for name, item in robot.action_features.items():
            if item is not float:
                raise InvalidInputError.expected(f"action_features[{name!r}]", "float", item)
        self.embodiment = Embodiment(
            name=robot.name,
            control_hz=control_hz,
            actions=tuple(_dim(name, unit, ranges or {}) for name in self._actions),
            observations=(*self._state_field(unit), *self._picture_fields()),
            mode=mode,
        )
        self.num_moved = 0

    def observe(self) -> Observation:
        """Return what it senses now.

        Raises:
            InvalidInputError: Something is missing, or is not what the features say.
        """
        captured_at_s = self._clock.now_s()  # before: what it returns is no younger than that
        found = self._robot.get_observation()
        arrays: dict[str, Any] = {
            f"{_IMAGES}{name}": _picture(found, name, shape)
            for name, shape in self._pictures.items()
        }
        if self._numbers:
            numbers = [_number(found, name) for name in self._numbers]
            arrays[_STATE] = np.array(numbers, np.float32)
        return Observation(arrays, captured_at_s, self._instruction)

    def act(self, action: NDArray[np.float32]) -> None:
        """Command it, [A]."""
        wanted = dict(zip(self._actions, action.tolist(), strict=True))
        sent = self._robot.send_action(dict(wanted))
        if isinstance(sent, Mapping):
            self.num_moved += any(sent.get(name, value) != value for name, value in wanted.items())

    def rest(self) -> NDArray[np.float32]:
        """Return the command of where it stands, [A]: what it senses under the commands' names.

        NaN where it senses nothing under a name.
        """
        found = self._robot.get_observation()
        names = self._actions
        return np.array([_number(found, n) if n in found else np.nan for n in names], np.float32)

    def _state_field(self, unit: str) -> tuple[ObservationField, ...]:
        if not self._numbers:
            return ()
        shape = (len(self._numbers),)
        return (ObservationField(name=_STATE, dtype="float32", shape=shape, unit=unit),)

    def _picture_fields(self) -> tuple[ObservationField, ...]:
        return tuple(
            ObservationField(name=f"{_IMAGES}{name}", dtype="uint8", shape=shape)
            for name, shape in self._pictures.items()
        )


def _shape(name: str, feature: object) -> tuple[int, ...]:
    """Return the shape of a picture."""
    if isinstance(feature, tuple) and len(feature) == 3 and feature[2] == _COLOURS:
        return tuple(int(extent) for extent in feature)
    contract = f"float, or (height, width, {_COLOURS}); leave it out with without={{{name!r}}}"
    raise InvalidInputError.expected(f"observation_features[{name!r}]", contract, feature)


def _dim(name: str, unit: str, ranges: Mapping[str, tuple[float, float]]) -> ActionDim:
    low, high = ranges.get(name, (0.0, 0.0))
    return ActionDim(name=name, unit=unit, scale=1.0 if unit else 0.0, low=low, high=high)


def _number(found: Mapping[str, Any], name: str) -> float:
    try:
        return float(found[name])
    except KeyError as error:
        got = ", ".join(sorted(found)) or "nothing"
        raise InvalidInputError.expected("get_observation()", repr(name), got) from error
    except (TypeError, ValueError) as error:
        raise InvalidInputError.expected(
            f"observation {name!r}", "a number", found[name]
        ) from error


def _picture(found: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if name not in found:
        got = ", ".join(sorted(found)) or "nothing"
        raise InvalidInputError.expected("get_observation()", repr(name), got)
    picture = np.ascontiguousarray(found[name])
    if picture.dtype != np.uint8 or picture.shape != shape:
        got = f"{picture.dtype} of shape {list(picture.shape)}"
        raise InvalidInputError.expected(
            f"observation {name!r}", f"uint8 of shape {list(shape)}", got
        )
    return picture
