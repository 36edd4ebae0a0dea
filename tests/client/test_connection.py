"""How a budget is divided."""

import pytest

from steer.connection import server_share


@pytest.mark.parametrize(
    ("budget_s", "share_s"), [(1.0, 0.995), (0.05, 0.045), (0.02, 0.018), (0.0, 0.0), (-1.0, 0.0)]
)
def test_the_server_gets_all_but_a_tenth_and_at_most_5_ms_less(budget_s, share_s):
    """What is kept covers the way there and back."""
    assert server_share(budget_s) == pytest.approx(share_s)
