"""SARSA and Monte-Carlo find the values that dynamic programming finds."""

import numpy as np
import pytest

from steer.train.algorithms.sarsa import SarsaConfig

RIGHT, LEFT = [0.75], [-0.75]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["monte_carlo", "td"])
def test_values_are_those_of_dynamic_programming(learn, exact, target):
    """Both targets find the value of the walker that recorded the data."""
    values = learn([RIGHT, LEFT], algorithm="sarsa", sarsa=SarsaConfig(target=target))

    np.testing.assert_allclose(values.mean(0), exact, atol=0.35)


@pytest.mark.slow
def test_chunk_value_is_of_the_whole_chunk(learn, exact):
    """In the second cell, right-right is worth -1 - gamma and then the fourth cell's value."""
    values = learn([RIGHT * 2, RIGHT + LEFT, LEFT * 2], algorithm="sarsa")

    fourth = 0.7 * exact[3, 0] + 0.3 * exact[3, 1]
    first_two = values[:, 1].mean(0)
    assert first_two[0] == pytest.approx(-1 - 0.8 + 0.64 * fourth, abs=0.35)
    assert first_two[0] > first_two[1] > first_two[2]
