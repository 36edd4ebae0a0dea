"""Holm's correction, against its definition and against laws."""

import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stats import holm
from steer.errors import InvalidInputError

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6)


def by_closed_testing(p_values):
    """Adjust by testing every intersection of hypotheses with Bonferroni: what Holm shortens."""
    names = range(len(p_values))
    families = [f for k in range(1, len(p_values) + 1) for f in combinations(names, k)]
    worst = {f: min(1.0, len(f) * min(p_values[i] for i in f)) for f in families}
    return [max(p for f, p in worst.items() if i in f) for i in names]


def test_holm_gives_textbook_values():
    """The smallest of four is multiplied by four, the next by three, and none falls below it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(P_VALUES)
def test_holm_is_the_closure_of_bonferroni(p_values):
    """By brute force over all intersections."""
    assert holm(p_values) == pytest.approx(by_closed_testing(p_values))


@given(P_VALUES)
def test_a_correction_never_lowers_a_p_value(p_values):
    """It lies between the raw one and Bonferroni's."""
    adjusted = holm(p_values)

    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(np.array(p_values) * len(p_values), 1.0) + 1e-12).all()


@given(P_VALUES, st.randoms())
def test_the_order_of_the_cells_does_not_matter(p_values, random):
    """Each cell keeps its own adjusted p-value wherever it stands."""
    order = random.sample(range(len(p_values)), len(p_values))

    assert holm(np.array(p_values)[order]) == pytest.approx(holm(p_values)[order])


def test_families_are_corrected_apart():
    """The last axis is a family."""
    found = holm([[0.01, 0.02], [0.5, 0.2]])

    assert found == pytest.approx(np.array([[0.02, 0.02], [0.5, 0.4]]))


def test_a_family_of_none_has_none():
    """A report of no cells is a report."""
    assert holm([]).shape == (0,)


@pytest.mark.parametrize(
    ("p_values", "text"),
    [
        ([0.1, 1.5], "p_values: expected each in [0, 1], got [0.1 1.5]"),
        ([np.nan], "p_values: expected each in [0, 1], got [nan]"),
        (0.1, "p_values: expected shape [..., M], got shape ()"),
    ],
)
def test_what_is_no_family_of_p_values_is_refused(p_values, text):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        holm(p_values)
