"""What else could have been done in each recorded state."""

import numpy as np
import pytest

from steer.critics.card import DatasetSummary
from steer.errors import DatasetError
from steer.train.candidates import load_candidates, logged_rows, save_candidates
from steer.train.datasets import relabel
from steer.train.fit import make_trainer
from steer.train.targets import build_chunks, row_returns, row_windows

LENGTHS, SUCCESS = (5, 3, 4), (True, False, True)
ABOUT = {"policy": "sha256:00"}


@pytest.fixture
def episodes(make_episodes):
    """Three short episodes."""
    return make_episodes(LENGTHS, SUCCESS)


def test_a_row_comes_first_and_others_are_of_other_episodes(episodes):
    """Nearest first."""
    rows = logged_rows(episodes, num_candidates=3, horizon=1)

    owner = np.repeat(np.arange(3), LENGTHS)
    states = episodes.observations["observation.state"]
    states = states / states.std(axis=0)
    assert rows[:, 0].tolist() == list(range(12))
    assert (owner[rows[:, 1:]] != owner[:, None]).all()
    for row in range(12):
        gaps = np.square(states - states[row]).sum(axis=1)
        gaps[owner == owner[row]] = np.inf
        assert rows[row, 1:].tolist() == np.argsort(gaps)[:2].tolist()


def test_where_nothing_is_near_the_row_itself_stands_in(make_episodes):
    """One episode has no others."""
    rows = logged_rows(make_episodes((4,), (True,)), num_candidates=3, horizon=2)

    assert rows.tolist() == [[row] * 3 for row in range(4)]


def test_a_chunk_that_a_time_out_cut_short_is_no_candidate_of_another_row(episodes):
    """Of the episode that failed, the last row has one action left of two; success needs none."""
    rows = logged_rows(episodes, num_candidates=12, horizon=2)

    others = {int(row) for first, *rest in rows for row in rest if row != first}
    assert others == set(range(12)) - {7}


def test_returns_and_windows_are_those_of_the_chunks(episodes):
    """The same definitions, for every row and not for chunks alone."""
    chunks = build_chunks(episodes, horizon=2, discount=0.9)

    returns, windows = row_returns(episodes, discount=0.9), row_windows(episodes, horizon=2)

    np.testing.assert_array_equal(returns[chunks.row], chunks.monte_carlo)
    np.testing.assert_array_equal(windows[chunks.row], chunks.action_rows)


def test_drawn_candidates_find_their_episodes(episodes, tmp_path):
    """In any order and any part: training holds some back."""
    drawn = np.random.default_rng(0).normal(size=(12, 4, 6, 1)).astype(np.float32)
    save_candidates(tmp_path / "drawn", drawn, episodes, about=ABOUT)

    found = load_candidates(tmp_path / "drawn", episodes.select([2, 0]), horizon=2)

    np.testing.assert_array_equal(found, drawn[[8, 9, 10, 11, 0, 1, 2, 3, 4], :, :2])


def test_like_actions_in_other_states_are_told_apart(make_episodes, tmp_path):
    """A script that was run twice: its candidates are those of the state."""
    twice = make_episodes((3, 3), (True, True))
    twice.actions[3:] = twice.actions[:3]
    drawn = np.arange(6, dtype=np.float32).repeat(4).reshape(6, 2, 2, 1)
    save_candidates(tmp_path / "drawn", drawn, twice, about=ABOUT)

    found = load_candidates(tmp_path / "drawn", twice, horizon=2)

    np.testing.assert_array_equal(found, drawn)


def test_other_outcomes_do_not_matter(episodes, tmp_path):
    """They may be labelled after the drawing."""
    drawn = np.zeros((12, 4, 6, 1), np.float32)
    save_candidates(tmp_path / "drawn", drawn, episodes, about=ABOUT)

    other = relabel(episodes, ~episodes.success)

    assert load_candidates(tmp_path / "drawn", other, horizon=2).shape == (12, 4, 2, 1)


def test_a_run_knows_its_candidates_by_what_is_in_the_file(episodes, small_config, tmp_path):
    """Not by where it lies."""
    chunks = build_chunks(episodes, horizon=2, discount=0.8)

    def key(algorithm, path, fill):
        drawn = np.full((12, 8, 6, 1), fill, np.float32)
        save_candidates(path, drawn, episodes, about=ABOUT)
        config = small_config(algorithm=algorithm, candidates=path)
        return make_trainer(config, episodes, chunks, DatasetSummary())[1]._key

    first = key("qc", tmp_path / "a", 0.0)

    assert key("qc", tmp_path / "b", 0.0) == first
    assert key("qc", tmp_path / "a", 1.0) != first


def test_candidates_of_other_data_are_refused(episodes, make_episodes, tmp_path):
    """By the episode that has none."""
    drawn = np.zeros((12, 4, 6, 1), np.float32)
    save_candidates(tmp_path / "drawn", drawn, episodes, about=ABOUT)
    other = make_episodes((6, 3), (True, False))

    with pytest.raises(DatasetError, match="expected candidates of every episode, got none of ep"):
        load_candidates(tmp_path / "drawn", other, horizon=2)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((12, 4, 1, 1), r"expected shape \[T, N, at least 2, 1\], got \[12, 4, 1, 1\]"),
        ((12, 4, 6, 2), r"expected shape \[T, N, at least 2, 1\], got \[12, 4, 6, 2\]"),
        ((11, 4, 6, 1), "expected candidates of every episode, got none of episode 20"),
    ],
)
def test_candidates_of_another_shape_are_refused(episodes, tmp_path, shape, text):
    """With the shape that is needed."""
    save_candidates(tmp_path / "drawn", np.zeros(shape, np.float32), episodes, about=ABOUT)

    with pytest.raises(DatasetError, match=text):
        load_candidates(tmp_path / "drawn", episodes, horizon=2)


def test_candidates_that_are_not_finite_are_refused(episodes, tmp_path):
    """Nothing is learnt from them."""
    drawn = np.zeros((12, 4, 6, 1), np.float32)
    drawn[3, 2, 1, 0] = np.nan
    save_candidates(tmp_path / "drawn", drawn, episodes, about=ABOUT)

    with pytest.raises(DatasetError, match="expected finite actions, got NaN or Inf"):
        load_candidates(tmp_path / "drawn", episodes, horizon=2)


def test_other_files_are_refused(episodes, tmp_path):
    """With the file's name."""
    (tmp_path / "drawn").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="drawn: expected candidates, got"):
        load_candidates(tmp_path / "drawn", episodes, horizon=2)
