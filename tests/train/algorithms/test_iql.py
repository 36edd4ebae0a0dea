"""IQL finds the values that dynamic programming finds."""

import pytest

from steer.errors import ConfigError
from steer.train.algorithms.iql import IqlConfig

RIGHT, LEFT = [0.75], [-0.75]


@pytest.mark.slow
def test_every_member_ranks_the_better_chunk_higher(learn):
    """Two steps towards the goal beat two steps away, in every cell, by every member."""
    values = learn([RIGHT * 2, LEFT * 2], algorithm="iql")

    assert (values[:, :, 0] > values[:, :, 1] + 0.3).all()


@pytest.mark.slow
def test_expectile_is_optimistic_between_walker_and_optimum(learn, exact):
    """A bootstrapped expectile of 0.9 is worth more than the walker, and at most the optimum."""
    config = IqlConfig(expectile=0.9, monte_carlo_weight=0.0)

    values = learn([RIGHT, LEFT], algorithm="iql", iql=config)

    optimum = -(1 - 0.8**4) / (1 - 0.8)
    first_cell = values[:, 0, 0].mean()
    assert exact[0, 0] + 0.15 < first_cell < optimum + 0.2


@pytest.mark.parametrize(
    "options", [{"expectile": 0.0}, {"expectile": 1.0}, {"monte_carlo_weight": 1.1}]
)
def test_options_out_of_range_are_refused(options):
    """The text names the option."""
    with pytest.raises(ConfigError, match=r"--iql\."):
        IqlConfig(**options)
