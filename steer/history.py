"""What a robot keeps of an episode for policies that look back."""

from collections import deque
from collections.abc import Iterator

from steer.errors import InvalidInputError
from steer.types import Observation

__all__ = ["ObservationHistory"]


class ObservationHistory:
    """The last observations of an episode, oldest first, as `SteerClient.steer` takes them.

        history = ObservationHistory(session.policy.num_observations)
        history.append(observation)          # every control tick
        decision = client.steer(history)

    Not safe to share between threads.

    Args:
        num_observations: How many to keep, >= 1.
    """

    def __init__(self, num_observations: int) -> None:
        if num_observations < 1:
            raise InvalidInputError.expected("num_observations", ">= 1", num_observations)
        self._kept: deque[Observation] = deque(maxlen=num_observations)

    def append(self, observation: Observation) -> None:
        """Add the present observation; the oldest falls out."""
        self._kept.append(observation)

    def reset(self) -> None:
        """Forget all, at the start of an episode."""
        self._kept.clear()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def __iter__(self) -> Iterator[Observation]:
        """Return those kept, oldest first."""
        return iter(self._kept)
