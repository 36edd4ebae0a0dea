"""Outcomes from a file, assumed, or permuted."""

import numpy as np
import pytest

from steer.errors import DatasetError
from steer.train.labels import permute_success, read_success

EPISODES = np.array([3, 5])


def test_csv_is_read_by_episode_number(tmp_path):
    """Order does not matter, further episodes are ignored, words and digits both count."""
    path = tmp_path / "success.csv"
    path.write_text("episode,success\n9,1\n5,TRUE\n3,0\n")

    assert read_success(path, EPISODES).tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("episode,success\n3,1\n", r"got none of \[5\]"),
        ("episode,success\n3,1\n3,1\n5,0\n", "got 3 again"),
        ("episode,success\n3,maybe\n", "columns episode,success"),
        ("episode,success\n3\n", "columns episode,success"),
        ("3,1\n5,0\n", "columns episode,success"),
        ("", r"got none of \[3, 5\]"),
    ],
)
def test_wrong_csv_is_refused(tmp_path, text, complaint):
    """The text says what the file should have been."""
    path = tmp_path / "success.csv"
    path.write_text(text)

    with pytest.raises(DatasetError, match=complaint):
        read_success(path, EPISODES)


def test_missing_csv_is_refused(tmp_path):
    """A file that is not there gives our error."""
    with pytest.raises(DatasetError, match=r"no\.csv"):
        read_success(tmp_path / "no.csv", EPISODES)


def test_permutation_keeps_the_count():
    """As many succeed as before, others than before, the same for the same seed."""
    success = np.arange(40) < 15

    dealt = permute_success(success, seed=1)

    assert dealt.sum() == 15
    assert (dealt != success).any()
    assert (dealt == permute_success(success, seed=1)).all()
