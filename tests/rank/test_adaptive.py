"""Adaptive N: more candidates while it is not clear which is best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steer.errors import ConfigError
from steer.rank.adaptive import AdaptiveN

RULE = AdaptiveN(start=4, maximum=32, noise_factor=2.0)
VALUES = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 16)),
    elements=st.floats(-50, 0, width=32),
)


def asks(value_KN, rule=RULE, **known):
    """Return how many more are wanted for these values."""
    value_KN = np.asarray(value_KN, np.float32)
    return rule.needs_more(value_KN, value_KN.shape[1], **known)


def test_the_first_candidates_are_the_start():
    """Nothing is scored yet; and what is missing of the start is drawn."""
    assert asks(np.zeros((3, 0))) == 4
    assert asks(np.zeros((3, 1))) == 3


def test_a_best_that_all_members_see_needs_no_more():
    """Each says that candidate 2 is better by about 3."""
    assert asks([[-9, -9, -6, -8], [-8, -9, -5.1, -9], [-7, -9, -4, -7]]) == 0


def test_a_best_that_the_members_do_not_agree_on_needs_more():
    """One is for it, one against: the number is doubled."""
    assert asks([[-9, -9, -6, -8], [-8, -9, -9, -9], [-7, -9, -7.5, -7]]) == 4


def test_what_members_hold_of_the_whole_state_is_no_noise():
    """They differ by 100 on the state, and agree on the candidates."""
    assert asks([[-109, -108, -106, -108], [-9, -8, -6, -8], [-59, -58, -56, -58]]) == 0


def test_a_policy_s_own_chunk_that_is_surely_best_needs_no_more():
    """Even the best of the others is worse, and all members see it."""
    assert asks([[-1, -4, -5, -5], [-2, -5.1, -6, -6], [-3, -6, -7, -7]]) == 0


def test_candidates_that_are_all_the_same_are_never_clear():
    """More draws may differ; the maximum ends it."""
    assert asks(np.zeros((3, 8))) == 8
    assert asks(np.zeros((3, 32))) == 0


def test_the_last_doubling_stops_at_the_maximum():
    """24 and 24 would be 48."""
    assert asks(np.zeros((3, 24))) == 8
    assert asks(np.zeros((3, 40))) == 0


def test_one_member_shows_no_noise_and_gets_the_maximum():
    """Without a second opinion nothing is clear."""
    assert asks([[-9, -1, -9, -9]]) == 4


def test_a_larger_factor_is_harder_to_convince():
    """The advantage is 2 with a standard error of 0.58: clear for 3, not for 4."""
    value_KN = [[-9, -8, -9, -9], [-9, -7, -9, -9], [-9, -6, -9, -9]]  # 1, 2 and 3 ahead

    assert asks(value_KN, AdaptiveN(noise_factor=3.0)) == 0
    assert asks(value_KN, AdaptiveN(noise_factor=4.0)) == 4


def test_a_lucky_agreement_on_one_candidate_is_not_believed():
    """On the others the three members are 4 apart; that they agree on candidate 1 is chance."""
    calm = [[-9, -8, -9.1, -9.2], [-9, -8, -9.0, -9.1], [-9, -8, -9.2, -9.0]]
    wild = [[-9, -8, -13, -9], [-9, -8, -9, -13], [-9, -8, -17, -17]]

    assert asks(calm) == 0
    assert asks(wild) == 4


def test_a_best_that_the_robot_cannot_run_does_not_count():
    """Candidate 1 is clear but not feasible; of the rest none is."""
    value_KN = [[-9, -1, -8, -9], [-9, -1, -10, -9], [-9, -1, -9, -9]]

    assert asks(value_KN) == 0
    assert asks(value_KN, feasible_N=np.array([True, False, True, True])) == 4
    assert asks(value_KN, feasible_N=np.array([False, False, False, False])) == 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_broken_critic_gets_no_more(bad):
    """What it says of more candidates would decide nothing either."""
    assert asks([[0, bad, 0, 0], [0, 0, 0, 0]]) == 0


def test_candidates_that_are_not_scored_yet_are_not_drawn_again():
    """The budget counts what is there; the decision is on what is scored."""
    assert RULE.needs_more(np.zeros((3, 4), np.float32), 8) == 8


@given(VALUES)
def test_the_number_never_exceeds_the_maximum_and_always_ends(value_KN):
    """At most a few doublings lead from the start to the maximum."""
    more = asks(value_KN)

    assert more >= 0
    assert value_KN.shape[1] + more <= RULE.maximum
    assert more == 0 or value_KN.shape[1] + more in (4, min(2 * value_KN.shape[1], 32))


@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_the_others_does_not_matter(value_KN, random):
    """Candidates 1 and up may come in any order, and members too."""
    order = list(range(1, value_KN.shape[1]))
    random.shuffle(order)

    distinct = value_KN + np.arange(value_KN.shape[1], dtype=np.float32)  # no two equal the best

    assert asks(distinct[:, [0, *order]]) == asks(distinct)


def test_in_an_easy_state_few_are_drawn_and_in_a_hard_one_many(rng):
    """Three members with a noise of 0.5: a lead of 5 ends at once, a lead of 0 hardly ever."""

    def ends_at(lead):
        count = 4
        value_KN = rng.normal(scale=0.5, size=(3, 32)).astype(np.float32)
        value_KN[:, 1] += lead
        while more := RULE.needs_more(value_KN[:, :count], count):
            count += more
        return count

    easy = np.mean([ends_at(5.0) for _ in range(200)])
    hard = np.mean([ends_at(0.0) for _ in range(200)])

    assert easy < 6
    assert hard > 10


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"start": 0}, "adaptive: expected 1 <= start <= maximum, got 0 and 32"),
        ({"start": 8, "maximum": 4}, "adaptive: expected 1 <= start <= maximum, got 8 and 4"),
        ({"noise_factor": 0.0}, "adaptive.noise_factor: expected a finite number > 0, got 0.0"),
    ],
)
def test_options_out_of_range_are_refused(options, text):
    """They are checked when they are made."""
    with pytest.raises(ConfigError, match=text):
        AdaptiveN(**options)
