"""The benchmark of a tick: the real loop, and nothing of it at fault."""

import pytest

from benchmarks.tick_cost import measure


@pytest.mark.slow
@pytest.mark.parametrize("is_compared", [False, True])
def test_every_tick_of_the_real_loop_is_measured(is_compared):
    """With images, through the memory that is shared with System 2."""
    costs_s = measure(2, 20, is_compared=is_compared, warm_ticks=5)

    assert costs_s.shape == (20,)
    assert 0 < costs_s.min() < costs_s.max() < 10
