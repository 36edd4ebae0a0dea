"""What every scorer keeps to, whatever it scores."""

import numpy as np
import pytest

from steer.rank.scorers.base import Situation, combine
from steer.rank.scorers.consensus import consensus
from steer.rank.scorers.continuity import Continuity
from steer.rank.scorers.contrast import contrast
from steer.rank.scorers.lookahead import LookAhead
from steer.rank.scorers.novelty import Novelty, NoveltyConfig, pair_features
from steer.rank.scorers.progress import progress
from steer.rank.scorers.tournament import Tournament
from steer.rank.scorers.voxel_cost import DeltaPath, VoxelCost

N, H, A, K, D = 6, 8, 4, 3, 2
NAMES = (
    *("consensus", "continuity", "contrast", "lookahead"),
    *("novelty", "progress", "tournament", "voxel_cost"),
)


@pytest.fixture(scope="module")
def rich(arm):
    """A situation in which everything is known."""
    rng = np.random.default_rng(5)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return Situation(
        chunks_NHA=draw(N, H, A),
        embodiment=arm,
        is_drawn_N=np.arange(N) < N - 1,
        rest_RA=draw(5, A),
        value_KN=draw(K, N),
        value_KNP=draw(K, N, H),
        points_M3=0.1 * draw(300, 3),
        path=DeltaPath(np.zeros(3, np.float32), arm),
        context_D=draw(D),
        log_likelihood_N=draw(N),
        masked_log_likelihood_N=draw(N),
        simulate=lambda chunk_HA: float(chunk_HA.sum()),
    )


@pytest.fixture(scope="module")
def scorers(rich, arm):
    """One of each kind, by name."""
    context = np.tile(rich.context_D, (N, 1))
    novelty = Novelty.fit(
        pair_features(context, rich.chunks_NHA, arm),
        seed=0,
        config=NoveltyConfig(hidden=16, num_steps=20, batch=4),
    )
    return {
        "consensus": consensus,
        "continuity": Continuity(),
        "contrast": contrast,
        "lookahead": LookAhead(order_by=contrast, max_calls=3),
        "novelty": novelty,
        "progress": progress,
        "tournament": Tournament(),
        "voxel_cost": VoxelCost(),
    }


def moved(situation, order):
    """Return the situation with its candidates in another order."""
    known = {name: getattr(situation, name) for name in Situation.__dataclass_fields__}
    for name in ("chunks_NHA", "is_drawn_N", "log_likelihood_N", "masked_log_likelihood_N"):
        known[name] = known[name][order]
    for name in ("value_KN", "value_KNP"):
        known[name] = known[name][:, order]
    return Situation(**known)


@pytest.mark.parametrize("name", NAMES)
def test_a_score_is_one_finite_number_a_candidate(rich, scorers, name):
    """float32 of shape [N]; and this situation tells its candidates apart."""
    scores = scorers[name](rich)

    assert (scores.dtype, scores.shape) == (np.float32, (N,))
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_a_score_moves_with_its_candidate(rich, scorers, name, seed):
    """Candidates 1 and up may come in any order."""
    order = np.array([0, *(1 + np.random.default_rng(seed).permutation(N - 1))])

    found = scorers[name](moved(rich, order))

    np.testing.assert_allclose(found, scorers[name](rich)[order], rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_scorer_writes_into_nothing(rich, scorers, name):
    """The situation is the same for the next scorer, and equal situations score equally."""
    arrays = [getattr(rich, field) for field in Situation.__dataclass_fields__]
    arrays = [array for array in arrays if isinstance(array, np.ndarray)]
    before = [array.copy() for array in arrays]

    first, again = scorers[name](rich), scorers[name](rich)

    np.testing.assert_array_equal(first, again)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_bare_situation_is_skipped_by_all_that_need_more(rich, scorers, arm):
    """Only continuity has an answer for it: nothing runs, so nothing is broken off."""
    bare = Situation(chunks_NHA=rich.chunks_NHA, embodiment=arm)

    combined = combine(bare, dict.fromkeys(NAMES, 1.0), scorers=scorers)

    assert combined.skipped == tuple(
        name for name in NAMES if name not in ("consensus", "continuity")
    )
    assert combined.num_faults == 0
    assert not combined.raw["continuity"].any()


def test_a_broken_sensor_or_critic_leaves_out_who_reads_it(rich, scorers):
    """NaN goes in, no NaN comes out, and the names are told."""
    known = {name: getattr(rich, name) for name in Situation.__dataclass_fields__}
    for name in ("rest_RA", "value_KN", "value_KNP", "context_D", "log_likelihood_N"):
        known[name] = known[name].copy()
        known[name][..., -1] = np.nan if name != "log_likelihood_N" else -np.inf

    combined = combine(Situation(**known), dict.fromkeys(NAMES, 1.0), scorers=scorers)

    assert set(combined.faults) == set(NAMES) - {"consensus", "voxel_cost"}
    assert set(combined.parts) == {"consensus", "voxel_cost"}
    assert np.isfinite(combined.score_N).all()
