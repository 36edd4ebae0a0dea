"""Chunks and their returns, at every kind of episode end."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.embodiment import ActionDim, Embodiment
from steer.errors import DatasetError
from steer.train.datasets import Episodes
from steer.train.targets import build_chunks

GAMMA = 0.9
WORST = -1 / (1 - GAMMA)


def _episodes(lengths, success):
    end, total = np.cumsum(lengths), int(np.sum(lengths))
    is_success = np.zeros(total, bool)
    is_success[end[success] - 1] = True
    is_timeout = np.zeros(total, bool)
    is_timeout[end[~success] - 1] = True
    body = Embodiment(name="", control_hz=1.0, actions=(ActionDim(name="a"),), observations=())
    count = len(lengths)
    return Episodes(
        embodiment=body,
        task="",
        instruction="",
        observations={},
        actions=np.zeros((total, 1), np.float32),
        is_success=is_success,
        is_timeout=is_timeout,
        start=end - lengths,
        end=end,
        episode=np.arange(count),
        seed=np.zeros(count, np.int64),
        noise=np.zeros(count, np.float32),
    )


def _one(make_episodes, length, *, success, horizon):
    return build_chunks(make_episodes([length], [success]), horizon=horizon, discount=GAMMA)


def test_reward_is_the_discounted_sum_within_the_chunk(make_episodes):
    """A chunk far from the end costs sum gamma^i, and bootstraps gamma^h from the row after it."""
    chunks = _one(make_episodes, 9, success=True, horizon=3)

    assert chunks.reward[0] == pytest.approx(-(1 + GAMMA + GAMMA**2))
    assert chunks.bootstrap[0] == pytest.approx(GAMMA**3)
    assert chunks.next_row[0] == 3
    assert chunks.action_rows[0].tolist() == [0, 1, 2]


def test_worst_return_sets_the_reward_of_a_tick(make_episodes):
    """With -1 a chunk, the first costs 1, the second the discount, and failing for ever all."""
    per_chunk, horizon = 0.9, 4
    worst = -1 / (1 - per_chunk)

    chunks = build_chunks(
        make_episodes([9, 9], [True, False]),
        horizon=horizon,
        discount=per_chunk ** (1 / horizon),
        worst=worst,
    )

    assert chunks.reward[0] == pytest.approx(-1)
    assert chunks.bootstrap[0] == pytest.approx(per_chunk)
    assert chunks.monte_carlo[0] == pytest.approx(-(1 + per_chunk))
    assert chunks.monte_carlo[9] == pytest.approx(worst)


def test_success_inside_a_chunk_stops_the_bootstrap(make_episodes):
    """The action that succeeds costs nothing, nothing follows, and it is repeated to the end."""
    chunks = _one(make_episodes, 5, success=True, horizon=3)

    assert chunks.bootstrap.tolist() == pytest.approx([GAMMA**3, GAMMA**3, 0, 0, 0])
    assert chunks.reward[2:].tolist() == pytest.approx([-(1 + GAMMA), -1, 0])
    assert chunks.action_rows[3:].tolist() == [[3, 4, 4], [4, 4, 4]]


def test_success_of_the_last_action_of_a_chunk_stops_it_too(make_episodes):
    """A chunk whose last action succeeds is not bootstrapped."""
    chunks = _one(make_episodes, 3, success=True, horizon=3)

    assert chunks.bootstrap[0] == 0
    assert chunks.reward[0] == pytest.approx(-(1 + GAMMA))


def test_time_out_is_not_a_terminal(make_episodes):
    """Chunks that a time-out cuts, or whose next observation is not recorded, are dropped."""
    chunks = _one(make_episodes, 6, success=False, horizon=3)

    assert chunks.row.tolist() == [0, 1, 2]
    assert chunks.next_row.tolist() == [3, 4, 5]
    assert (chunks.bootstrap > 0).all()


def test_monte_carlo_of_a_time_out_is_failure_for_ever(make_episodes):
    """An episode that timed out is taken to go on at -1 a tick."""
    chunks = _one(make_episodes, 6, success=False, horizon=3)

    assert chunks.monte_carlo.tolist() == pytest.approx([WORST] * 3)


def test_monte_carlo_of_a_success_counts_the_ticks(make_episodes):
    """The return is the discounted count of the actions before the one that succeeds."""
    chunks = _one(make_episodes, 4, success=True, horizon=2)

    expected = [-(1 + GAMMA + GAMMA**2), -(1 + GAMMA), -1, 0]
    assert chunks.monte_carlo.tolist() == pytest.approx(expected)


def test_next_chunk_must_be_whole(make_episodes):
    """A successor that the time-out cuts is none; one that succeeds is padded."""
    cut = _one(make_episodes, 6, success=False, horizon=3)
    padded = _one(make_episodes, 5, success=True, horizon=3)

    assert cut.has_next_chunk.tolist() == [True, False, False]
    assert padded.has_next_chunk.all()
    assert padded.next_action_rows[0].tolist() == [3, 4, 4]


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    outcomes=st.lists(st.booleans(), min_size=6, max_size=6),
    horizon=st.integers(1, 5),
)
def test_no_chunk_crosses_an_end_and_td_agrees_with_the_return(lengths, outcomes, horizon):
    """Rows stay in their episode; in a success, reward + gamma^h G(next) is G."""
    end = np.cumsum(lengths)
    start, success = end - lengths, np.array(outcomes[: len(lengths)])
    if not (success | (np.array(lengths) > horizon)).any():
        return
    episodes = _episodes(np.array(lengths), success)

    chunks = build_chunks(episodes, horizon=horizon, discount=GAMMA)

    which = np.searchsorted(end, chunks.row, side="right")
    for rows in (chunks.action_rows, chunks.next_action_rows, chunks.next_row[:, None]):
        assert (rows >= start[which, None]).all()
        assert (rows < end[which, None]).all()
    return_at = dict(zip(chunks.row.tolist(), chunks.monte_carlo.tolist(), strict=True))
    for i in np.flatnonzero(success[which]):
        after = return_at[int(chunks.next_row[i])] if chunks.bootstrap[i] else 0.0
        assert chunks.reward[i] + chunks.bootstrap[i] * after == pytest.approx(
            chunks.monte_carlo[i], abs=1e-4
        )


def test_too_short_episodes_are_named(make_episodes, caplog):
    """Unsuccessful episodes shorter than the chunk are left out, by their numbers."""
    with caplog.at_level(logging.WARNING):
        chunks = build_chunks(
            make_episodes([3, 8, 2], [False, False, True]), horizon=3, discount=GAMMA
        )

    assert "left out 1 unsuccessful episodes" in caplog.text
    assert caplog.text.rstrip().endswith(": 0")
    assert set(chunks.row.tolist()) == {3, 4, 5, 6, 7, 11, 12}


def test_nothing_left_is_an_error(make_episodes):
    """Data of nothing but short failures cannot teach."""
    with pytest.raises(DatasetError, match="more than 3 rows"):
        build_chunks(make_episodes([3, 2], [False, False]), horizon=3, discount=GAMMA)
