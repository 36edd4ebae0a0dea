"""The splits of `sim.seeds`."""

import pytest

from sim.seeds import BLOCK_SIZE, SPLITS, episode_seeds, split_of
from sim.tasks import TASKS
from steer.errors import InvalidInputError


@pytest.mark.parametrize(
    ("seed", "split"),
    [
        (0, "train"),
        (99_999, "train"),
        (100_000, "tune"),
        (199_999, "tune"),
        (200_000, "test"),
        (299_999, "test"),
        (300_000, "user"),
    ],
)
def test_every_seed_belongs_to_the_split_of_its_range(seed, split):
    """The borders are those that the published figures rely on."""
    assert split_of(seed) == split


def test_a_negative_seed_belongs_nowhere():
    """The text says which seeds there are."""
    with pytest.raises(InvalidInputError, match=r"^seed: expected 0 to 2147483646, got -1$"):
        split_of(-1)


@pytest.mark.parametrize("split", SPLITS)
def test_no_two_tasks_share_a_seed(split):
    """Every task owns a block of each split."""
    seeds = [episode_seeds(split, BLOCK_SIZE, block=spec.seed_block) for spec in TASKS.values()]

    assert len({seed for block in seeds for seed in block}) == BLOCK_SIZE * len(TASKS)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("block", [0, 24])
def test_episode_seeds_stay_within_their_split(split, block):
    """Neither the first nor the last block leaks into another split."""
    seeds = episode_seeds(split, BLOCK_SIZE, block=block)

    assert {split_of(seeds[0]), split_of(seeds[-1])} == {split}


def test_more_episodes_than_a_block_holds_are_refused():
    """Otherwise they would be another task's."""
    with pytest.raises(InvalidInputError, match=r"^num_episodes: expected 0 to 4000, got 4001$"):
        episode_seeds("train", 4001)


def test_an_unknown_split_is_refused_with_those_that_there_are():
    """A typo must not give seeds."""
    with pytest.raises(InvalidInputError, match="expected one of train, tune, test, user, got dev"):
        episode_seeds("dev", 1)  # type: ignore[arg-type]


def test_a_block_outside_of_the_split_is_refused():
    """Block 25 would reach into the next split."""
    with pytest.raises(InvalidInputError, match=r"^block: expected 0 to 24, got 25$"):
        episode_seeds("train", 1, block=25)
