"""The labelled copy on disk."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steer.errors import ConfigError
from steer.train.labelling.label import Label
from steer.train.labelling.recording import open_recording
from steer.train.labelling.writing import write_copy
from steer.train.pairs import Pairs

ABOUT = {"command": "steer label", "date": "2026-11-22"}


def labels_of(values):
    """A replaced column and a new one."""
    columns = {"next.success": values > 20, "steer.progress": values.astype(np.float32)}
    return [Label(kind="progress", source="a test", columns=columns, numbers={"frames": 24})]


@pytest.fixture
def root(episodes, write_dataset):
    """A dataset with a film, statistics of its episodes, and the library's own description."""
    made = write_dataset(episodes)
    films = made.with_name("films")
    (films / "top").mkdir(parents=True)
    (films / "top/file-000.mp4").write_bytes(b"film")
    (made / "videos").symlink_to(films)
    (made / "meta/episodes/chunk-000").mkdir(parents=True)
    table = pa.table({"episode_index": [0, 10, 20, 30], "stats/next.success/max": [[9.0]] * 4})
    pq.write_table(table, made / "meta/episodes/chunk-000/file-000.parquet")
    for path in (made / "data").rglob("*.parquet"):
        features = {"action": {"feature": {"dtype": "float32"}, "_type": "Sequence"}}
        known = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
        table = pq.read_table(path)
        pq.write_table(table.replace_schema_metadata(known), path, row_group_size=5)
    return made


def contents(root):
    """Return every file and what is in it."""
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_columns_are_replaced_and_added_over_file_borders(root, tmp_path):
    """All else in the rows stays as it was, and so does the input."""
    recording, before = open_recording(root, task=None), contents(root)

    write_copy(recording, tmp_path / "out", labels_of(np.arange(24)), ABOUT)

    copy = open_recording(tmp_path / "out", task=None)
    assert copy.column("steer.progress").tolist() == list(range(24))
    assert copy.column("next.success").tolist() == [False] * 21 + [True] * 3
    np.testing.assert_array_equal(copy.column("action"), recording.column("action"))
    assert contents(root) == before
    files = [pq.ParquetFile(path) for path in copy.files]
    assert [file.num_row_groups for file in files] == [3, 3]
    assert files[0].schema_arrow.names == [
        *pq.read_schema(recording.files[0]).names,
        "steer.progress",
    ]


def test_metadata_tell_of_the_columns(root, tmp_path):
    """Features, statistics of all and of each episode, and the library's own description."""
    write_copy(open_recording(root, task=None), tmp_path / "out", labels_of(np.arange(24)), ABOUT)

    meta = tmp_path / "out/meta"
    info = json.loads((meta / "info.json").read_text())
    described = {"dtype": "float32", "shape": [1], "names": None}
    assert info["features"]["steer.progress"] == described
    stats = json.loads((meta / "stats.json").read_text())
    found = stats["steer.progress"]
    assert {*found} == {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}
    told = [found[name] for name in ("min", "q50", "max", "count")]
    assert told == [[0.0], [11.5], [23.0], [24]]
    each = pq.read_table(meta / "episodes/chunk-000/file-000.parquet").to_pydict()
    assert each["stats/next.success/max"] == [[0.0], [0.0], [0.0], [1.0]]
    assert each["stats/steer.progress/mean"] == [[2.5], [8.5], [14.5], [20.5]]
    schema = pq.read_schema(tmp_path / "out/data/chunk-000/file-001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["steer.progress"] == {"dtype": "float32", "_type": "Value"}
    assert features["action"]["_type"] == "Sequence"


def test_frames_without_a_label_do_not_count_in_statistics(root, tmp_path):
    """NaN would spoil the normalisation of whoever reads them."""
    values = np.where(np.arange(24) < 6, 0.5, np.nan)

    write_copy(open_recording(root, task=None), tmp_path / "out", labels_of(values), ABOUT)

    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())["steer.progress"]
    assert (stats["mean"], stats["count"]) == ([0.5], [6])


def test_films_are_shared_and_nothing_else(root, tmp_path):
    """A file that could be written again is a file of its own."""
    write_copy(open_recording(root, task=None), tmp_path / "out", labels_of(np.arange(24)), ABOUT)

    for inner, is_shared in (("videos/top/file-000.mp4", True), ("meta/tasks.parquet", False)):
        one, other = root / inner, tmp_path / "out" / inner
        assert one.read_bytes() == other.read_bytes()
        assert one.samefile(other) is is_shared


def test_what_was_labelled_before_stays_told(root, tmp_path):
    """A second run on the copy adds to meta/labels.json."""
    write_copy(open_recording(root, task=None), tmp_path / "one", labels_of(np.arange(24)), ABOUT)
    pairs = Pairs(
        episode=np.array([0]),
        frame=np.array([1]),
        preferred=np.ones((1, 2, 1), np.float32),
        rejected=np.zeros((1, 2, 1), np.float32),
    )
    second = [Label(kind="interventions", source="another", pairs=pairs)]

    write_copy(open_recording(tmp_path / "one", task=None), tmp_path / "two", second, ABOUT)

    told = json.loads((tmp_path / "two/meta/labels.json").read_text())["labels"]
    assert told == [
        {
            "kind": "progress",
            "source": "a test",
            "wrote": ["next.success", "steer.progress"],
            "numbers": {"frames": 24},
            **ABOUT,
        },
        {
            "kind": "interventions",
            "source": "another",
            "wrote": ["meta/preferences.parquet"],
            "numbers": {},
            **ABOUT,
        },
    ]


def test_a_run_that_fails_leaves_nothing(root, tmp_path):
    """Neither half a copy nor a place that is taken."""
    recording = open_recording(root, task=None)
    (root / "meta/stats.json").write_text("no json")

    with pytest.raises(Exception, match=r"stats\.json: cannot be read"):
        write_copy(recording, tmp_path / "out", labels_of(np.arange(24)), ABOUT)

    assert not list(tmp_path.glob("out*"))


def test_what_a_killed_run_left_is_not_overwritten(root, tmp_path):
    """It says what to delete."""
    (tmp_path / "out.partial").mkdir()

    with pytest.raises(ConfigError, match=r"a stopped run left .*out\.partial; delete"):
        write_copy(open_recording(root, task=None), tmp_path / "out", [], ABOUT)

    assert (tmp_path / "out.partial").exists()
