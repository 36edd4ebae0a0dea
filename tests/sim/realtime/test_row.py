"""Rows of the bench: what was played comes back as it was, and nothing else is taken."""

import json

import pytest

from sim.realtime.row import SIGNALS, Row, numbers_of
from steer.errors import InvalidInputError
from steer.loop.thresholds import Signals

READ = [
    Signals(tick=0, value=-3.25, sample_variance=1 / 3, ensemble_spread=0.5),
    Signals(tick=8, value=None, stac=0.25, departure=1.5, sample_variance=2.0),
]


@pytest.fixture
def row(make_bench_row):
    return make_bench_row(signals=[numbers_of(item) for item in READ])


def test_a_row_comes_out_of_its_line_as_it_went_in(row):
    """What could not be read stays None."""
    assert Row.from_line(row.to_line()) == row


def test_what_was_read_comes_back_decision_by_decision(row):
    """To six digits."""
    first, second = Row.from_line(row.to_line()).read()

    assert first == Signals(tick=0, value=-3.25, sample_variance=0.333333, ensemble_spread=0.5)
    assert second == READ[1]
    assert row.signals[1] == [8, None, 0.25, 1.5, 2.0, None]
    assert len(SIGNALS) == 6


def broken(tree):
    """Return lines that are none, by what is wrong."""
    return {
        "no JSON": "{",
        "a list": "[]",
        "a field less": json.dumps({k: v for k, v in tree.items() if k != "unread"}),
        "a field more": json.dumps({**tree, "more": 1}),
        "a number less": json.dumps({**tree, "signals": [[0, 1.0]]}),
        "no tick": json.dumps({**tree, "signals": [[None] * 6]}),
    }


@pytest.mark.parametrize("name", broken({}))
def test_a_line_of_something_else_is_refused(name, row):
    """With what it should have."""
    with pytest.raises(InvalidInputError, match="row"):
        Row.from_line(broken(json.loads(row.to_line()))[name])
