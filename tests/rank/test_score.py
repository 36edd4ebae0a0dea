"""The soft minimum over members, and the paired advantage over candidate 0."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from steer.errors import ConfigError
from steer.rank.score import advantage, soft_minimum

VALUES = arrays(
    np.float32,
    array_shapes(min_dims=3, max_dims=3, max_side=5),
    elements=st.floats(-50, 0, width=32),
)
BETAS = st.floats(1e-6, 1e6)


def tensor(values):
    return torch.tensor(values, dtype=torch.float32)


@given(VALUES, BETAS)
def test_the_soft_minimum_lies_between_minimum_and_mean(values, beta):
    """One knob goes from the worst member to the average of all."""
    x_KBN = torch.from_numpy(values)

    found = soft_minimum(x_KBN, beta=beta)

    assert bool((found >= x_KBN.amin(0) - 1e-4).all())
    assert bool((found <= x_KBN.mean(0) + 1e-4).all())


@given(VALUES)
def test_a_small_beta_is_the_minimum_and_a_large_one_the_mean(values):
    """The limits of beta are reached without loss of precision."""
    x_KBN = torch.from_numpy(values)

    least, mean = soft_minimum(x_KBN, beta=1e-30), soft_minimum(x_KBN, beta=1e9)

    assert torch.allclose(least, x_KBN.amin(0), rtol=0, atol=1e-28)
    assert torch.allclose(mean, x_KBN.double().mean(0).float(), atol=1e-4)


@given(VALUES, BETAS)
def test_more_beta_is_never_more_pessimistic(values, beta):
    """The soft minimum rises with beta."""
    x_KBN = torch.from_numpy(values)

    low, high = soft_minimum(x_KBN, beta=beta), soft_minimum(x_KBN, beta=2 * beta)

    assert bool((low <= high + 1e-4).all())


def test_one_member_gives_its_own_value():
    """K = 1 has nothing to be soft about."""
    x_KBN = tensor([[[-3.0, -1.5]]])

    assert torch.equal(soft_minimum(x_KBN, beta=0.7), x_KBN[0])


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan"), float("inf")])
def test_a_beta_that_is_not_positive_is_refused(beta):
    """The text says what was expected and what came."""
    with pytest.raises(ConfigError, match=f"beta: expected a finite number > 0, got {beta}"):
        soft_minimum(torch.zeros(1, 1, 1), beta=beta)


@given(VALUES, BETAS)
def test_the_own_candidate_has_exactly_no_advantage(values, beta):
    """Score 0 is 0 bit for bit, whatever the values are."""
    score_BN = advantage(torch.from_numpy(values), beta=beta)

    assert not score_BN[:, 0].any()


@given(VALUES, st.randoms(use_true_random=False))
def test_scores_move_with_their_candidates(values, random):
    """Scores do not depend on the order of candidates 1 and up."""
    x_KBN = torch.from_numpy(values)
    order = list(range(1, values.shape[2]))
    random.shuffle(order)
    order = [0, *order]

    moved = advantage(x_KBN[:, :, order], beta=1.0)

    assert torch.equal(moved, advantage(x_KBN, beta=1.0)[:, order])


@given(VALUES)
def test_copies_of_candidate_0_change_no_score(values):
    """Padding a group with candidate 0 leaves the others as they are, and scores 0 itself."""
    x_KBN = torch.from_numpy(values)
    padded = torch.cat([x_KBN, x_KBN[:, :, :1], x_KBN[:, :, :1]], dim=2)

    scores = advantage(padded, beta=1.0)

    assert torch.equal(scores[:, :-2], advantage(x_KBN, beta=1.0))
    assert not scores[:, -2:].any()


def test_the_advantage_is_paired_per_member():
    """What one member holds of all candidates of a state cancels out."""
    value_KBN = tensor([[[-10.0, -9.0]], [[-2.0, -1.0]]])

    score_BN = advantage(value_KBN, beta=1e-6)

    assert torch.allclose(score_BN, tensor([[0.0, 1.0]]))


@pytest.mark.parametrize("bad", [float("nan"), -float("inf")])
def test_a_value_that_is_not_a_number_is_not_swallowed(bad):
    """Whoever decides can see that a member failed."""
    value_KBN = tensor([[[0.0, bad, 1.0]], [[0.0, 1.0, 1.0]]])

    score_BN = advantage(value_KBN, beta=1.0)

    assert score_BN.isfinite().tolist() == [[True, False, True]]
