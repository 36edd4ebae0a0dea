"""Episodes of several tasks as one, each with its own instruction."""

import json
from dataclasses import replace

import numpy as np
import pytest

from steer.critics.encoders.language import hash_text
from steer.errors import ConfigError, DatasetError, InvalidInputError
from steer.train.candidates import load_candidates, logged_rows, save_candidates
from steer.train.joined import load_datasets
from steer.train.tasks import Tasks, check_instructions, first_of_each, join_tasks, vectors_for

TOLD = ["walk", "run", "walk", "run", "run"]


@pytest.fixture
def episodes(make_episodes):
    return make_episodes([4, 3, 6, 5, 4], [True, False, True, True, False])


@pytest.fixture
def root(episodes, write_dataset):
    return write_dataset(episodes, told=TOLD)


def test_several_tasks_are_read_as_one(episodes, root):
    """Task by task in the order asked for, each episode with its instruction."""
    loaded = load_datasets([root], tasks=["run", "walk"])

    order = [1, 3, 4, 0, 2]
    np.testing.assert_array_equal(loaded.actions, episodes.select(order).actions)
    assert loaded.success.tolist() == [False, True, False, True, True]
    assert (loaded.task, loaded.instruction) == ("run, walk", "run; walk")
    tasks = loaded.told()
    assert (tasks.names, tasks.of.tolist()) == (("run", "walk"), [0, 0, 0, 1, 1])
    assert loaded.episode.tolist() == [0, 1, 2, 3, 4]


def test_a_part_of_several_tasks_knows_its_own(root):
    """Held-out episodes are told what they were recorded under."""
    loaded = load_datasets([root], tasks=["run", "walk"]).select([4, 0])

    assert loaded.told().of.tolist() == [1, 0]


def test_of_several_datasets_each_gives_the_tasks_that_it_has(episodes, write_dataset):
    """One may have a task that another lacks."""
    roots = [
        write_dataset(episodes, told=TOLD),
        write_dataset(episodes, name="more", instruction="walk"),
    ]

    tasks = load_datasets(roots, tasks=["walk", "run"]).told()

    assert tasks.names == ("walk", "run")
    assert tasks.of.tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]


def test_tasks_may_be_called_by_name_or_instruction(episodes, root):
    """As meta/steer.json has both; one of them twice is refused."""
    body = json.loads(episodes.embodiment.to_json())
    names = {"slow": {"instruction": "walk"}, "fast": {"instruction": "run"}}
    tree = {"format_version": 1, "embodiment": body, "tasks": names}
    (root / "meta/steer.json").write_text(json.dumps(tree))

    assert load_datasets([root], tasks=["slow", "run"]).task == "slow, fast"
    with pytest.raises(ConfigError, match="--task: expected each task once, got 'fast' again"):
        load_datasets([root], tasks=["fast", "slow", "run"])


def test_tasks_that_do_not_exist_are_refused(episodes, root, write_dataset):
    """With those that there are; of several datasets none may be there for nothing."""
    other = write_dataset(episodes, name="other", instruction="fly")

    with pytest.raises(DatasetError, match=r"--task: expected tasks of \['run', 'walk'\], got 'x'"):
        load_datasets([root], tasks=["walk", "x"])
    with pytest.raises(DatasetError, match=r"one of the tasks \['walk', 'run'\], got \['fly'\]"):
        load_datasets([root, other], tasks=["walk", "run"])
    with pytest.raises(DatasetError, match=r"expected --task to be one of .*, got none"):
        load_datasets([root])


def test_datasets_of_other_bodies_are_refused(episodes, root, write_dataset):
    """By the field that differs, whatever the tasks."""
    other = write_dataset(episodes, name="other", told=TOLD)
    info = json.loads((other / "meta/info.json").read_text())
    (other / "meta/info.json").write_text(json.dumps({**info, "robot_type": "arm"}))

    with pytest.raises(DatasetError, match=r"embodiment\.name: expected 'bot', got 'arm'"):
        load_datasets([root, other], tasks=["walk", "run"])


def test_instructions_are_part_of_what_the_data_are(root):
    """The same episodes told otherwise are other data; one task's are what they always were."""
    loaded = load_datasets([root], tasks=["run", "walk"])
    swapped = replace(loaded, tasks=replace(loaded.told(), of=1 - loaded.told().of))

    assert loaded.fingerprint() != swapped.fingerprint()
    one = load_datasets([root], tasks=["run"])
    assert one.tasks is None
    assert replace(one, tasks=one.told()).fingerprint() == one.fingerprint()


def test_one_task_of_several_datasets_needs_no_table(episodes, write_dataset):
    """But two instructions of a task are kept apart."""
    assert join_tasks([("walk", "walk on", 2), ("walk", "walk on", 3)]) is None

    tasks = join_tasks([("walk", "walk on", 1), ("walk", "go", 2)])
    assert (tasks.distinct, tasks.of.tolist()) == (("walk",), [0, 1, 1])


def test_the_first_episodes_are_those_of_each_task(root):
    """So that few of them are not of one task alone."""
    tasks = load_datasets([root], tasks=["run", "walk"]).told()

    assert first_of_each(tasks, 2).tolist() == [0, 1, 3, 4]
    assert first_of_each(tasks, None).tolist() == [0, 1, 2, 3, 4]


def test_rows_are_alike_only_within_a_task(root):
    """What came of a chunk under another instruction says nothing here."""
    loaded = load_datasets([root], tasks=["run", "walk"])

    rows = logged_rows(loaded, num_candidates=3, horizon=2)

    own = np.repeat(loaded.told().of, loaded.end - loaded.start)
    assert (own[rows] == own[:, None]).all()
    assert rows[:, 0].tolist() == list(range(len(own)))


def test_candidates_drawn_for_one_task_are_found_among_several(root, tmp_path):
    """An episode is the same, whatever others stand beside it."""
    both = load_datasets([root], tasks=["run", "walk"])
    drawn = np.random.default_rng(0).normal(size=(len(both.actions), 2, 3, 1)).astype(np.float32)
    save_candidates(tmp_path / "c", drawn, both, about={"policy": "p"})

    one = load_datasets([root], tasks=["walk"])

    found = load_candidates(tmp_path / "c", one, horizon=3)
    np.testing.assert_array_equal(found, drawn[-len(one.actions) :])


def _tasks(*texts):
    return Tasks(names=texts, instructions=texts, of=np.zeros(1, np.int64))


def test_instructions_that_no_robot_could_send_are_refused():
    """None at all, and more than the wire carries; other scripts are fine."""
    check_instructions(_tasks("拿起红色的杯子", "x" * 2048))

    with pytest.raises(DatasetError, match=r"an instruction, which the critic reads, got none"):
        check_instructions(_tasks("walk", "  "))
    with pytest.raises(DatasetError, match=r"at most 2048 bytes, .* got 10000 bytes: 'xxx"):
        check_instructions(_tasks("x" * 10_000))


def test_vectors_are_hashed_or_those_that_are_there():
    """Those of another sentence encoder than the critic's are refused."""
    encoder, made = "sha256:" + "1" * 64, np.ones((2, 4), np.float32)
    tasks = replace(_tasks("walk", "run"), vectors=made, encoder=encoder)

    hashed = vectors_for(tasks, size=4, encoder="")

    np.testing.assert_array_equal(hashed, [hash_text("walk", 4), hash_text("run", 4)])
    assert vectors_for(tasks, size=4, encoder=encoder) is made
    with pytest.raises(InvalidInputError, match=r"of the sentence encoder sha256:1+, got none"):
        vectors_for(_tasks("walk"), size=4, encoder=encoder)
