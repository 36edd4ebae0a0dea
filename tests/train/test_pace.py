"""How long a run takes is said once and soon; threads are chosen by what was measured."""

import logging

import pytest
import torch

from steer.clock import FakeClock
from steer.train import pace
from steer.train.pace import Pace, fastest_threads
from steer.train.run import train


def lines_of(step_s, num_steps, caplog):
    """What is logged of a run whose every step takes so long, and when: number of steps, text."""
    clock, found = FakeClock(), []
    with caplog.at_level(logging.INFO, logger="steer.train.pace"):
        told = Pace(num_steps, clock.now_s)
        for step in range(num_steps):
            clock.advance(step_s)
            told.did_step()
            found += [(step + 1, record.getMessage()) for record in caplog.records]
            caplog.clear()
    return found


@pytest.mark.parametrize(
    ("step_s", "num_steps", "expected"),
    [
        (0.0225, 8_000, [(51, "about 3 min for 8,000 steps")]),
        (1.0, 8_000, [(9, "about 2.2 h for 8,000 steps")]),
        (0.01, 1_000, [(51, "about 10 s for 1,000 steps")]),
        (0.01, 40, []),
    ],
)
def test_the_estimate_comes_once_within_ten_seconds(step_s, num_steps, expected, caplog):
    """After 50 measured steps, or 8 s where they are slow; never of a run that is over by then."""
    assert lines_of(step_s, num_steps, caplog) == expected


@pytest.mark.parametrize(("gain", "expected"), [(0.5, 2), (1.0, 1), (3.0, 1)])
def test_the_threads_that_were_faster_are_kept(gain, expected, monkeypatch, caplog):
    """Two threads where a step takes half as long with them; one where they gain nothing."""
    monkeypatch.setattr(pace, "_num_cores", lambda: 2)
    clock, before = FakeClock(), torch.get_num_threads()

    def step(number):
        clock.advance(0.1 * (gain if torch.get_num_threads() == 2 else 1.0))

    try:
        with caplog.at_level(logging.INFO):
            found = fastest_threads(step, now_s=clock.now_s)
        left = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)

    assert found == left == expected
    text = f"threads={expected}: a step takes 0.1000 s with 1, {0.1 * gain:.4f} s with 2"
    assert text in caplog.text


def test_one_core_is_not_measured(monkeypatch):
    """There is nothing to choose."""
    monkeypatch.setattr(pace, "_num_cores", lambda: 1)
    before, steps = torch.get_num_threads(), []

    try:
        found = fastest_threads(steps.append, now_s=FakeClock().now_s)
    finally:
        torch.set_num_threads(before)

    assert (found, steps) == (1, [])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_measuring_threads_changes_nothing_of_what_is_learnt(
    make_episodes, write_dataset, small_config, monkeypatch, tmp_path
):
    """Where one thread is the faster, the critic is the one of a run with one thread."""
    monkeypatch.setattr("steer.train.fit.fastest_threads", lambda step, now_s: step(0))
    root = write_dataset(make_episodes([8] * 4, [True, False] * 2))
    before = torch.get_num_threads()

    with torch.random.fork_rng():
        cards = [
            train(small_config(dataset=(str(root),), output=tmp_path / str(count), threads=count))
            for count in (0, 1)
        ]
    torch.set_num_threads(before)

    assert cards[0].training["last"] == cards[1].training["last"] != {}
