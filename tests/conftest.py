"""What every test may ask for: generators with a fixed seed."""

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of its own for each test, always with the same draws."""
    return np.random.default_rng(20_261_121)
