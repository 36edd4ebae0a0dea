"""A robot arm, and situations in which it has to choose."""

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment
from steer.rank.scorers.base import Situation

ARM = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=(
        *(ActionDim(name=n, unit="m", scale=0.05, low=-1.0, high=1.0) for n in ("dx", "dy", "dz")),
        ActionDim(name="gripper", low=-1.0, high=1.0),
    ),
    observations=(),
    mode="delta",
)


@pytest.fixture(scope="session")
def arm():
    """An arm that is told by how much to move its hand, and what to do with its gripper."""
    return ARM


@pytest.fixture(scope="session")
def situated():
    """Make a situation of the arm: chunks of any float type, and whatever else is known."""

    def make(chunks, **known):
        arrays = {
            name: np.asarray(value, np.float32) if name.rpartition("_")[2].isupper() else value
            for name, value in known.items()
        }
        chunks = np.asarray(chunks, np.float32)
        return Situation(chunks_NHA=chunks, **{"embodiment": ARM, **arrays})

    return make
