"""`make setup`: which Python it takes, what it says without one, and that it works only once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def program(folder, name, text):
    """Write a shell program."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path):
    """A folder with the few programs that the script needs, and no Python."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("awk", "cat", "cksum", "mkdir", "sh"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def run_setup(programs, venv, **variables):
    """Run the script with nothing else on the path."""
    environment = {"PATH": str(programs), "HOME": "/nonexistent", "VENV": str(venv), **variables}
    return subprocess.run(
        [programs / "sh", "scripts/setup.sh"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_python_3_12_it_says_how_to_get_it(programs, tmp_path):
    """Stand-ins that do not run and other versions do not count."""
    program(programs, "python3.12", "echo 'python3.12: command not found' >&2; exit 127")
    program(programs, "python3", "exit 1")

    done = run_setup(programs, tmp_path / "venv")

    assert done.returncode == 1
    assert done.stderr.startswith("setup: Python 3.12 is needed, and none was found.")
    assert "sudo apt-get install python3.12 python3.12-venv" in done.stderr
    assert "brew install python@3.12" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_only_a_version_manager_knows_is_found(programs, tmp_path):
    """Where the name on the path does not run, the manager's own folder is tried."""
    folder = tmp_path / "pyenv" / "versions" / "3.12.9" / "bin"
    folder.mkdir(parents=True)
    program(folder, "python3.12", 'case "$1" in -c) exit 0 ;; *) echo "$@"; exit 7 ;; esac')

    done = run_setup(programs, tmp_path / "venv", PYENV_ROOT=str(tmp_path / "pyenv"))

    assert f"setup: making {tmp_path}/venv with {folder}/python3.12" in done.stdout
    assert "sudo apt-get install python3.12-venv" in done.stderr  # `-m venv` of this one fails


def test_what_is_installed_is_not_installed_again(programs, tmp_path):
    """The second run leaves the packages alone, for the lock has not changed."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    program(folder, "python", f'exec "{sys.executable}" "$@"')
    program(programs, "uv", f'echo "$1 $2" >>"{tmp_path}/calls"')

    first = run_setup(programs, tmp_path / "venv")
    second = run_setup(programs, tmp_path / "venv")

    assert (first.returncode, second.returncode) == (0, 0)
    assert (tmp_path / "calls").read_text() == "pip install\npip install\n"
    assert second.stdout == "setup: done; next: make demo, make test\n"
