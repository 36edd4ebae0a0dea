"""Monitors, decision by decision: they read what is there, and nothing that is not raises."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.errors import InvalidInputError
from steer.loop.alarm import Threshold
from steer.loop.monitors import Monitors
from steer.loop.signals import departure, sample_variance, stac
from steer.loop.thresholds import MONITORS, Curve, Thresholds
from steer.types import Candidates, Decision, Provenance, Reason

N, HORIZON, COMMIT = 4, 6, 3
SCALE = (1.0, 2.0)
OTHERS = (Provenance.PERTURBATION, Provenance.FITTED, Provenance.CONTINUATION)


def draws(seed, number=N):
    return np.random.default_rng(seed).normal(size=(number, HORIZON, 2)).astype(np.float32)


def decision(seed=0, *, index=1, actions=None, kinds=(), **changes):
    actions = draws(seed) if actions is None else actions
    candidates = Candidates(actions, kinds)
    some = {
        "index": index,
        "chunk": actions[index],
        "commit_horizon": COMMIT,
        "reason": Reason.ADVANTAGE,
        "values": np.float32([np.arange(len(actions)), np.arange(len(actions)) + 2.0]),
        "provenance": candidates.provenance,
        "candidates": candidates,
    }
    return Decision(**{**some, **changes})


def led(found, rows):
    """Return a decision whose candidates all begin with the same rows."""
    before = np.ones((rows, 2), np.float32)
    actions = np.stack([np.concatenate([before, item]) for item in found.candidates.actions])
    return replace(found, chunk=actions[found.index], candidates=Candidates(actions))


def read(monitors, *decisions, epoch=1):
    """Return the readings of decisions, three actions apart."""
    return [
        monitors.update(item, consumed=COMMIT * number, epoch=epoch)
        for number, item in enumerate(decisions)
    ]


def test_a_decision_is_read_as_the_functions_say():
    """The rows that will run, and what overlaps with the decision before."""
    monitors = Monitors(SCALE)
    first, second = read(monitors, decision(1), decision(2))

    assert first.readings["stac"] is None
    assert first.readings["departure"] is None
    shift = {"shift": COMMIT, "scale_A": SCALE}
    assert second.readings == {
        "stac": stac(draws(1), draws(2), **shift),
        "departure": departure(draws(1)[1], draws(2), **shift),
        "sample_variance": sample_variance(draws(2)[:, :COMMIT], scale_A=SCALE),
        "ensemble_spread": pytest.approx(np.sqrt(2.0)),
        "value_progress": None,
    }
    assert second.signals.value == 2.5
    assert not monitors.counts
    assert second.alarm == ""


def test_only_the_policys_own_draws_are_read():
    """What was made from them, or what runs, is no draw; nor is its value the policy's."""
    actions = np.concatenate([draws(2), draws(7, 3) * 100])
    kinds = (Provenance.POLICY,) * N + OTHERS
    alone = read(Monitors(SCALE), decision(1), decision(2))[1]
    mixed = read(Monitors(SCALE), decision(1), decision(actions=actions, kinds=kinds))[1]

    assert mixed == alone


def test_rows_that_what_runs_has_filled_are_no_draws():
    """What is drawn begins behind them, and the next set overlaps with it from there on."""
    first, second = decision(1), decision(2)
    plain, monitors = Monitors(SCALE), Monitors(SCALE)

    plain.update(first, consumed=2, epoch=1)
    wanted = plain.update(second, consumed=5, epoch=1)
    monitors.update(led(first, 2), consumed=0, epoch=1, frozen=2)
    found = monitors.update(led(second, 3), consumed=2, epoch=1, frozen=3)

    assert found.readings == wanted.readings
    assert (found.signals.tick, wanted.signals.tick) == (2, 5)
    assert not monitors.counts


def test_a_decision_of_nothing_but_frozen_rows_is_not_read():
    """It is counted, and no error."""
    monitors = Monitors(SCALE)
    found = monitors.update(decision(1), consumed=0, epoch=1, frozen=HORIZON)

    assert found.readings["sample_variance"] is None
    assert monitors.counts["candidates"] == 1


def test_an_epoch_begins_with_nothing_before_it():
    """Neither draws nor alarms."""
    limits = {"sample_variance": Threshold(high=0.0, low=-1.0)}
    monitors = Monitors(SCALE, Thresholds(scale=SCALE, limits=limits))
    quiet = decision(actions=np.zeros((2, HORIZON, 2), np.float32))
    found = read(monitors, decision(1), quiet)
    begun = monitors.update(quiet, consumed=0, epoch=2)

    assert [item.alarm for item in found] == ["sample_variance", "sample_variance"]
    assert begun.alarm == ""
    assert begun.readings["stac"] is None
    assert not monitors.counts


def test_all_that_alarm_are_named():
    """In the order of the monitors."""
    limit = Threshold(high=-100.0, low=-100.0)
    limits = Thresholds(
        scale=SCALE, limits=dict.fromkeys(MONITORS, limit), expected=Curve((0,), (5.0,))
    )
    found = read(Monitors(SCALE, limits), decision(1), decision(2))

    assert found[0].alarm == "sample_variance, ensemble_spread, value_progress"
    assert found[1].alarms == MONITORS
    assert found[0].readings["value_progress"] == 2.5


def odd():
    """Return decisions that lack something, and what cannot be read then."""
    whole, one = decision(2), draws(2, 1)
    nothing = np.zeros((0, 0), np.float32)
    bad, same = np.full((2, N), np.nan, np.float32), np.ones((1, N), np.float32)
    other = np.zeros((N, HORIZON, 3), np.float32)
    return {
        "no candidates": (replace(whole, candidates=None), {"candidates"}),
        "one candidate": (decision(actions=one, index=0), {"stac", "departure", "sample_variance"}),
        "no values": (replace(whole, values=nothing), {"ensemble_spread", "value"}),
        "NaN": (replace(whole, values=bad), {"ensemble_spread", "value"}),
        "one critic": (replace(whole, values=same), {"ensemble_spread"}),
        "no such index": (replace(whole, index=99), {"ensemble_spread"}),
        "another body": (decision(actions=other), {"stac", "departure", "sample_variance"}),
    }


@pytest.mark.parametrize("name", odd())
def test_what_cannot_be_read_is_none_and_counted(name):
    """All else is read; nothing raises."""
    asked, lost = odd()[name]
    monitors = Monitors(SCALE)
    monitors.update(decision(1), consumed=0, epoch=1)
    found = monitors.update(asked, consumed=COMMIT, epoch=1)

    assert set(monitors.counts) == lost
    read_now = {key for key, value in found.readings.items() if value is not None}
    lost_all = {"stac", "departure", "sample_variance"} if "candidates" in lost else lost
    assert read_now == set(MONITORS) - lost_all - {"value_progress"}
    assert (found.signals.value is None) == ("value" in lost)


@pytest.mark.parametrize("consumed", [HORIZON, -1, 10**6])
def test_decisions_that_do_not_overlap_are_not_compared(consumed):
    """A robot that ran all of a chunk, or whose count went backwards."""
    monitors = Monitors(SCALE)
    monitors.update(decision(1), consumed=0, epoch=1)
    found = monitors.update(decision(2), consumed=consumed, epoch=1)

    assert found.readings["stac"] is None
    assert monitors.counts == {"stac": 1, "departure": 1}


def test_a_fault_of_every_decision_is_logged_ever_more_seldom(caplog):
    """At 1, 2, 4 and 8 of ten."""
    caplog.set_level(logging.WARNING, "steer.loop.monitors")
    monitors = Monitors(SCALE)
    for number in range(10):
        monitors.update(replace(decision(1), candidates=None), consumed=number, epoch=1)

    assert [record.args[-1] for record in caplog.records] == [1, 2, 4, 8]
    assert caplog.records[0].getMessage() == (
        "monitor candidates not read: candidates: expected a decision with all of them, got none"
        " (1 times)"
    )


WILD = st.floats(width=32)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),
            st.integers(-2, 9),
            st.integers(-3, 30),
            st.integers(1, 2),
            st.lists(WILD, min_size=4, max_size=4),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_whatever_comes_is_read_or_counted(events):
    """Wild values, indices and counts: no exception, no reading that is not finite."""
    limits = Thresholds(
        scale=SCALE,
        limits=dict.fromkeys(MONITORS, Threshold(high=0.5, low=0.1, in_a_row=2, cooldown_ticks=3)),
        expected=Curve((0, 9), (-3.0, 0.0)),
    )
    monitors = Monitors(SCALE, limits)
    for number, index, consumed, epoch, values, is_whole in events:
        asked = replace(
            decision(index=0, actions=draws(consumed + 3, number) * np.float32(1e38)),
            index=index,
            values=np.float32([values, values])[:, :number],
        )
        if not is_whole:
            asked = replace(asked, candidates=None)
        found = monitors.update(asked, consumed=consumed, epoch=epoch)

        assert all(item is None or np.isfinite(item) for item in found.readings.values())


def test_thresholds_of_another_scale_are_refused():
    """Their numbers would mean something else."""
    limits = Thresholds(scale=(1.0, 1.0), limits={})

    with pytest.raises(
        InvalidInputError, match=r"expected those of scale \[1.0, 1.0\], got \[1.0,"
    ):
        Monitors(SCALE, limits)
