"""What the robot will observe once what runs now has run: an answer that is late is asked for then.

Shapes: `T` actions, `A` their dimensions, `O` numbers of an observation.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.heads import Head, forward, numbers
from steer.types import Observation

__all__ = ["Forecast"]


class Forecast:
    """Foresees what the robot will observe.

    Args:
        head: Of the kind `forecast`.

    Raises:
        InvalidInputError: It is of another kind.

    References:
        VLASH, arXiv 2512.01031, 2025: a policy that is asked at the state of the time when its
        chunk will run loses little by its delay. Differs: no policy is trained for it, and all
        vectors of the observation are foreseen, by a model of one tick that is run again and again.
    """

    def __init__(self, head: Head) -> None:
        if head.card.kind != "forecast":
            raise InvalidInputError.expected("head.kind", "forecast", head.card.kind)
        self.card, self._head = head.card, head

    def ahead(self, observation: Observation, actions_TA: NDArray[np.float32]) -> list[Observation]:
        """Return what will be observed after each of the actions, in their order.

        Images stay as they are; so do instruction and instant.

        Args:
            observation: Before the first.
            actions_TA: That will run.

        Raises:
            InvalidInputError: The observation lacks what the forecast sees.
        """
        arrays, keys = self._head.arrays, self.card.keys
        seen_O = numbers(observation, self._head)
        shapes = [np.asarray(observation.arrays[key]).shape for key in keys]
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        found = []
        for action_A in np.clip(actions_TA, arrays["low"], arrays["high"]):
            normal_O = (seen_O - arrays["observation_mean"]) / arrays["observation_std"]
            normal_A = (action_A - arrays["action_mean"]) / arrays["action_std"]
            joined = np.concatenate([normal_O, normal_A]).astype(np.float32)
            change_O = forward(self._head, joined[None])[0]
            seen_O = seen_O + change_O * arrays["change_std"] + arrays["change_mean"]
            parts = zip(keys, np.split(seen_O.astype(np.float32), ends), shapes, strict=True)
            vectors = {key: part.reshape(shape) for key, part, shape in parts}
            found.append(replace(observation, arrays={**observation.arrays, **vectors}))
        return found
