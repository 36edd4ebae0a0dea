"""What a label says of itself."""

import numpy as np

from steer.train.audit_metrics import Figure
from steer.train.labelling.label import Label, auc_at_end, order_in_time, outcomes_of


def test_it_is_printed_with_its_intervals():
    """Counts as they are, shares and figures with three digits."""
    share = Figure(0.5, 0.25, 0.75, 8)
    label = Label(kind="success", source="a rule", numbers={"frames": 12, "mean": 0.5, "of": share})

    assert str(label).splitlines() == [
        "success: a rule",
        "  frames                          12",
        "  mean                         0.500",
        "  of                           0.500   [0.250, 0.750] over 8 episodes",
    ]
    assert label.to_tree()["numbers"]["of"] == {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}


def test_outcomes_are_those_just_labelled_or_those_recorded(episodes, open_data):
    """Or nobody said."""
    given = np.arange(24) == 8

    assert outcomes_of(open_data(episodes)).tolist() == [True, False, True, False]
    assert outcomes_of(open_data(episodes, name="b"), given).tolist() == [False, True, False, False]
    assert outcomes_of(open_data(episodes, name="c", drop=("next.success",))) is None


def test_rising_values_are_in_order(episodes, open_data):
    """Of the episodes that succeeded; of all where none did."""
    recording = open_data(episodes)
    values = np.r_[np.arange(6), -np.arange(6), np.arange(6), -np.arange(6)].astype(float)
    none = np.zeros(4, np.bool_)

    good = order_in_time(values, recording, np.array([True, False, True, False]))

    assert good["order_in_successes"].value == 1.0
    assert order_in_time(values, recording, none)["order_in_all"].value == 0.0
    assert order_in_time(values, recording, None)["order_in_all"].n == 4


def test_the_end_tells_outcomes_where_both_are(episodes, open_data):
    """With successes alone there is nothing to tell."""
    recording = open_data(episodes)
    values = np.repeat([1.0, 0.0, 1.0, 0.0], 6)
    success = np.array([True, False, True, False])

    assert auc_at_end(values, recording, success)["success_ends_higher"].value == 1.0
    assert auc_at_end(values, recording, np.ones(4, np.bool_)) == {}
