"""Which chunks of the data are learnt from."""

import pytest

from steer.critics.card import DatasetSummary
from steer.errors import DatasetError
from steer.train.algorithms.sarsa import SarsaConfig
from steer.train.candidates import save_candidates
from steer.train.fit import make_trainer
from steer.train.targets import build_chunks

HORIZON = 2


@pytest.fixture
def rows_of(make_episodes, small_config):
    """Return a function that gives the rows that the chunks of many batches begin in."""

    def found(lengths, success, **options):
        episodes = make_episodes(lengths, success)
        chunks = build_chunks(episodes, horizon=HORIZON, discount=0.8, worst=-5.0)
        config = small_config(horizon=HORIZON, batch_size=64, **options)
        _, trainer = make_trainer(config, episodes, chunks, DatasetSummary())
        states = episodes.observations["observation.state"]
        seen = {
            tuple(state.tolist())
            for step in range(8)
            for state in trainer._batches.of(step).observations["observation.state"]
        }
        return [row for row, state in enumerate(states) if tuple(state.tolist()) in seen]

    return found


LENGTHS, SUCCESS = [4, 6], [True, False]
ALL = [0, 1, 2, 3, 4, 5, 6, 7]
"""Of the failure, rows 8 and 9: nothing was recorded after the two actions that begin there."""


@pytest.mark.parametrize("algorithm", ["iql", "sarsa", "preference", "vgas"])
def test_the_end_of_a_failure_is_learnt_from(rows_of, algorithm):
    """By those that ask nothing of the chunk that would follow."""
    assert rows_of(LENGTHS, SUCCESS, algorithm=algorithm) == ALL


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("aloe", {}),
        ("cal_ql", {}),
        ("qc", {}),
        ("ravl", {}),
        ("sarsa", {"sarsa": SarsaConfig(target="td")}),
    ],
)
def test_a_chunk_that_a_time_out_cut_short_is_not_bootstrapped_from(rows_of, algorithm, options):
    """After the chunk from row 7 on, one action is left of two."""
    assert rows_of(LENGTHS, SUCCESS, algorithm=algorithm, **options) == ALL[:-1]


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [("qc", {}), ("ravl", {}), ("sarsa", {"sarsa": SarsaConfig(target="td")})],
)
def test_data_without_a_chunk_of_use_are_refused(rows_of, algorithm, options):
    """Failures of three rows hold one chunk of two actions, and no two."""
    with pytest.raises(DatasetError) as caught:
        rows_of([3, 3], [False, False], algorithm=algorithm, **options)

    assert str(caught.value) == (
        f"dataset: expected a chunk that leads to success or to 2 more actions, which {algorithm} "
        "learns from, got none of 2"
    )


def test_drawn_candidates_need_no_chunk_that_follows(make_episodes, rows_of, tmp_path):
    """They are whole wherever they were drawn."""
    episodes = make_episodes(LENGTHS, SUCCESS)
    drawn = episodes.actions[:, None, None].repeat(8, axis=1).repeat(HORIZON, axis=2)
    save_candidates(tmp_path / "drawn", drawn, episodes, about={})

    assert rows_of(LENGTHS, SUCCESS, algorithm="qc", candidates=tmp_path / "drawn") == ALL
