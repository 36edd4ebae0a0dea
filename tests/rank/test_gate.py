"""The gate that keeps steering from being worse than the policy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steer.rank.gate import gate
from steer.types import Reason


@given(
    arrays(np.float32, st.integers(1, 20), elements=st.floats(-10, 10, width=32)),
    st.floats(0, 10),
    st.data(),
)
def test_nothing_passes_that_does_not_beat_the_margin(scores, margin, data):
    """Whatever passes is feasible, is not candidate 0, and is strictly above the margin."""
    mask = data.draw(arrays(np.bool_, len(scores)))

    eligible, reason = gate(scores, mask, margin=margin)

    assert all(float(score) > margin for score in scores[eligible])
    assert mask[eligible].all()
    assert not eligible[0]
    assert (reason is Reason.ADVANTAGE) == eligible.any()


def test_an_advantage_equal_to_the_margin_does_not_pass():
    """The margin has to be exceeded."""
    eligible, reason = gate(np.float32([0, 0.5]), np.array([True, True]), margin=0.5)

    assert (eligible.tolist(), reason) == ([False, False], Reason.MARGIN)


def test_a_winner_that_cannot_run_is_told_apart_from_no_winner():
    """The reason says whether limits or values stood in the way."""
    eligible, reason = gate(np.float32([0, 2]), np.array([True, False]), margin=0.5)

    assert (eligible.tolist(), reason) == ([False, False], Reason.INFEASIBLE)
