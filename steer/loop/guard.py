"""Which observations may be decided on: whole ones that are young, and that still change."""

from collections import Counter
from collections.abc import Mapping

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.types import EncodedImage, Observation

__all__ = ["ObservationGuard"]

_AHEAD_S = 0.01
"""How far ahead of the clock an instant of capture may be: drivers estimate when a frame was."""


class ObservationGuard:
    """Finds what speaks against an observation.

    A sensor that hangs sends the same numbers again and again, under new instants and beside others
    that move: so each field is looked at by itself. Real ones are never equal to the last bit for
    long, but simulated ones, goals and joints at rest can be: which fields, and how long, is the
    user's to say.

    Args:
        embodiment: With the observations that the decision needs.
        max_age_s: Since capture, in seconds.
        max_frozen_s: How long a field may stay equal to the last bit, in seconds, by name; one that
            is not named may stay so for ever. None for none. It costs a copy of the named fields.

    Attributes:
        counts: How many were refused, by why.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        *,
        max_age_s: float,
        max_frozen_s: Mapping[str, float] | None = None,
    ) -> None:
        if not max_age_s > 0:
            raise InvalidInputError.expected("max_age_s", "> 0", max_age_s)
        self._fields = {item.name: item for item in embodiment.observations}
        self._max_age_s, self._max_frozen_s = max_age_s, dict(max_frozen_s or {})
        for name, limit_s in self._max_frozen_s.items():
            if name not in self._fields:
                contract = "names of " + ", ".join(map(repr, self._fields))
                raise InvalidInputError.expected("max_frozen_s", contract, repr(name))
            if not limit_s > 0:
                raise InvalidInputError.expected(f"max_frozen_s[{name!r}]", "> 0", limit_s)
        self.counts: Counter[str] = Counter()
        self._last: dict[str, bytes] = {}
        self._since_s: dict[str, float] = {}

    def fault(self, observation: Observation, *, now_s: float) -> str:
        """Return what speaks against it, `<what>: expected <contract>, got <value>`; or nothing.

        Args:
            observation: Just sensed; its arrays are copied where they are compared, so that their
                owner may fill them again.
            now_s: On the clock of its `captured_at_s`; one without is taken for new.
        """
        for name in self._max_frozen_s:
            self._compare(name, observation, now_s)
        why, text = self._find(observation, now_s)
        if why:
            self.counts[why] += 1
        return text

    def _compare(self, name: str, observation: Observation, now_s: float) -> None:
        """Take note of whether a field has changed."""
        value = observation.arrays.get(name)
        if value is None:
            return
        data = value.data if isinstance(value, EncodedImage) else value.tobytes()
        if self._last.get(name) != data:
            self._last[name], self._since_s[name] = data, now_s

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
        if not age_s >= -_AHEAD_S:
            wanted = "captured_at_s on the loop's monotonic clock"
            return "future", f"observation: expected {wanted}, got {-age_s:.3f} s ahead of it"
        if age_s > self._max_age_s:
            wanted = f"at most {self._max_age_s:g} s old"
            return "old", f"observation: expected one {wanted}, got {age_s:.3f} s"
        for name, limit_s in self._max_frozen_s.items():
            stayed_s = now_s - self._since_s[name]
            if stayed_s > limit_s:
                found = f"expected a change within {limit_s:g} s, got none in {stayed_s:.3f} s"
                return "frozen", f"observation {name!r}: {found}"
        return "", ""
