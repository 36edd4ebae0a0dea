"""The heads: what is taught is what is read back."""

import pytest
import torch

from steer.critics.card import HeadConfig
from steer.critics.heads import HlGaussHead, make_head


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


@pytest.mark.parametrize("kind", ["hl_gauss", "scalar", "sigmoid"])
def test_learning_a_target_gives_its_value(kind):
    """Outputs that descend the loss end at the value that was taught, in discounted return."""
    head = make_head(HeadConfig(kind=kind))
    value = torch.tensor([-49.0, -20.0, -0.5])
    outputs = torch.zeros(3, head.config.num_outputs, requires_grad=True)
    optimiser = torch.optim.Adam([outputs], lr=0.1)

    for _ in range(500):
        optimiser.zero_grad()
        head.loss(outputs, head.target(value)).sum().backward()
        optimiser.step()

    torch.testing.assert_close(head.value(outputs.detach()), value, atol=0.1, rtol=0)


@pytest.mark.parametrize("kind", ["hl_gauss", "scalar", "sigmoid"])
def test_every_head_clips_its_target(kind):
    """Returns beyond the range are taught as its ends."""
    head = make_head(HeadConfig(kind=kind))

    torch.testing.assert_close(
        head.target(torch.tensor([-80.0, 3.0])), head.target(torch.tensor([-50.0, 0.0]))
    )
