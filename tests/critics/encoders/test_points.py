"""The encoder of point clouds: sets, with holes."""

import pytest
import torch

from steer.clouds import finite_points
from steer.critics.encoders.points import PointEncoder
from steer.errors import InvalidInputError

NAN = float("nan")


@pytest.fixture
def points():
    """Return two clouds of seven points, half a metre from the origin."""
    return 0.5 + 0.1 * torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def encoder(points):
    """Return an encoder with random weights, fitted to the clouds."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = PointEncoder(features=8)
    encoder.fit(points)
    return encoder


def test_the_order_of_points_does_not_matter(encoder, points):
    """A cloud is a set."""
    order = torch.randperm(7, generator=torch.Generator().manual_seed(2))

    torch.testing.assert_close(encoder(points[:, order]), encoder(points))


def test_missing_points_do_not_matter(encoder, points):
    """Wherever they are and however many; a single NaN is enough to miss a point."""
    holes = torch.full((2, 4, 3), NAN)
    holes[:, 0] = torch.tensor([0.3, NAN, 0.3])
    padded = torch.cat([holes[:, :1], points, holes[:, 1:]], dim=1)

    torch.testing.assert_close(encoder(padded), encoder(points))


def test_a_point_that_stands_for_none_does_not_matter(encoder, points):
    """What no float on the wire may be, NaN, is there a point further away than any."""
    points[0, 3] = NAN
    points[1] = NAN
    sent = torch.stack([torch.from_numpy(finite_points(cloud.numpy())) for cloud in points])

    assert sent.isfinite().all()
    assert torch.equal(encoder(sent), encoder(points))


@pytest.mark.parametrize("num", [0, 1, 5])
def test_an_empty_cloud_has_a_vector_of_its_own(encoder, points, num):
    """Which is learnt, and leaves the clouds beside it alone."""
    empty = torch.full((2, num, 3), NAN)
    mixed = points.clone()
    mixed[0] = NAN

    assert torch.equal(encoder(empty), encoder.empty_F.expand(2, -1))
    torch.testing.assert_close(encoder(mixed)[1], encoder(points)[1])
    encoder(empty).sum().backward()
    assert torch.equal(encoder.empty_F.grad, torch.full((8,), 2.0))


def test_every_weight_learns_beside_missing_points(encoder, points):
    """And no gradient is NaN."""
    points[0, 3:] = NAN
    points[1] = NAN

    encoder(points).square().sum().backward()

    for name, value in encoder.named_parameters():
        assert value.grad.isfinite().all(), name
        assert value.grad.abs().sum() > 0, name


def test_centre_and_scale_are_those_of_the_data(encoder):
    """The centre of all points, and their deviation from it, over all axes at once."""
    cloud = torch.tensor([[[1.0, 0.0, 5.0], [3.0, 0.0, 5.0], [NAN, 0.0, 0.0]]])

    encoder.fit(cloud)

    assert encoder.centre_3.tolist() == [2.0, 0.0, 5.0]
    assert encoder.scale.item() == pytest.approx((2 / 6) ** 0.5)


def test_a_moved_and_grown_world_looks_the_same(encoder, points):
    """Once the encoder is fitted to it."""
    before = encoder(points)

    encoder.fit(3 * points + 1)

    torch.testing.assert_close(encoder(3 * points + 1), before, atol=1e-4, rtol=1e-4)


def test_normals_are_used_as_they_are(points):
    """They are directions: only positions are centred and scaled."""
    encoder = PointEncoder(features=4, has_normals=True)
    normals = torch.nn.functional.normalize(points.flip(1) - 0.5, dim=-1)
    both = torch.cat([points, normals], dim=-1)
    encoder.fit(both)

    moved = torch.cat([2 * points, normals], dim=-1)
    before = encoder(both)
    encoder.fit(moved)

    torch.testing.assert_close(encoder(moved), before, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(encoder(torch.cat([2 * points, -normals], dim=-1)), before)


@pytest.mark.parametrize(
    "points", [torch.zeros(2, 7, 6), torch.zeros(7, 3), torch.zeros(2, 7, 3, dtype=torch.float64)]
)
def test_other_types_and_shapes_are_refused(points):
    """Normals that were not agreed, no batch, doubles."""
    with pytest.raises(InvalidInputError) as caught:
        PointEncoder()(points)

    assert str(caught.value) == (
        "points: expected torch.float32 of shape [B, P, 3], "
        f"got {points.dtype} of shape {list(points.shape)}"
    )


def test_nothing_can_be_fitted_to_no_points(encoder):
    """The text says so; and an encoder has features."""
    with pytest.raises(InvalidInputError, match="points: expected at least one to fit to, got non"):
        encoder.fit(torch.full((2, 3, 3), NAN))
    with pytest.raises(InvalidInputError, match="features: expected >= 1, got 0"):
        PointEncoder(features=0)
