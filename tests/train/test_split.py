"""Which episodes are kept for the audit."""

import numpy as np

from steer.train.split import split_episodes


def test_split_is_the_same_for_every_run():
    """Kept and held out are all; and what the seeds are called does not matter."""
    kept, held_out = split_episodes(np.full(20, -1), 0.1)

    assert len(held_out) == 2
    np.testing.assert_array_equal(np.sort(np.r_[kept, held_out]), np.arange(20))
    np.testing.assert_array_equal(held_out, split_episodes(np.arange(20) + 7, 0.1)[1])


def test_episodes_of_one_seed_are_kept_back_together():
    """Four policies on the same forty seeds, beside a hundred demonstrations."""
    seed = np.r_[np.arange(100), np.tile(np.arange(1_000, 1_040), 4)]

    kept, held_out = split_episodes(seed, 0.1)

    assert len(np.unique(seed[held_out])) == 14
    assert set(seed[kept]).isdisjoint(seed[held_out])
    assert (seed[held_out] >= 1_000).sum() == 4 * (np.unique(seed[held_out]) >= 1_000).sum()
