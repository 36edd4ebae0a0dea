"""Smooth perturbations: near the chunk, slow over time, and always the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.embodiment import ActionDim, Embodiment
from steer.rank.perturb import perturb_smoothly


def body(*dims):
    """Return an embodiment with these action dimensions."""
    return Embodiment(name="arm", control_hz=10.0, actions=dims, observations=())


ARM = body(
    ActionDim(name="dx", low=-1.0, high=1.0),
    ActionDim(name="dy", low=-0.5, high=0.5),
    ActionDim(name="gripper", low=-1.0, high=1.0),
)
CHUNK = np.tile(np.array([0.1, -0.2, 0.3], np.float32), (16, 1))


def test_perturbations_have_the_shape_of_candidates():
    """N perturbations of a chunk are float32 of shape [N, H, A]."""
    perturbed = perturb_smoothly(CHUNK, ARM, num_perturbations=5, seed=0)

    assert perturbed.shape == (5, 16, 3)
    assert perturbed.dtype == np.float32


def test_none_are_asked_for_and_none_come():
    """Zero perturbations are an empty array, not an error."""
    assert perturb_smoothly(CHUNK, ARM, num_perturbations=0, seed=0).shape == (0, 16, 3)


def test_the_same_seed_gives_the_same_perturbations():
    """They are a function of the chunk, the embodiment and the seed."""
    first, again, other = (
        perturb_smoothly(CHUNK, ARM, num_perturbations=4, seed=seed) for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, again)
    assert (first[..., :2] != other[..., :2]).any()


@given(few=st.integers(0, 6), more=st.integers(0, 6), seed=st.integers(0, 2**64 - 1))
def test_more_perturbations_do_not_change_the_first_ones(few, more, seed):
    """The n-th perturbation does not depend on how many are asked for."""
    short = perturb_smoothly(CHUNK, ARM, num_perturbations=few, seed=seed)
    long = perturb_smoothly(CHUNK, ARM, num_perturbations=few + more, seed=seed)

    np.testing.assert_array_equal(long[:few], short)


def test_the_gripper_is_left_alone():
    """The gripper's commands are the chunk's own, bit for bit."""
    perturbed = perturb_smoothly(CHUNK, ARM, num_perturbations=8, seed=0)

    np.testing.assert_array_equal(perturbed[..., 2], np.tile(CHUNK[:, 2], (8, 1)))


def test_perturbations_stay_in_the_range_of_the_robot():
    """A strong perturbation is cut at the ends of the range."""
    perturbed = perturb_smoothly(CHUNK, ARM, num_perturbations=64, seed=0, strength=5.0)

    assert perturbed[..., 0].min() == -1.0
    assert perturbed[..., 0].max() == 1.0
    assert np.abs(perturbed[..., 1]).max() == 0.5


def test_perturbations_scale_with_the_range():
    """A dimension of half the range is varied half as much."""
    still = np.zeros((16, 3), np.float32)

    perturbed = perturb_smoothly(still, ARM, num_perturbations=500, seed=0)
    spread_x, spread_y = perturbed[..., 0].std(), perturbed[..., 1].std()

    assert spread_x / spread_y == pytest.approx(2.0, rel=0.1)


def test_perturbations_are_slow():
    """From tick to tick a perturbation changes by far less than it is large."""
    deltas = perturb_smoothly(CHUNK, ARM, num_perturbations=200, seed=0)[..., :2] - CHUNK[:, :2]

    assert np.abs(np.diff(deltas, axis=1)).max() < 0.25 * np.abs(deltas).max()


def test_an_unknown_range_is_taken_from_the_chunk():
    """Where the embodiment states no range, what the chunk spans takes its place."""
    unknown = body(ActionDim(name=""), ActionDim(name=""))
    chunk = np.stack([np.linspace(0.0, 40.0, 16), np.full(16, 7.0)], axis=1).astype(np.float32)

    perturbed = perturb_smoothly(chunk, unknown, num_perturbations=100, seed=0)

    assert 1.0 < np.abs(perturbed[..., 0] - chunk[:, 0]).max() < 20.0
    np.testing.assert_array_equal(perturbed[..., 1], np.full((100, 16), 7.0))


def test_a_chunk_of_one_action_is_perturbed_too():
    """A horizon of one has no time to be slow in, and works."""
    perturbed = perturb_smoothly(CHUNK[:1], ARM, num_perturbations=3, seed=0)

    assert perturbed.shape == (3, 1, 3)
    assert (perturbed[..., 0] != CHUNK[0, 0]).all()


def test_the_chunk_itself_is_not_written():
    """The caller's array stays what it was."""
    chunk = CHUNK.copy()
    chunk.setflags(write=False)

    perturb_smoothly(chunk, ARM, num_perturbations=3, seed=0)

    np.testing.assert_array_equal(chunk, CHUNK)
