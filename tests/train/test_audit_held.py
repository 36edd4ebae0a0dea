"""Which episodes a critic may be judged on."""

from dataclasses import replace

import numpy as np
import pytest

from steer.critics.card import CriticCard, DatasetSummary
from steer.errors import DatasetError
from steer.train.audit_held import kept_back, kept_by_both
from steer.train.datasets import relabel


@pytest.fixture
def episodes(make_episodes):
    """Eight episodes, numbered by tens; every other one succeeds."""
    return make_episodes([4] * 8, [True, False] * 4)


@pytest.fixture
def make_card(episodes):
    """Make the card of a critic that was trained on some of the episodes."""

    def make(which, held_out=(), **training):
        chosen = episodes.select(np.asarray(which))
        data = DatasetSummary(fingerprint=chosen.fingerprint(), held_out=held_out)
        return CriticCard(
            algorithm="iql",
            embodiment=episodes.embodiment,
            horizon=2,
            dataset=data,
            training=training,
        )

    return make


def kept(card, episodes):
    """Return the dataset numbers that were kept back, and whether they are held out."""
    found = kept_back(card, episodes)
    return episodes.episode[found.mask].tolist(), found.is_held_out


def test_episodes_of_the_same_data_are_those_that_the_card_lists(make_card, episodes):
    """Whatever else was recorded beside what the critic sees."""
    card = make_card(range(8), held_out=(10, 70))
    more = {**episodes.observations, "observation.extra": np.zeros((32, 3), np.float32)}

    assert kept(card, episodes) == ([10, 70], True)
    assert kept(card, replace(episodes, observations=more)) == ([10, 70], True)


def test_a_critic_of_the_first_episodes_has_not_learnt_from_the_rest(make_card, episodes):
    """`--episodes 5`: one of the five was kept back, and the last three were never seen."""
    card = make_card(range(5), held_out=(20,), episodes=5)

    assert kept(card, episodes) == ([20, 50, 60, 70], True)


def test_a_critic_of_successes_has_not_learnt_from_failures(make_card, episodes):
    """`--episodes 6 --successes-only`."""
    card = make_card([0, 2, 4], held_out=(40,), episodes=6, successes_only=True)

    assert kept(card, episodes) == ([10, 30, 40, 50, 60, 70], True)


def test_a_critic_that_kept_nothing_back_is_judged_on_all_and_it_is_said(make_card, episodes):
    """It flatters the critic."""
    found = kept_back(make_card(range(8)), episodes)

    assert (found.mask.all(), found.is_held_out) == (True, False)
    assert found.remark == ("the critic was trained on all of these episodes; none are held out")


def test_all_of_other_data_are_held_out_and_it_is_said(make_card, episodes):
    """The same episodes with other outcomes are other data."""
    other = relabel(episodes, ~episodes.success)
    found = kept_back(make_card(range(8), held_out=(10,)), other)

    assert (found.mask.all(), found.is_held_out) == (True, True)
    assert found.remark.startswith("these are not the data that the critic was trained on")


def test_two_critics_are_judged_on_what_both_kept_back(make_card, episodes):
    """Where that differs, both counts are said; where it does not, nothing is."""
    whole = kept_back(make_card(range(8), held_out=(10, 70)), episodes)
    first = kept_back(make_card(range(5), held_out=(20,), episodes=5), episodes)

    mask, remark = kept_by_both((whole, first), ("a", "b"))
    same, nothing = kept_by_both((whole, whole), ("a", "b"))

    assert episodes.episode[mask].tolist() == [70]
    assert remark == "kept back: 2 by a, 4 by b; judged on the 1 that both kept back"
    assert (episodes.episode[same].tolist(), nothing) == ([10, 70], "")


def test_critics_that_kept_back_nothing_in_common_cannot_be_compared(make_card, episodes):
    """There is no episode that neither has learnt from."""
    found = [kept_back(make_card(range(8), held_out=(n,)), episodes) for n in (10, 20)]

    with pytest.raises(DatasetError, match="both kept back, got 1 by a, 1 by b"):
        kept_by_both(found, ("a", "b"))
