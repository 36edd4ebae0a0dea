"""The choice of a candidate: the gate first, then one of six selectors."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steer.embodiment import ActionDim, Embodiment
from steer.rank.select import Choice, Rule, decide, selector_seed
from steer.types import Reason

ROBOT = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=(ActionDim(name="x", low=-1, high=1), ActionDim(name="y", low=-10, high=10)),
    observations=(),
)
SELECTORS = ("argmax", "softmax", "implicit", "medoid", "random", "worst")


def rule(selector="argmax", **changes):
    given = {"gated": True, "margin": 0.5, "beta": 1.0, "temperature": 1.0, "tau": 0.7}
    return Rule(selector=selector, commit_horizon=1, **{**given, **changes})


def choose(scores, *, mask=None, chunks=None, seed=0, **changes):
    scores = np.asarray(scores, np.float32)
    mask = np.ones(len(scores), bool) if mask is None else np.asarray(mask, bool)
    if chunks is None:
        chunks = np.random.default_rng(1).normal(size=(len(scores), 3, 2)).astype(np.float32)
    return decide(scores, mask, chunks, rule=rule(**changes), embodiment=ROBOT, seed=seed)


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("gated", [True, False])
def test_one_candidate_is_the_policy_s_own(selector, gated):
    """N = 1 leaves nothing to choose."""
    choice = choose([0.0], selector=selector, gated=gated)

    assert choice == Choice(0, Reason.SINGLE, overrode=False)


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_gate_holds_whatever_the_selector_is(selector):
    """Where nothing beats the margin, candidate 0 runs."""
    choice = choose([0.0, 0.5, -3.0], selector=selector)

    assert choice == Choice(0, Reason.MARGIN, overrode=False)


@pytest.mark.parametrize("selector", SELECTORS)
@given(
    scores=arrays(np.float32, st.integers(2, 9), elements=st.floats(-5, 5, width=32)),
    seed=st.integers(0, 2**64 - 1),
)
def test_a_gated_override_always_beats_the_margin(selector, scores, seed):
    """The never-worse promise, for every selector and every draw."""
    scores[0] = 0

    choice = choose(scores, selector=selector, seed=seed)

    assert choice.overrode == (choice.index != 0) == (choice.reason is Reason.ADVANTAGE)
    assert choice.index == 0 or scores[choice.index] > 0.5


def test_argmax_takes_the_highest_and_worst_the_lowest():
    """`worst` is a control: among all that may run, candidate 0 included."""
    scores = [0.0, 3.0, -2.0, 1.0]

    best, worst = choose(scores), choose(scores, selector="worst", gated=False)

    assert best == Choice(1, Reason.ADVANTAGE, overrode=True)
    assert worst == Choice(2, Reason.UNGATED, overrode=True)


def test_an_infeasible_winner_leaves_candidate_0():
    """The reason says that the limits stood in the way."""
    choice = choose([0.0, 3.0], mask=[True, False])

    assert choice == Choice(0, Reason.INFEASIBLE, overrode=False)


def test_candidate_0_may_run_even_outside_of_the_limits():
    """The policy's own chunk is never refused: without steering it would run too."""
    choice = choose([0.0, 3.0], mask=[False, False], gated=False)

    assert choice == Choice(0, Reason.UNGATED, overrode=False)


def test_a_score_that_is_not_finite_leaves_candidate_0():
    """A broken critic decides nothing."""
    choice = choose([0.0, float("nan"), 3.0])

    assert choice == Choice(0, Reason.CRITIC, overrode=False)


@given(st.permutations([1, 2, 3, 4, 5]))
def test_argmax_does_not_depend_on_the_order_of_the_others(order):
    """Candidates 1 and up may come in any order."""
    scores = np.float32([0.0, 1.0, 4.0, 2.0, 3.0, -1.0])
    moved = scores[[0, *order]]

    choice = choose(moved)

    assert moved[choice.index] == 4.0


@pytest.mark.parametrize("selector", ["softmax", "implicit", "random"])
def test_a_draw_depends_on_its_seed_alone(selector):
    """The same request is decided equally, whatever was drawn before."""
    scores = np.linspace(0, 1, 20)

    first = [choose(scores, selector=selector, gated=False, seed=s).index for s in range(30)]
    np.random.default_rng(0).random(100)
    again = [choose(scores, selector=selector, gated=False, seed=s).index for s in range(30)]

    assert first == again
    assert len(set(first)) > 3


def test_random_is_uniform_over_what_may_run():
    """Candidate 0 takes part; infeasible ones do not."""
    counts = Counter(
        choose([0, 1, 2, 3], mask=[1, 1, 0, 1], selector="random", gated=False, seed=s).index
        for s in range(600)
    )

    assert set(counts) == {0, 1, 3}
    assert all(150 < count < 250 for count in counts.values())


def test_softmax_draws_in_proportion():
    """With temperature ln-odds 1/ln 3, one unit of advantage is three times as likely."""
    counts = Counter(
        choose([0, 1], selector="softmax", gated=False, temperature=1 / np.log(3), seed=s).index
        for s in range(800)
    )

    assert counts[1] / 800 == pytest.approx(0.75, abs=0.05)


def test_a_tiny_temperature_is_the_argmax():
    """No overflow on the way there."""
    assert choose([0, 1, 3, 2], selector="softmax", temperature=1e-300).index == 2


def test_implicit_weighs_by_the_sign_of_the_advantage():
    """tau for those above the policy's own chunk, 1 - tau for the others."""
    counts = Counter(
        choose([0, 5], selector="implicit", gated=False, tau=0.9, seed=s).index for s in range(800)
    )

    assert counts[1] / 800 == pytest.approx(0.9, abs=0.04)


def test_the_medoid_is_the_nearest_to_all_in_parts_of_the_range():
    """Ten units of y, of range 20, weigh as much as one of x, of range 2."""
    points = np.float32([[[1, 0]], [[0, 1]], [[0, 10]], [[-1, 0]]])

    choice = choose(np.zeros(4), chunks=points, selector="medoid", gated=False)

    assert choice == Choice(1, Reason.UNGATED, overrode=True)


def test_only_the_scores_of_rules_that_need_a_critic_matter():
    """The medoid and the random draw know no critic, unless a gate stands before them."""
    needs = {name: rule(name, gated=False).needs_critic for name in SELECTORS}

    assert [name for name, is_needed in needs.items() if not is_needed] == ["medoid", "random"]
    assert rule("medoid").needs_critic


def test_the_selector_s_seed_depends_on_critic_and_request():
    """Another critic or another seed draws otherwise; the value is fixed for ever."""
    seeds = {selector_seed("sha256:a", 1), selector_seed("sha256:b", 1), selector_seed("a", 2)}

    assert len(seeds) == 3
    assert selector_seed("sha256:a", 1) == 3246756791385955712
