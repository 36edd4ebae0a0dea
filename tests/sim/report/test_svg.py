"""Scales and marks of the plots."""

import math

import pytest

from sim.report.svg import Scale, diamond, nice_range, text


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([], (-0.1, 0.1)),
        ([0.03, 0.47], (0.0, 0.5)),
        ([-0.31, 0.2, math.inf], (-0.4, 0.2)),
        ([12.0, 55.0], (0.0, 60.0)),
    ],
)
def test_ends_of_an_axis_are_round_and_hold_zero(values, ends):
    """What is not finite is left out."""
    assert nice_range(values) == pytest.approx(ends)


def test_what_lies_outside_is_drawn_at_the_end():
    """An interval without ends runs to the edge."""
    scale = Scale(-1.0, 1.0, 100.0, 300.0)

    assert [scale(value) for value in (-math.inf, -1.0, 0.0, 0.5, 9.0)] == [100, 100, 200, 250, 300]


@pytest.mark.parametrize("ends", [(-1.0, 1.0), (0.0, 0.5), (-0.35, 0.2), (0.0, 60.0)])
def test_ticks_are_few_round_and_inside(ends):
    """Zero is one of them where it is inside."""
    ticks = Scale(*ends, 0.0, 1.0).ticks()

    assert 4 <= len(ticks) <= 12
    assert 0.0 in ticks
    assert ends[0] <= min(ticks) <= max(ticks) <= ends[1]


def test_a_diamond_without_width_is_still_seen():
    """All seeds gave the same."""
    assert "7.0,5.0 10.0,-2.0 13.0,5.0" in diamond(10, 10, 10, 5, "mean")


def test_words_are_escaped():
    """Names of tasks are anybody's."""
    assert ">a&lt;b</text>" in text(1, 2, "a<b", "label")
