"""Numbers that rules are made of."""

import numpy as np
import pytest

from steer.errors import ConfigError
from steer.train.labelling.rules import quantity

STATE = "observation.state"


def test_a_number_and_a_distance(episodes, open_data):
    """Of one number it is that; of two vectors it is how far they are apart."""
    recording = open_data(episodes)
    state = episodes.observations[STATE].astype(float)

    one = quantity(recording, f"{STATE}[0]", "", option="--success")
    apart = quantity(recording, f"{STATE}[0:1]", f"{STATE}[1:2]", option="--success")

    np.testing.assert_array_equal(one, state[:, 0])
    np.testing.assert_allclose(apart, np.abs(state[:, 0] - state[:, 1]))


@pytest.mark.parametrize(
    ("of", "to", "complaint"),
    [
        (f"{STATE}[2]", "", r"--success\.of: expected a part of 2 numbers, got 'obs.*\[2\]'"),
        (f"{STATE}[1:1]", "", r"--success\.of: expected a part of 2 numbers"),
        (f"{STATE}[a]", "", r"--success\.of: expected KEY, KEY\[3\] or KEY\[3:6\], got"),
        (STATE, "", r"expected one number, such as observation\.state\[0\], .* got 2 numbers"),
        (STATE, "action", r"--success\.to: expected as many numbers as --success\.of, 2, got 1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(episodes, open_data, of, to, complaint):
    """The text says what would."""
    with pytest.raises(ConfigError, match=complaint):
        quantity(open_data(episodes), of, to, option="--success")
