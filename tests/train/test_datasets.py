"""Reading recorded episodes, and refusing what cannot be learnt from."""

import json

import numpy as np
import pytest

from steer.errors import ConfigError, DatasetError
from steer.train.datasets import load_episodes, relabel
from steer.train.joined import load_datasets


@pytest.fixture
def episodes(make_episodes):
    return make_episodes([4, 3, 6], [True, False, True])


def test_round_trip(episodes, write_dataset):
    """What is on disk is what was written, over file borders and in its order."""
    loaded = load_episodes(write_dataset(episodes))

    for name in ("actions", "is_success", "is_timeout", "start", "end", "episode", "seed"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(episodes, name))
    np.testing.assert_array_equal(
        loaded.observations["observation.state"], episodes.observations["observation.state"]
    )
    assert loaded.success.tolist() == [True, False, True]
    assert loaded.fingerprint() == episodes.fingerprint()


def test_rows_after_the_first_success_are_cut(episodes, write_dataset):
    """An episode ends with its first success, wherever the recording went on to."""

    def early(columns):
        columns["next.success"][1] = True

    loaded = load_episodes(write_dataset(episodes, change=early))

    assert (loaded.end - loaded.start).tolist() == [2, 3, 6]
    np.testing.assert_array_equal(loaded.actions[2:5], episodes.actions[4:7])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", ["action", "observation.state"])
def test_nan_is_refused_by_episode_and_frame(episodes, write_dataset, column, value):
    """The text names the place, so that it can be looked at."""

    def spoil(columns):
        columns[column][5, 0] = value

    with pytest.raises(DatasetError, match=f"{column}: .* in episode 10, frame 1 "):
        load_episodes(write_dataset(episodes, change=spoil))


def test_data_without_outcomes_ask_for_them(episodes, write_dataset):
    """The text names both ways to give them."""
    root = write_dataset(episodes, drop=("next.success",))

    with pytest.raises(DatasetError, match=r"--success FILE\.csv, or --assume-success"):
        load_episodes(root)


def test_outcomes_from_a_file(episodes, write_dataset, tmp_path):
    """A success is reached by the last action of its episode."""
    root = write_dataset(episodes, drop=("next.success",))
    (tmp_path / "s.csv").write_text("episode,success\n0,0\n10,1\n20,0\n")

    loaded = load_episodes(root, success=tmp_path / "s.csv")

    assert np.flatnonzero(loaded.is_success).tolist() == [6]
    assert np.flatnonzero(loaded.is_timeout).tolist() == [3, 12]


def test_assumed_outcomes(episodes, write_dataset):
    """Every episode is taken for a success."""
    root = write_dataset(episodes, drop=("next.success",))

    assert load_episodes(root, assume_success=True).success.all()


def test_embodiment_from_lerobots_metadata(episodes, write_dataset):
    """An ordinary robot dataset gives name, rate and dimensions; the rest is not known."""
    body = load_episodes(write_dataset(episodes, drop=("steer.seed", "steer.noise"))).embodiment

    assert (body.name, body.control_hz, body.action_dim) == ("bot", 10.0, 1)
    assert [item.name for item in body.observations] == ["observation.state"]


def test_embodiment_and_task_names_from_steer_json(episodes, write_dataset):
    """meta/steer.json tells the whole embodiment and the short names of the tasks."""
    root = write_dataset(episodes)
    tree = {
        "format_version": 1,
        "embodiment": json.loads(episodes.embodiment.to_json()),
        "tasks": {"walk": {"instruction": "walk to the right"}},
    }
    (root / "meta/steer.json").write_text(json.dumps(tree))

    loaded = load_episodes(root, task="walk")

    assert loaded.embodiment == episodes.embodiment
    assert (loaded.task, loaded.instruction) == ("walk", "walk to the right")


def test_unknown_task_lists_the_known(episodes, write_dataset):
    """A typo says which tasks there are."""
    with pytest.raises(DatasetError, match=r"one of \['walk to the right'\], got fly"):
        load_episodes(write_dataset(episodes), task="fly")


def test_unknown_observation_lists_the_known(episodes, write_dataset):
    """A key that is not a vector of the dataset is refused."""
    with pytest.raises(DatasetError, match=r"\['observation.state'\], got \['observation.x'\]"):
        load_episodes(write_dataset(episodes), observations=["observation.x"])


@pytest.mark.parametrize("what", ["no/such", "/no/such"])
def test_no_dataset_there(what, monkeypatch):
    """A root that does not exist, and a hub id that cannot be fetched, give our error."""
    monkeypatch.setitem(__import__("sys").modules, "lerobot.datasets", _Offline())

    with pytest.raises(DatasetError, match=what):
        load_episodes(what)


class _Offline:
    @staticmethod
    def LeRobotDataset(name, *, download_videos):
        raise ConnectionError("offline")


def test_unfinished_recording_is_explained(episodes, write_dataset):
    """A parquet file without its footer says what is missing."""
    root = write_dataset(episodes)
    path = root / "data/chunk-000/file-001.parquet"
    path.write_bytes(path.read_bytes()[:-8])

    with pytest.raises(DatasetError, match="finalize it"):
        load_episodes(root)


def test_other_versions_are_refused(episodes, write_dataset):
    """A LeRobotDataset v2 is named as such."""
    root = write_dataset(episodes)
    info = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps({**info, "codebase_version": "v2.1"}))

    with pytest.raises(DatasetError, match=r"expected a LeRobotDataset v3\.x, got v2\.1"):
        load_episodes(root)


def test_missing_frame_is_refused(episodes, write_dataset):
    """Frames with a gap would make chunks that never were."""

    def gap(columns):
        columns["frame_index"][2:4] += 1

    with pytest.raises(DatasetError, match="episode 0: expected consecutive frames, got frame 3"):
        load_episodes(write_dataset(episodes, change=gap))


def test_select_takes_whole_episodes_in_the_order_given(episodes):
    """Rows follow their episode."""
    some = episodes.select([2, 0])

    assert some.episode.tolist() == [20, 0]
    assert some.start.tolist() == [0, 6]
    np.testing.assert_array_equal(some.actions[6:], episodes.actions[:4])


def test_fingerprint_sees_every_change(episodes):
    """Another outcome is another dataset."""
    assert relabel(episodes, ~episodes.success).fingerprint() != episodes.fingerprint()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_reads_what_lerobot_writes(tmp_path):
    """A dataset made by lerobot itself, over two sessions, is read whole."""
    from lerobot.datasets import LeRobotDataset

    features = {
        "observation.state": {"dtype": "float32", "shape": (3,), "names": None},
        "action": {"dtype": "float32", "shape": (2,), "names": ["a", "b"]},
        "next.success": {"dtype": "bool", "shape": (1,), "names": None},
    }
    root, rng = tmp_path / "made", np.random.default_rng(0)
    actions = rng.normal(size=(2, 5, 2)).astype(np.float32)
    for episode in range(2):
        if episode == 0:
            made = LeRobotDataset.create("local/made", fps=10, root=root, features=features)
        else:
            made = LeRobotDataset.resume("local/made", root=root)
        for frame in range(5):
            made.add_frame(
                {
                    "observation.state": np.full(3, frame, np.float32),
                    "action": actions[episode, frame],
                    "next.success": np.array([episode == 1 and frame == 4]),
                    "task": "pick",
                }
            )
        made.save_episode()
        made.finalize()

    loaded = load_episodes(root)

    np.testing.assert_array_equal(loaded.actions, actions.reshape(10, 2))
    assert loaded.success.tolist() == [False, True]
    assert [dim.name for dim in loaded.embodiment.actions] == ["a", "b"]


def test_several_datasets_are_learnt_from_as_one(make_episodes, write_dataset):
    """Demonstrations, and what the policy did: rows follow each other, episodes count anew."""
    first = make_episodes([4, 6], [True, False])
    second = make_episodes([5], [True])
    roots = [write_dataset(first, name="one"), write_dataset(second, name="two")]

    joined = load_datasets(roots)

    np.testing.assert_array_equal(joined.episode, [0, 1, 2])
    np.testing.assert_array_equal(joined.start, [0, 4, 10])
    np.testing.assert_array_equal(joined.end, [4, 10, 15])
    np.testing.assert_array_equal(joined.success, [True, False, True])
    np.testing.assert_array_equal(joined.actions, np.concatenate([first.actions, second.actions]))
    assert joined.select([2]).actions.shape == (5, 1)


def test_a_dataset_of_another_task_is_not_added(make_episodes, write_dataset):
    """Their values have nothing to do with each other."""
    episodes = make_episodes([4], [True])
    one = write_dataset(episodes, name="one")
    two = write_dataset(episodes, name="two", instruction="walk to the left")

    with pytest.raises(DatasetError, match=r"two: expected what .*one is of: task: expected"):
        load_datasets([one, two])


def test_outcomes_in_a_file_are_of_one_dataset(make_episodes, write_dataset, tmp_path):
    """The numbers in it would mean episodes of either."""
    root = write_dataset(make_episodes([4], [True]))

    with pytest.raises(ConfigError, match="--success: expected one --dataset with it, got 2"):
        load_datasets([root, root], success=tmp_path / "outcomes.csv")
