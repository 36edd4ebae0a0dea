"""Names of critics and policies on the command line."""

from pathlib import Path

import pytest

from steer.errors import ConfigError
from steer.serve.naming import critic_directories, policy_directories


def test_a_critic_is_called_by_its_name_or_its_directory():
    """`NAME=DIR`, or the last part of DIR."""
    found = critic_directories(["push=runs/7", "runs/peg"])

    assert found == {"push": Path("runs/7"), "peg": Path("runs/peg")}


def test_a_policy_says_its_kind():
    """`NAME=lerobot:DIR`."""
    found = policy_directories(["push=lerobot:a/b", "lerobot:c/d"])

    assert found == ({"push": Path("a/b"), "d": Path("c/d")}, frozenset())


def test_a_policy_may_be_asked_to_guide_its_chunks():
    """`?rtc` is no part of the directory, nor of its name; both kinds may be served."""
    found = policy_directories(["lerobot:a/b?rtc", "own=lerobot:a/b", "c=lerobot:a/b?rtc"])

    assert found == (dict.fromkeys(("b", "own", "c"), Path("a/b")), {"b", "c"})


@pytest.mark.parametrize(
    "text", ["push=a/b", "openpi:a", "push=lerobot:", "lerobot", "a=lerobot:?rtc"]
)
def test_another_kind_of_policy_is_refused(text):
    """The text has the form that is expected."""
    with pytest.raises(ConfigError, match=r"--policy: expected \[NAME=\]lerobot:DIR\[\?rtc\], got"):
        policy_directories([text])


def test_one_name_for_two_is_refused():
    """Sessions could not tell them apart."""
    with pytest.raises(ConfigError, match=r"--critic: .* got 'a' twice"):
        critic_directories(["x/a", "y/a"])
