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

    def make(which):
        learnt = episodes.select(list(which)).digests()
        data = DatasetSummary(learnt=tuple(sorted(learnt)))
        body = episodes.embodiment
        return CriticCard(algorithm="iql", embodiment=body, horizon=2, dataset=data)

    return make


def kept(card, episodes):
    """Return the dataset numbers that were kept back, and whether they are held out."""
    found = kept_back(card, episodes)
    return episodes.episode[found.mask].tolist(), found.is_held_out


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda data: data, id="the same"),
        pytest.param(lambda data: data.select([7, 6, 5, 4, 3, 2, 1, 0]), id="in another order"),
        pytest.param(lambda data: relabel(data, ~data.success), id="with other outcomes"),
        pytest.param(
            lambda data: replace(
                data, observations={"observation.extra": np.zeros((32, 3), np.float32)}
            ),
            id="with other observations",
        ),
    ],
)
def test_what_was_learnt_from_is_known_again(make_card, episodes, changed):
    """Whatever was done to the data since."""
    numbers, is_held_out = kept(make_card([0, 2, 3, 4, 5, 6]), changed(episodes))

    assert (sorted(numbers), is_held_out) == ([10, 70], True)


def test_a_part_of_what_was_learnt_from_is_not_held_out(make_card, episodes):
    """Learnt from all but the last: the first three alone prove nothing."""
    found = kept_back(make_card(range(7)), episodes.select([0, 1, 2]))

    assert (found.mask.all(), found.is_held_out) == (True, False)
    assert found.remark == "the critic was trained on all of these episodes; none are held out"


def test_all_of_other_data_are_held_out(make_card, make_episodes, episodes):
    """The critic has never seen them."""
    other = make_episodes([5, 6], [True, False])

    assert kept(make_card(range(8)), other) == ([0, 10], True)


def test_a_card_that_does_not_say_what_was_learnt_from_is_not_trusted(make_card, episodes):
    """As those of critics that were trained before it was written down."""
    found = kept_back(make_card([]), episodes)

    assert (found.mask.all(), found.is_held_out) == (True, False)
    assert found.remark.endswith("train it anew")


def test_two_critics_are_judged_on_what_both_kept_back(make_card, episodes):
    """Where that differs, both counts are said; where it does not, nothing is."""
    whole = kept_back(make_card([0, 2, 3, 4, 5, 6]), episodes)
    first = kept_back(make_card([0, 1, 3, 4]), episodes)

    mask, remark = kept_by_both((whole, first), ("a", "b"))
    same, nothing = kept_by_both((whole, whole), ("a", "b"))

    assert episodes.episode[mask].tolist() == [70]
    assert remark == "kept back: 2 by a, 4 by b; judged on the 1 that both kept back"
    assert (episodes.episode[same].tolist(), nothing) == ([10, 70], "")


def test_critics_that_kept_back_nothing_in_common_cannot_be_compared(make_card, episodes):
    """There is no episode that neither has learnt from."""
    everything = set(range(8))
    found = [kept_back(make_card(sorted(everything - {n})), episodes) for n in (1, 2)]

    with pytest.raises(DatasetError, match="both kept back, got 1 by a, 1 by b"):
        kept_by_both(found, ("a", "b"))
