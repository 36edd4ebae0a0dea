"""How far each number of the data spreads."""

import numpy as np
import pytest

from steer.train.deviations import deviations


def test_each_number_has_its_own_deviation():
    """So that metres and radians count alike."""
    values = np.array([[0.0, 10.0], [2.0, 30.0]])

    assert deviations(values).tolist() == [1.0, 10.0]


@pytest.mark.parametrize("spread", [0.0, 1e-6])
def test_the_noise_of_a_still_joint_says_nothing(spread):
    """It is not blown up to the size of a motion."""
    assert deviations(np.array([[5.0], [5.0 + spread]])).tolist() == [0.01]
