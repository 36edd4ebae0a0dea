"""A margin whose overrides win as often as promised, whatever the critic is worth."""

import numpy as np
import pytest

from sim.stats.margin import CalibratedMargin, calibrate_margin
from steer.errors import InvalidInputError


def drawn(rng, count, win_rate):
    """Return advantages, wins and losses of overrides that all decide something."""
    advantage = rng.random(count)
    won = rng.random(count) < win_rate(advantage)
    return advantage, won, ~won


def test_overrides_that_always_win_need_no_margin():
    """The bound is that of forty of forty, at half the error for each of two sequences."""
    advantage = np.linspace(0.1, 4.0, 40)

    found = calibrate_margin(
        advantage, np.ones(40, bool), np.zeros(40, bool), level=0.95, target=0.6
    )

    assert (found.margin, found.won, found.lost, found.rate) == (0.0, 40, 0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 40))
    assert found.num_tried >= 2


def test_the_margin_keeps_out_what_loses():
    """Above it lie those that win; the next override below is a loser."""
    advantage = np.concatenate([np.linspace(2, 4, 60), np.linspace(0, 1, 200)])
    won = advantage >= 2

    found = calibrate_margin(advantage, won, ~won, level=0.95, target=0.8)

    assert 0.8 < found.margin < 2.5
    assert found.won >= 40
    assert found.low >= 0.8
    above = advantage > found.margin
    assert (won[above].sum(), (~won)[above].sum()) == (found.won, found.lost)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_overrides_promise_nothing(count):
    """However well they went."""
    won = np.ones(count, bool)

    assert calibrate_margin(np.ones(count), won, ~won, level=0.95, target=0.6) is None


def test_what_decides_nothing_and_what_no_gate_lets_through_do_not_count():
    """Both succeed, or neither; or candidate 0 is the best."""
    advantage, won = np.linspace(0.1, 4, 50), np.ones(50, bool)
    more = np.concatenate([advantage, np.full(90, 3.0), np.full(90, -1.0)])
    wins = np.concatenate([won, np.zeros(180, bool)])
    losses = np.concatenate([~won, np.zeros(90, bool), np.ones(90, bool)])

    alone = calibrate_margin(advantage, won, ~won, level=0.9, target=0.7)

    assert calibrate_margin(more, wins, losses, level=0.9, target=0.7) == alone
    assert isinstance(alone, CalibratedMargin)


def test_equal_advantages_are_let_through_together_or_not_at_all():
    """No margin lies between them."""
    advantage = np.repeat([3.0, 2.0, 1.0], 40)
    won = np.repeat([True, True, False], 40)

    found = calibrate_margin(advantage, won, ~won, level=0.95, target=0.6)

    assert (found.margin, found.won, found.lost) == (1.0, 80, 0)


@pytest.mark.parametrize(
    "win_rate",
    [lambda a: 0.6 + 0 * a, lambda a: 0.3 + 0.6 * a, lambda a: 0.9 - 0.6 * a],
    ids=["always the target", "better above", "worse above"],
)
def test_a_promise_is_broken_as_seldom_as_it_says(rng, win_rate):
    """In 400 runs of a true win rate known at every margin; 5% would be 20 of them."""
    target, broken = 0.6, 0
    for _ in range(400):
        found = calibrate_margin(*drawn(rng, 120, win_rate), level=0.95, target=target)
        if found is not None:
            true_rate = win_rate(np.linspace(found.margin, 1, 101)).mean()
            broken += true_rate <= target + 1e-9  # at the target is as hard as just below it

    assert broken <= 30  # 20 expected at most; 30 of 400 has a chance of 1% beyond that


def test_a_good_critic_is_found_out(rng):
    """Of 120 decided overrides that win in three of four, nearly always."""
    found = [
        calibrate_margin(*drawn(rng, 120, lambda a: 0.6 + 0.35 * a), level=0.95, target=0.6)
        for _ in range(50)
    ]

    assert sum(item is not None for item in found) >= 40


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"level": 1.0}, "level: expected in"),
        ({"target": 0.0}, "target: expected in"),
        ({"advantages": [1.0, np.nan]}, "advantages: expected finite, got NaN"),
        ({"wins": [True]}, r"expected one shape \[M\], got \[2\], \[1\] and \[2\]"),
        ({"losses": [True, True]}, "wins, losses: expected at most one of them, got both"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, text):
    """With the name of what is wrong."""
    options = {
        "advantages": [1.0, 2.0],
        "wins": [True, False],
        "losses": [False, True],
        "level": 0.95,
        "target": 0.5,
    }
    with pytest.raises(InvalidInputError, match=text):
        calibrate_margin(**{**options, **changes})
