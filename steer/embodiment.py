"""The description of a robot body that robot, critic and policy must agree on.

Wrong units, order or normalisation of actions is the field's most common silent failure; here it
is a refusal at the start of a session, with the name of the field that differs.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, cast

from steer.errors import InvalidInputError

__all__ = ["ActionDim", "Embodiment", "ObservationField"]

_RELATIVE_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDim:
    """One dimension of the action vector. Zero and empty mean "not known" and are not compared.

    Attributes:
        name: For example `dx`, `gripper`.
        unit: Unit of what is commanded, for example `m`, `rad`.
        scale: How many units the value 1.0 commands.
        low: Smallest value the robot accepts; `low` = `high` = 0 means not known.
        high: Largest value the robot accepts.
        max_step: Largest feasible change between consecutive actions; 0 means no limit.
    """

    name: str
    unit: str = ""
    scale: float = 0.0
    low: float = 0.0
    high: float = 0.0
    max_step: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.scale, self.low, self.high, self.max_step)
        if not all(map(math.isfinite, numbers)) or self.low > self.high:
            raise InvalidInputError.expected(
                "action dimension", "finite numbers and low <= high", str(self)
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationField:
    """One named array of an observation.

    Attributes:
        name: LeRobot's key, for example `observation.state`.
        dtype: NumPy's name of the element type.
        shape: Extent of each axis.
        unit: Free text; empty means not known.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embodiment:
    """A robot body: what it senses, what it accepts, and how fast.

    Attributes:
        name: For example `metaworld-sawyer`; empty means not known.
        control_hz: Actions a second; 0 means not known, as for a policy whose checkpoint does not
            say it.
        actions: The action vector, in order; at least one dimension.
        observations: What the robot sends; critics and policies may need fewer.
        mode: Whether commands are relative to the present pose; empty means not known.
        frame: Frame of the commands; empty means not known.
        rotation: How rotations are written; empty means not known.
        gripper: What a larger gripper command does; empty means not known.
        out_of_range: `clip`: the robot clips commands into low..high itself, so critics see them
            clipped; `reject`: a chunk outside of the range is not feasible.
    """

    name: str
    control_hz: float
    actions: tuple[ActionDim, ...]
    observations: tuple[ObservationField, ...]
    mode: Literal["", "delta", "absolute"] = ""
    frame: str = ""
    rotation: str = ""
    gripper: Literal["", "closes", "opens", "none"] = ""
    out_of_range: Literal["clip", "reject"] = "clip"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.control_hz) and self.control_hz >= 0):
            raise InvalidInputError.expected(
                "embodiment.control_hz", "a finite number >= 0", str(self.control_hz)
            )
        if not self.actions:
            raise InvalidInputError.expected("embodiment.actions", "at least one dimension", "none")
        names = [item.name for item in self.observations]
        if len(set(names)) != len(names):
            raise InvalidInputError.expected("embodiment.observations", "unique names", str(names))

    @property
    def action_dim(self) -> int:
        """A, the length of the action vector."""
        return len(self.actions)

    def observation(self, name: str) -> ObservationField | None:
        """Return the field called `name`, or None."""
        return next((item for item in self.observations if item.name == name), None)

    def differences(self, needed: "Embodiment") -> list[str]:
        """Compare this robot with what a critic or a policy needs.

        Args:
            needed: The body that a critic or policy was made for; its observations are a subset of
                what the robot must send.

        Returns:
            One sentence for each field that differs, `<field>: expected <needed>, got <ours>`;
            empty where they agree. Fields that one side leaves unknown are not compared.
        """
        found: list[str] = []
        for name in ("name", "mode", "frame", "rotation", "gripper"):
            _compare(found, f"embodiment.{name}", getattr(needed, name), getattr(self, name))
        _compare(found, "embodiment.control_hz", needed.control_hz, self.control_hz)
        _compare(found, "embodiment.out_of_range", needed.out_of_range, self.out_of_range)
        if len(self.actions) != len(needed.actions):
            expected = f"{len(needed.actions)} dimensions"
            found.append(f"embodiment.actions: expected {expected}, got {len(self.actions)}")
        for index, (theirs, ours) in enumerate(zip(needed.actions, self.actions, strict=False)):
            where = f"embodiment.actions[{index}]"
            for name in ("name", "unit", "scale"):
                _compare(found, f"{where}.{name}", getattr(theirs, name), getattr(ours, name))
            if _has_range(theirs) and _has_range(ours):
                for name in ("low", "high"):
                    _compare_numbers(
                        found, f"{where}.{name}", getattr(theirs, name), getattr(ours, name)
                    )
        for theirs_field in needed.observations:
            _compare_observation(found, theirs_field, self.observation(theirs_field.name))
        return found

    def to_json(self) -> str:
        """Return the embodiment as JSON, keys sorted, so that equal ones are equal as text."""
        return json.dumps(asdict(self), sort_keys=True, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Embodiment":
        """Read what `to_json` wrote.

        Raises:
            InvalidInputError: The text is not JSON, or a field is missing, unknown or wrong.
        """
        try:
            tree = json.loads(text)
            actions = tuple(ActionDim(**item) for item in tree.pop("actions"))
            observations = tuple(
                ObservationField(**{**item, "shape": tuple(item["shape"])})
                for item in tree.pop("observations")
            )
            return cls(actions=actions, observations=observations, **tree)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInputError.expected(
                "embodiment", "the JSON that Embodiment.to_json writes", repr(error)
            ) from error


def _has_range(dim: ActionDim) -> bool:
    return dim.low != dim.high


def _compare(found: list[str], where: str, needed: object, ours: object) -> None:
    """Add a sentence where both sides know the field and differ."""
    if not needed or not ours:
        return
    if isinstance(needed, float):
        _compare_numbers(found, where, needed, cast(float, ours))
    elif needed != ours:
        found.append(f"{where}: expected {needed!r}, got {ours!r}")


def _compare_numbers(found: list[str], where: str, needed: float, ours: float) -> None:
    if not math.isclose(needed, ours, rel_tol=_RELATIVE_TOLERANCE):
        found.append(f"{where}: expected {needed:g}, got {ours:g}")


def _compare_observation(
    found: list[str], needed: ObservationField, ours: ObservationField | None
) -> None:
    where = f"embodiment.observations[{needed.name!r}]"
    if ours is None:
        found.append(f"{where}: expected {_described(needed)}, got nothing")
        return
    if _extents(needed.shape) != _extents(ours.shape) or needed.dtype != ours.dtype:
        found.append(f"{where}: expected {_described(needed)}, got {_described(ours)}")
    _compare(found, f"{where}.unit", needed.unit, ours.unit)


def _extents(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(extent) for extent in shape)


def _described(item: ObservationField) -> str:
    return f"{item.dtype} of shape {list(item.shape)}"
