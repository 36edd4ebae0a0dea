"""Situations that are checked, and the sum of scores of any unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steer.errors import ConfigError, InvalidInputError
from steer.rank.scorers.base import combine, standardise

CHUNKS = np.zeros((4, 3, 4), np.float32)
SCORES = arrays(np.float32, st.integers(1, 9), elements=st.floats(-1e6, 1e6, width=32))


def says(*scores):
    """Return a scorer that always says this."""
    return lambda situation: np.array(scores, np.float32)


def fails(situation):
    """Break the way a scorer may."""
    raise InvalidInputError("situation.path: expected positions of shape [3, 3], got [2]")


def test_scores_of_any_unit_count_alike(situated):
    """Metres and discounted return are put on one scale before they are weighed."""
    scorers = {"metres": says(0.0, 0.001, 0.002, 0.003), "return": says(300.0, 200.0, 100.0, 0.0)}

    even = combine(situated(CHUNKS), {"metres": 1.0, "return": 1.0}, scorers=scorers)
    uneven = combine(situated(CHUNKS), {"metres": 1.0, "return": 3.0}, scorers=scorers)

    np.testing.assert_allclose(even.score_N, 0.0, atol=1e-6)
    assert uneven.score_N.argmax() == 0


def test_the_parts_add_up_to_the_score(situated):
    """What each scorer contributed is told, and so is what it said in its own units."""
    scorers = {"a": says(1, 2, 3, 4), "b": says(0, 0, 5, 0)}

    combined = combine(situated(CHUNKS), {"a": 0.5, "b": 2.0}, scorers=scorers)

    np.testing.assert_allclose(combined.parts["a"] + combined.parts["b"], combined.score_N)
    np.testing.assert_array_equal(combined.raw["b"], np.float32([0, 0, 5, 0]))
    assert combined.parts["b"].std() == pytest.approx(2.0)
    assert (combined.skipped, combined.num_faults) == ((), 0)


@given(SCORES)
def test_a_standardised_score_has_mean_0_and_deviation_1(scores):
    """Or is 0 everywhere, where all are equal but for rounding."""
    found = standardise(scores)

    assert found.mean() == pytest.approx(0.0, abs=1e-9)
    assert found.std() == pytest.approx(1.0, abs=1e-9) or not found.any()


@given(SCORES, st.floats(0.01, 100), st.floats(-100, 100))
def test_a_standardised_score_does_not_know_its_unit(scores, scale, shift):
    """Another unit or another zero changes nothing but the rounding."""
    moved = (scores.astype(np.float64) * scale + shift).astype(np.float32)
    is_resolved = np.ptp(scores) > 1e-2 * np.abs(scores).max() + 1.0

    if is_resolved:
        np.testing.assert_allclose(standardise(moved), standardise(scores), atol=1e-2)


@given(SCORES, st.randoms(use_true_random=False))
def test_scores_move_with_their_candidates(scores, random):
    """The order of the candidates changes no bit of the sum."""
    order = list(range(len(scores)))
    random.shuffle(order)

    np.testing.assert_array_equal(standardise(scores[order]), standardise(scores)[order])


def test_equal_scores_contribute_nothing(situated):
    """What tells no candidate from another, but for the last bit, is silent."""
    base = np.float32(-37.0)
    scorers = {"same": says(base, base, np.nextafter(base, np.float32(0)), base)}

    combined = combine(situated(CHUNKS), {"same": 1.0}, scorers=scorers)

    assert not combined.score_N.any()
    assert "same" in combined.parts


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (says(0, float("nan"), 0, 0), "got nan for candidate 1"),
        (says(0, 0, 0, float("inf")), "got inf for candidate 3"),
        (says(0, 1, 2), "got float32 of shape [3]"),
        (lambda situation: np.zeros((4, 1), np.float32), "got float32 of shape [4, 1]"),
        (lambda situation: np.zeros(4), "got float64 of shape [4]"),
        (lambda situation: [0.0, 1.0, 2.0, 3.0], "got list"),
        (fails, "situation.path: expected positions of shape [3, 3], got [2]"),
    ],
)
def test_a_scorer_that_fails_is_left_out_and_named(situated, broken, text):
    """The others decide as if it were not there."""
    scorers = {"good": says(1, 2, 3, 4), "broken": broken}

    combined = combine(situated(CHUNKS), {"good": 1.0, "broken": 9.0}, scorers=scorers)

    alone = combine(situated(CHUNKS), {"good": 1.0}, scorers=scorers)
    np.testing.assert_array_equal(combined.score_N, alone.score_N)
    assert combined.num_faults == 1
    assert combined.faults["broken"].endswith(text)
    assert set(combined.parts) == {"good"}


def test_a_scorer_without_what_it_needs_is_skipped_without_a_fault(situated):
    """None is an answer, not a failure."""
    combined = combine(situated(CHUNKS), {"mute": 1.0}, scorers={"mute": lambda situation: None})

    assert (combined.skipped, combined.num_faults) == (("mute",), 0)
    assert not combined.score_N.any()


def test_another_exception_is_a_defect_and_goes_up(situated):
    """A programming error is not hidden as a bad score."""

    def defect(situation):
        raise KeyError("typo")

    with pytest.raises(KeyError, match="typo"):
        combine(situated(CHUNKS), {"defect": 1.0}, scorers={"defect": defect})


def test_a_scorer_of_weight_0_does_not_run(situated):
    """Its cost is saved."""
    asked = []

    combined = combine(situated(CHUNKS), {"a": 0.0}, scorers={"a": asked.append, "b": asked.append})

    assert asked == []
    assert (combined.parts, combined.skipped, combined.num_faults) == ({}, (), 0)


def test_an_unknown_scorer_is_refused_with_the_known_ones(situated):
    """A typo in a weight does not silently switch a scorer off."""
    scorers = {"novelty": says(0), "continuity": says(0)}

    with pytest.raises(InvalidInputError) as caught:
        combine(situated(CHUNKS), {"noveltie": 1.0}, scorers=scorers)

    assert str(caught.value) == (
        "weights: expected scorers among 'continuity', 'novelty', got 'noveltie'"
    )


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), 1e7])
def test_a_weight_out_of_range_is_refused(situated, weight):
    """Higher is better for every scorer, so a negative weight is a mistake."""
    with pytest.raises(
        InvalidInputError, match=r"weights\['a'\]: expected a number in \[0, 1e\+06\]"
    ):
        combine(situated(CHUNKS), {"a": weight}, scorers={"a": says(0)})


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({"rest_RA": np.zeros((2, 3))}, r"rest_RA: expected shape \[R, 4\]"),
        ({"value_KN": np.zeros((2, 3))}, r"value_KN: expected shape \[K, 4\]"),
        ({"value_KNP": np.zeros((2, 4, 0))}, r"value_KNP: expected shape \[K, 4, P\]"),
        ({"points_M3": np.zeros((2, 2))}, r"points_M3: expected shape \[M, 3\]"),
        ({"log_likelihood_N": np.zeros(3)}, r"log_likelihood_N: expected shape \[4\]"),
    ],
)
def test_a_situation_of_other_shapes_is_refused(situated, known, text):
    """The text says what would fit these candidates."""
    with pytest.raises(InvalidInputError, match=text):
        situated(CHUNKS, **known)


def test_an_empty_scene_is_a_scene(situated):
    """No points and no actions left are allowed; no candidates are not."""
    situation = situated(CHUNKS, points_M3=np.zeros((0, 3)), rest_RA=np.zeros((0, 4)))

    assert len(situation) == 4
    with pytest.raises(InvalidInputError, match=r"chunks_NHA: expected shape \[N, H, 4\]"):
        situated(np.zeros((0, 3, 4)))


def test_an_option_out_of_range_is_a_config_error():
    """Each scorer checks its own options when it is made."""
    from steer.rank.scorers.continuity import Continuity
    from steer.rank.scorers.tournament import Tournament

    with pytest.raises(
        ConfigError, match=r"continuity.decay: expected a number in \(0, 1\], got 0"
    ):
        Continuity(decay=0.0)
    with pytest.raises(
        ConfigError, match=r"tournament.noise: expected a finite number >= 0, got -1"
    ):
        Tournament(noise=-1.0)
