"""Figures as words."""

import math

import pytest

from sim.report.words import count_of, p_value, rate, share, signed
from sim.stats import Estimate


def test_differences_have_signs_and_rates_have_none():
    """With their intervals."""
    figure = Estimate(0.4, 0.3, 0.5, 100)

    assert signed(figure) == "+0.40 [+0.30, +0.50]"
    assert signed(figure, 1) == "+0.4 [+0.3, +0.5]"
    assert rate(figure) == "0.40 [0.30, 0.50]"


def test_what_rounds_to_zero_has_no_minus():
    """-0.00 looks like a loss."""
    assert signed(Estimate(-0.001, -0.1, -0.0, 9)) == "+0.00 [-0.10, +0.00]"


def test_what_is_not_there_is_a_dash_and_no_interval_is_said():
    """Of one task there is no interval for others."""
    assert signed(None) == rate(None) == "\u2013"
    assert signed(Estimate(0.4, -math.inf, math.inf, 1)) == "+0.40 [no interval]"


@pytest.mark.parametrize(
    ("value", "words"), [(3e-7, "< 0.0001"), (0.0312, "0.031"), (1.0, "1"), (0.00044, "0.00044")]
)
def test_p_values_have_two_digits_that_matter(value, words):
    """And none that do not."""
    assert p_value(value) == words


def test_counts_and_shares():
    """In plain English."""
    assert [count_of(n, "cell") for n in (0, 1, 2)] == ["no cells", "1 cell", "2 cells"]
    assert share(0.205) == "20%"
