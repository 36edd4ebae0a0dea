"""ALOE's mean over what the policy would do next."""

import torch

from steer.train.algorithms.aloe import above_mean


def test_draws_that_are_worse_than_their_mean_are_left_out():
    """By the members' mean, so that all leave out the same ones."""
    value_KBN = torch.tensor([[[0.0, 4.0, 8.0]], [[0.0, 8.0, 4.0]]])

    assert above_mean(value_KBN).tolist() == [[6.0], [6.0]]


def test_equal_draws_are_all_kept():
    """Rounding leaves none out, or all."""
    value_B = torch.linspace(-100, 0, 2000)
    for count in (3, 7, 8, 50):
        value_KBN = value_B[None, :, None].expand(2, -1, count)

        torch.testing.assert_close(above_mean(value_KBN), value_B.expand(2, -1))
