"""More candidates: draws from what the policy's own have in common."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.embodiment import ActionDim, Embodiment
from steer.errors import InvalidInputError
from steer.rank.widen import fitted_perturbations


def body(*dims):
    """Return an embodiment with these action dimensions."""
    return Embodiment(name="arm", control_hz=10.0, actions=dims, observations=())


ARM = body(
    ActionDim(name="dx", low=-1.0, high=1.0),
    ActionDim(name="dy", low=-1.0, high=1.0),
    ActionDim(name="gripper", low=-1.0, high=1.0),
)
H = 12


def drawn(num=8, seed=0):
    """Return chunks that differ in how far they go along one diagonal, and close in the middle."""
    generator = np.random.default_rng(seed)
    chunks = np.zeros((num, H, 3))
    chunks[..., :2] = 0.3 + 0.1 * generator.normal(size=(num, 1, 1))
    chunks[..., 2] = np.where(np.arange(H) >= H // 2, 1.0, -1.0)
    return chunks.astype(np.float32)


def closing(*ticks):
    """Return a gripper that closes at these ticks, one chunk each, and nothing else."""
    chunks = np.zeros((len(ticks), H, 3), np.float32)
    chunks[..., 2] = np.where(np.arange(H) >= np.array(ticks)[:, None], 1.0, -1.0)
    return chunks


def voted(chunks, robot=ARM):
    """Return the gripper's commands of one perturbation."""
    return fitted_perturbations(chunks, robot, num_perturbations=1, seed=0)[0, :, -1]


def test_perturbations_have_the_shape_of_candidates():
    """M draws are float32 of shape [M, H, A]; zero are an empty array."""
    for count in (0, 5):
        perturbed = fitted_perturbations(drawn(), ARM, num_perturbations=count, seed=0)

        assert (perturbed.shape, perturbed.dtype) == ((count, H, 3), np.float32)


def test_perturbations_have_the_mean_and_the_spread_of_what_was_drawn():
    """Fitted on chunks that are slow already, nothing of the spread is lost."""
    chunks = drawn()

    perturbed = fitted_perturbations(chunks, ARM, num_perturbations=3000, seed=0)

    np.testing.assert_allclose(perturbed.mean(axis=0), chunks.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(
        perturbed[..., :2].std(axis=0), chunks[..., :2].std(axis=0, ddof=1), rtol=0.1
    )


def test_actions_vary_together_as_the_policy_varies_them():
    """These chunks go along a diagonal, more or less far; so do the perturbations."""
    perturbed = fitted_perturbations(drawn(), ARM, num_perturbations=20, seed=0)

    np.testing.assert_allclose(perturbed[..., 0], perturbed[..., 1], atol=1e-6)
    assert np.ptp(perturbed[:, 0, 0]) > 0.1


def test_what_trembles_in_the_policy_does_not_tremble_here(rng):
    """Noise from tick to tick is left out of the fit."""
    noise = rng.normal(scale=0.2, size=(16, 40, 3)).astype(np.float32)

    deltas = fitted_perturbations(noise, ARM, num_perturbations=50, seed=0) - noise.mean(axis=0)

    def jump(array):
        return np.abs(np.diff(array[..., :2], axis=1)).mean()

    assert jump(deltas) < 0.1 * jump(noise)
    assert deltas[..., :2].std() > 0.01


@given(few=st.integers(0, 5), more=st.integers(0, 5), seed=st.integers(0, 2**64 - 1))
def test_more_perturbations_do_not_change_the_first_ones(few, more, seed):
    """The n-th perturbation does not depend on how many are asked for."""
    short = fitted_perturbations(drawn(), ARM, num_perturbations=few, seed=seed)
    long = fitted_perturbations(drawn(), ARM, num_perturbations=few + more, seed=seed)

    np.testing.assert_array_equal(long[:few], short)


def test_chunks_that_are_all_the_same_stay_so():
    """A policy without doubt is widened by nothing."""
    chunks = np.repeat(drawn(1), 4, axis=0)

    perturbed = fitted_perturbations(chunks, ARM, num_perturbations=3, seed=0)

    np.testing.assert_allclose(perturbed, chunks[:3], atol=1e-6)


def test_known_ranges_are_kept_and_unknown_ones_are_free():
    """Far draws end at the end of the range."""
    robot = body(ActionDim(name="dx", low=-1.0, high=1.0), ActionDim(name="free"))
    chunks = np.float32([-0.9, 0.9])[:, None, None] * np.ones((2, H, 2), np.float32)

    perturbed = fitted_perturbations(chunks, robot, num_perturbations=40, seed=0)

    assert np.abs(perturbed[..., 0]).max() == 1.0
    assert np.abs(perturbed[..., 1]).max() > 1.5


def test_the_gripper_closes_when_the_median_chunk_closes():
    """Half a grip is not a grip: the tick is voted, and the commands are those that were drawn."""
    for ticks in [(3, 4, 9), (9, 3, 4), (4, 4, 4), (0, 4, 12)]:
        np.testing.assert_array_equal(voted(closing(*ticks)), closing(4)[0, :, 2])


def test_a_majority_that_never_closes_keeps_the_gripper_open():
    """One early grip among three is outvoted."""
    np.testing.assert_array_equal(voted(closing(2, H, H)), np.full(H, -1.0))


def test_an_even_vote_goes_to_the_policy_s_own_chunk():
    """Candidate 0 decides between two."""
    np.testing.assert_array_equal(voted(closing(3, 8)), closing(3)[0, :, 2])
    np.testing.assert_array_equal(voted(closing(8, 3)), closing(8)[0, :, 2])


def test_a_gripper_of_unknown_range_is_voted_between_what_is_seen():
    """Widths in metres: open at 8 cm, closed on an object of 3 to 4 cm."""
    robot = body(ActionDim(name="dx"), ActionDim(name="left_gripper"))
    widths = np.float32([[0.08, 0.03], [0.08, 0.032], [0.08, 0.04]])
    chunks = np.stack([np.zeros_like(widths), widths], axis=-1)

    np.testing.assert_array_equal(voted(chunks, robot), np.float32([0.08, 0.032]))


@given(st.permutations(range(5)))
def test_the_vote_does_not_know_the_order_of_an_odd_number(order):
    """Only a tie asks who came first."""
    chunks = closing(2, 5, 7, 7, 11)

    np.testing.assert_array_equal(voted(chunks[list(order)]), closing(7)[0, :, 2])


def test_one_chunk_is_no_distribution():
    """The text says how many it takes."""
    with pytest.raises(InvalidInputError, match="chunks: expected at least 2 to fit a Gaussian"):
        fitted_perturbations(drawn(1), ARM, num_perturbations=3, seed=0)


def test_a_chunk_of_one_action_is_widened_too():
    """A horizon of one has no time to be slow in, and works."""
    perturbed = fitted_perturbations(drawn()[:, :1], ARM, num_perturbations=4, seed=0)

    assert perturbed.shape == (4, 1, 3)
    assert np.ptp(perturbed[:, 0, 0]) > 0


def test_the_chunks_themselves_are_not_written():
    """The caller's array stays what it was."""
    chunks = drawn()
    chunks.setflags(write=False)

    fitted_perturbations(chunks, ARM, num_perturbations=3, seed=0)

    np.testing.assert_array_equal(chunks, drawn())
