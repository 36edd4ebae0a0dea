"""Labelled preferences on disk, and in training."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from steer.critics.card import DatasetSummary
from steer.errors import DatasetError
from steer.train.algorithms.base import Learner
from steer.train.algorithms.preference import PreferenceConfig
from steer.train.batches import Batches
from steer.train.datasets import load_episodes
from steer.train.fit import fit
from steer.train.joined import load_datasets
from steer.train.pairs import Pairs, join_pairs, read_pairs, write_pairs
from steer.train.targets import build_chunks

RECORDED = np.repeat([0, 10, 20], [6, 5, 7])


def pairs_of(episode, frame, horizon=2):
    """Preferred chunks of ones, rejected ones of minus ones."""
    ones = np.ones((len(episode), horizon, 1), np.float32)
    return Pairs(episode=np.array(episode), frame=np.array(frame), preferred=ones, rejected=-ones)


@pytest.fixture
def root(make_episodes, write_dataset):
    """A dataset with pairs in its first and its last episode."""
    made = write_dataset(make_episodes([6, 5, 7], [True, False, True]))
    write_pairs(made, pairs_of([0, 20, 20], [1, 0, 4]))
    return made


def test_round_trip(root):
    """What is read is what was written; a dataset without has none."""
    pairs = read_pairs(root, action_dim=1, recorded=RECORDED)

    assert (pairs.episode.tolist(), pairs.frame.tolist()) == ([0, 20, 20], [1, 0, 4])
    assert pairs.preferred.shape == (3, 2, 1)
    assert (pairs.preferred == 1).all()
    assert (pairs.rejected == -1).all()
    (root / "meta/preferences.parquet").unlink()
    assert read_pairs(root, action_dim=1, recorded=RECORDED) is None


@pytest.mark.parametrize(
    ("side", "value", "complaint"),
    [
        ("rejected", None, "frame 5: expected a preferred and a rejected chunk, got no rejected"),
        ("preferred", [], "frame 5: expected a preferred and a rejected chunk, got no preferred"),
        ("preferred", [[1.0]], r"preferred: expected 2 actions of 1 numbers, got 1 of \[1\]"),
        (
            "rejected",
            [[1.0], None],
            r"rejected: expected 2 actions of 1 numbers, got 2 of \[0, 1\]",
        ),
        ("rejected", [[1.0], [np.nan]], "rejected: expected 2 actions of 1 numbers, got NaN"),
        ("frame", -1, "episode 3, frame -1: expected an episode and a frame >= 0"),
        ("frame", None, "episode 3, frame None: expected an episode and a frame >= 0"),
    ],
)
def test_a_bad_pair_is_refused_by_episode_and_frame(root, side, value, complaint):
    """Half a preference says nothing."""
    good = {"episode": 0, "frame": 1, "preferred": [[1.0], [1.0]], "rejected": [[0.0], [0.0]]}
    bad = {**good, "episode": 3, "frame": 5, side: value}
    pq.write_table(pa.Table.from_pylist([good, bad]), root / "meta/preferences.parquet")

    with pytest.raises(DatasetError, match=complaint):
        load_episodes(root)


def test_a_file_of_something_else_is_refused(root):
    """The text names the file."""
    pq.write_table(pa.table({"episode": [1]}), root / "meta/preferences.parquet")

    with pytest.raises(DatasetError, match=r"preferences\.parquet: expected labelled preferences"):
        read_pairs(root, action_dim=1, recorded=RECORDED)


@pytest.mark.parametrize(
    ("column", "values", "complaint"),
    [
        ("preferred", [[1.0], [1.0]], "preferred: expected list<.*float.*>>, got list<.*double>"),
        ("preferred", [[["a"]], [["b"]]], "preferred: expected list<.*, got list<.*string.*"),
        ("rejected", [1.0, 2.0], "rejected: expected list<.*float.*>>, got double"),
        ("frame", ["one", "two"], "frame: expected int64, got string"),
        ("frame", ["1", "2"], "frame: expected int64, got string"),
        ("frame", [1.0, 1.7], "frame: expected int64, got double: .*1.7"),
        ("episode", [[0], [0]], "episode: expected int64, got list<"),
    ],
)
def test_columns_of_other_types_are_refused(root, column, values, complaint):
    """By name; nothing is rounded or guessed."""
    columns = {"episode": [0, 0], "frame": [1, 2], "preferred": [[[1.0]]] * 2}
    columns = {**columns, "rejected": [[[0.0]]] * 2, column: values}
    pq.write_table(pa.table(columns), root / "meta/preferences.parquet")

    with pytest.raises(DatasetError, match=r"preferences\.parquet: " + complaint):
        load_episodes(root)


def test_a_column_of_the_same_numbers_in_another_type_is_read(root):
    """Whoever wrote it with doubles, or with narrower integers."""
    columns = {"episode": pa.array([0], pa.int32()), "frame": [2.0]}
    columns = {**columns, "preferred": [[[1.0]]], "rejected": [[[0]]]}
    pq.write_table(pa.table(columns), root / "meta/preferences.parquet")

    pairs = load_episodes(root).pairs

    assert (pairs.episode.tolist(), pairs.frame.tolist()) == ([0], [2])
    assert (pairs.preferred.tolist(), pairs.rejected.tolist()) == ([[[1.0]]], [[[0.0]]])


@pytest.mark.parametrize("frame", [7, 10**9])
def test_a_frame_that_was_not_recorded_is_refused(root, frame):
    """The last episode has seven; one of another task is nobody's business."""
    write_pairs(root, pairs_of([0, 20, 99], [1, frame, 10**9]))

    with pytest.raises(DatasetError) as caught:
        load_episodes(root)

    assert str(caught.value) == (
        f"{root / 'meta/preferences.parquet'}: episode 20: expected a frame below 7, which is how "
        f"many were recorded, got {frame}"
    )


def test_pairs_follow_their_episodes(root):
    """So those of held-out episodes are not learnt from; the fingerprint stays."""
    episodes = load_episodes(root)

    assert episodes.select([1, 2]).pairs.frame.tolist() == [0, 4]
    assert len(episodes.select([1]).pairs) == 0
    (root / "meta/preferences.parquet").unlink()
    assert load_episodes(root).fingerprint() == episodes.fingerprint()


def test_a_pair_belongs_to_the_episodes_of_both_its_chunks(root):
    """A rejected chunk of a held-out episode is not learnt from; one of no episode does no harm."""
    pairs = replace(pairs_of([0, 20, 20], [1, 0, 4]), rejected_episode=np.array([10, 20, -1]))
    write_pairs(root, pairs)

    episodes = load_episodes(root)

    assert episodes.pairs.rejected_episode.tolist() == [10, 20, -1]
    assert episodes.select([0, 2]).pairs.frame.tolist() == [0, 4]
    assert episodes.select([0, 1]).pairs.frame.tolist() == [1]
    assert episodes.pairs.fingerprint() != pairs_of([0, 20, 20], [1, 0, 4]).fingerprint()


def test_a_file_that_does_not_say_where_rejected_chunks_are_from_is_read_and_said(root, caplog):
    """As files were before; its pairs go by their own episode alone."""
    episodes = load_episodes(root)

    assert episodes.pairs.rejected_episode is None
    assert len(episodes.select([2]).pairs) == 2
    assert "does not say which episodes the rejected chunks are of" in caplog.text


def test_episodes_of_rejected_chunks_are_whole_numbers(root):
    """An empty one is of no episode; a text is refused with its type."""
    good = {"episode": 0, "frame": 1, "preferred": [[1.0]], "rejected": [[0.0]]}
    for numbers, read in (([None, 0], [-1, 0]), ([None, None], [-1, -1])):
        rows = [{**good, "rejected_episode": number} for number in numbers]
        pq.write_table(pa.Table.from_pylist(rows), root / "meta/preferences.parquet")
        assert read_pairs(root, action_dim=1, recorded=RECORDED).rejected_episode.tolist() == read

    rows = [{**good, "rejected_episode": "first"}]
    pq.write_table(pa.Table.from_pylist(rows), root / "meta/preferences.parquet")
    with pytest.raises(DatasetError, match="rejected_episode: expected int64, got string"):
        read_pairs(root, action_dim=1, recorded=RECORDED)


def test_episodes_of_rejected_chunks_count_anew_in_several_datasets(
    root, make_episodes, write_dataset
):
    """Those that nobody knows stay unknown."""
    other = write_dataset(make_episodes([4, 5], [True, False]), name="other")
    write_pairs(other, replace(pairs_of([10], [3]), rejected_episode=np.array([0])))

    joined = load_datasets([root, other])

    assert joined.pairs.rejected_episode.tolist() == [-1, -1, -1, 3]


def test_pairs_of_several_datasets(root, make_episodes, write_dataset):
    """Their episodes count anew, as all do; chunks are as long as the shortest."""
    other = write_dataset(make_episodes([4, 5], [True, False]), name="other")
    write_pairs(other, pairs_of([10], [3], horizon=3))

    joined = load_datasets([root, other])

    assert joined.pairs.episode.tolist() == [0, 2, 2, 4]
    assert joined.pairs.frame.tolist() == [1, 0, 4, 3]
    assert joined.pairs.preferred.shape == (4, 2, 1)
    assert join_pairs([None, None], [{}, {}]) is None


class _Asking(Learner):
    """A learner that asks for pairs, and has nothing else."""

    asks_for_pairs = True

    def __init__(self):
        torch.nn.Module.__init__(self)


def test_batches_hold_pairs_with_their_states(root, small_config):
    """Each pair comes with the observation of its own frame."""
    episodes = load_episodes(root)
    chunks = build_chunks(episodes, horizon=2, discount=0.8)

    pairs = Batches(chunks, episodes, small_config(), _Asking()).of(3).pairs

    known = episodes.observations["observation.state"][[1, 11, 15]]
    assert pairs.preferred_BHA.shape == (16, 2, 1)
    for state in pairs.observations["observation.state"].numpy():
        assert (state == known).all(1).any()


def test_pairs_shorter_than_the_horizon_are_refused(root, small_config):
    """The text says how to make longer ones."""
    episodes = load_episodes(root)
    chunks = build_chunks(episodes, horizon=3, discount=0.8)

    with pytest.raises(DatasetError, match=r"the horizon, 3 actions, got 2; label again"):
        Batches(chunks, episodes, small_config(horizon=3), _Asking())


def test_pairs_after_the_first_success_are_left_out(make_episodes, write_dataset, small_config):
    """The episode ends there, and so does what is learnt from it."""
    made = make_episodes([6, 5], [True, False])

    def early(columns):
        columns["next.success"][3] = True

    root = write_dataset(made, name="early", change=early)
    write_pairs(root, pairs_of([0], [4]))
    episodes = load_episodes(root)
    chunks = build_chunks(episodes, horizon=2, discount=0.8)

    assert Batches(chunks, episodes, small_config(), _Asking()).of(0).pairs is None


@pytest.mark.slow
def test_preference_learns_what_was_labelled(root, small_config):
    """Outcomes say nothing of these chunks, the labels do; without weight they do not count."""
    episodes = load_episodes(root)
    chunks = build_chunks(episodes, horizon=2, discount=0.8)

    def learn(weight):
        options = PreferenceConfig(num_rivals=1, labelled=weight)
        config = small_config(
            algorithm="preference", steps=150, learning_rate=1e-2, preference=options
        )
        return fit(config, episodes, chunks, DatasetSummary())[1]

    assert learn(1.0)["labelled_right"] > 0.9
    assert "labelled_right" not in learn(0.0)
