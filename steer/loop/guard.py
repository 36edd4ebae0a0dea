"""Which observations may be decided on: whole ones that are young, and that still change."""

from collections import Counter

import numpy as np

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.types import EncodedImage, Observation

__all__ = ["ObservationGuard"]


class ObservationGuard:
    """Finds what speaks against an observation.

    A sensor that hangs sends the same numbers again and again. Real ones are never equal to the
    last bit for long, but simulated ones and robots at rest can be: the limit is the user's.

    Args:
        embodiment: With the observations that the decision needs.
        max_age_s: Since capture, in seconds.
        max_frozen: How many observations in a row may be equal to the last bit, >= 1; None for any
            number.

    Attributes:
        counts: How many were refused, by why.
    """

    def __init__(
        self, embodiment: Embodiment, *, max_age_s: float, max_frozen: int | None = None
    ) -> None:
        if not max_age_s > 0:
            raise InvalidInputError.expected("max_age_s", "> 0", max_age_s)
        if max_frozen is not None and max_frozen < 1:
            raise InvalidInputError.expected("max_frozen", ">= 1, or None", max_frozen)
        self._fields = {item.name: item for item in embodiment.observations}
        self._max_age_s, self._max_frozen = max_age_s, max_frozen
        self.counts: Counter[str] = Counter()
        self._last: Observation | None = None
        self._repeated = 0

    def fault(self, observation: Observation, *, now_s: float) -> str:
        """Return what speaks against it, `<what>: expected <contract>, got <value>`; or nothing.

        Args:
            observation: Just sensed.
            now_s: On the clock of its `captured_at_s`; one without is taken for new.
        """
        self._repeated = self._repeated + 1 if self._is_again(observation) else 1
        self._last = observation
        why, text = self._find(observation, now_s)
        if why:
            self.counts[why] += 1
        return text

    def _find(self, observation: Observation, now_s: float) -> tuple[str, str]:
        for name, item in self._fields.items():
            value = observation.arrays.get(name)
            if value is None:
                return "missing", f"observation {name!r}: expected one, got none"
            if isinstance(value, EncodedImage):
                continue
            if tuple(value.shape) != tuple(item.shape):
                shapes = f"expected shape {list(item.shape)}, got {list(value.shape)}"
                return "shape", f"observation {name!r}: {shapes}"
        age_s = 0.0 if observation.captured_at_s is None else now_s - observation.captured_at_s
        if age_s > self._max_age_s:
            wanted = f"at most {self._max_age_s:g} s old"
            return "old", f"observation: expected one {wanted}, got {age_s:.3f} s"
        if self._max_frozen is not None and self._repeated > self._max_frozen:
            wanted = f"at most {self._max_frozen} equal ones in a row"
            return "frozen", f"observation: expected {wanted}, got {self._repeated}"
        return "", ""

    def _is_again(self, observation: Observation) -> bool:
        if self._max_frozen is None or self._last is None:
            return False
        before, now = self._last.arrays, observation.arrays
        return before.keys() == now.keys() and all(
            before[name] == value
            if isinstance(value, EncodedImage)
            else np.array_equal(before[name], value)  # type: ignore[arg-type]  # both are arrays
            for name, value in now.items()
        )
