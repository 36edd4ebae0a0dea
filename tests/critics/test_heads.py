"""The HL-Gauss head: targets whose mean is the target."""

import pytest
import torch

from steer.critics.card import HeadConfig
from steer.critics.heads import HlGaussHead


@pytest.fixture
def head():
    return HlGaussHead(HeadConfig())


def test_mean_of_target_is_target(head):
    """The mean of the target distribution is the target, up to and at both ends."""
    value = torch.linspace(-50, 0, 2001)

    mean = head.target(value) @ head.centre_N

    torch.testing.assert_close(mean, value, atol=1e-4, rtol=0)


def test_target_is_a_distribution(head):
    """A target has no negative mass and sums to one."""
    mass = head.target(torch.linspace(-50, 0, 101))

    assert mass.min() >= 0
    torch.testing.assert_close(mass.sum(-1), torch.ones(101))


def test_width_is_that_of_the_paper(head):
    """The deviation of a target is 0.75 bins (and that of a bin), not sqrt(2) times as much."""
    value = torch.tensor([-25.0])
    width = float(head.centre_N[1] - head.centre_N[0])

    variance = (head.target(value) * (head.centre_N - value) ** 2).sum()

    assert variance.sqrt().item() == pytest.approx(width * (0.75**2 + 1 / 12) ** 0.5, rel=1e-3)


def test_target_outside_is_clipped(head):
    """Returns beyond the range are taken for its ends."""
    value = torch.tensor([-80.0, 3.0])

    mean = head.target(value) @ head.centre_N

    torch.testing.assert_close(mean, torch.tensor([-50.0, 0.0]), atol=1e-4, rtol=0)


def test_loss_is_least_at_the_target(head):
    """Cross-entropy is least where the prediction is the target, and its mean is read back."""
    target = head.target(torch.tensor([-12.3]))
    right = target.clamp_min(1e-30).log()
    wrong = head.target(torch.tensor([-13.3])).clamp_min(1e-30).log()

    assert head.loss(right, target) < head.loss(wrong, target)
    assert head.value(right).item() == pytest.approx(-12.3, abs=1e-3)
