"""`steer label` from the command line to what `steer train` reads."""

import json
import shlex

import numpy as np
import pytest

from steer import cli
from steer.train.datasets import load_episodes

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def labelled(make_episodes, write_dataset, tmp_path, capsys):
    """Data without outcomes, labelled from the command line, and what was printed."""
    made = make_episodes([8] * 10, [True, False] * 5)

    def change(columns):
        columns["is_intervention"] = np.arange(80) % 8 > 3
        columns["is_intervention"][40:] = False

    root = write_dataset(made, change=change, drop=("next.success",))
    rows = [f"{10 * index},{(index + 1) % 2}" for index in range(10)]
    (tmp_path / "s.csv").write_text("\n".join(["episode,success", *rows]))
    words = ["--dataset", str(root), "--output", str(tmp_path / "out")]
    words += ["--kinds", "interventions", "reward", "success"]
    words += ["--success.csv", str(tmp_path / "s.csv"), "--reward.of", "observation.state[0]"]
    words += ["--interventions.column", "is_intervention", "--interventions.horizon", "2"]

    code = cli.main(["label", *words])

    assert code == 0
    return made, tmp_path / "out", capsys.readouterr().out, words


def test_what_was_labelled_is_printed_and_kept(labelled):
    """Every kind with its numbers; the copy holds the same, and the command."""
    _, root, text, words = labelled

    assert [line.partition(":")[0] for line in text.splitlines() if ":" in line] == [
        "success",
        "reward",
        "interventions",
    ]
    assert "  successes                        5\n" in text
    assert text.endswith(f"wrote {root}\n")
    told = json.loads((root / "meta/labels.json").read_text())["labels"]
    assert [item["kind"] for item in told] == ["success", "reward", "interventions"]
    assert told[0]["numbers"]["share_of_successes"]["value"] == 0.5
    assert told[0]["command"] == shlex.join(["steer", "label", *words])
    assert told[0]["dataset"] == "data"


def test_training_reads_the_outcomes_without_an_option(labelled):
    """They are those of the file, and the pairs are there."""
    made, root, _, _ = labelled

    episodes = load_episodes(root)

    np.testing.assert_array_equal(episodes.is_success, made.is_success)
    assert episodes.fingerprint() == made.fingerprint()
    assert len(episodes.pairs) == 15  # of five interventions of four frames, three chunks each


@pytest.mark.slow
def test_preference_trains_on_the_copy(labelled, tmp_path, caplog):
    """Its curve shows the labelled pairs."""
    _, root, _, _ = labelled
    words = ["--dataset", str(root), "--output", str(tmp_path / "critic"), "--horizon", "2"]
    words += ["--steps", "8", "--batch-size", "16", "--algorithm", "preference"]

    with caplog.at_level("INFO"):
        code = cli.main(["train", *words])

    card = json.loads((tmp_path / "critic/card.json").read_text())
    assert code == 0
    assert "labelled_right" in card["training"]["last"]
    assert "labelled preferences=15: learnt from" in caplog.text


def test_errors_are_one_line(tmp_path, capsys):
    """As of every command."""
    words = ["--dataset", str(tmp_path), "--output", str(tmp_path / "out"), "--kinds", "progress"]

    assert cli.main(["label", *words]) == 2
    assert "--progress.critic DIR" in capsys.readouterr().err
