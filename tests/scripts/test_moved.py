"""Files that could move a figure: what counts as a change of them."""

import subprocess

import pytest

from moved import has_moved, pins_of

LOCK = """\
one==1.0 ; platform == 'x' \\
    --hash=sha256:aa
two==2.0 \\
    --hash=sha256:bb
imageio-ffmpeg==3.0 \\
    --hash=sha256:ee
"""


@pytest.fixture
def committed(tmp_path):
    """Return a repository with a lock and a file of code, and its commit."""

    def git(*arguments):
        done = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "code.py").write_text("A = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "all")
    return tmp_path, git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("lock", "moved"),
    [
        (LOCK, False),
        ("# solved anew\n" + LOCK, False),
        (LOCK.replace("sha256:bb", "sha256:bb \\\n    --hash=sha256:cc"), False),
        (LOCK.replace("imageio-ffmpeg==3.0 \\\n    --hash=sha256:ee\n", ""), False),
        (LOCK.replace("bb", "cc"), True),
        (LOCK.replace("two==2.0 \\\n    --hash=sha256:bb\n", ""), True),
        (LOCK.replace("2.0", "2.1"), True),
        (LOCK.replace("ffmpeg==3.0", "ffmpeg==3.1"), True),
        (LOCK + "three==3.0 \\\n    --hash=sha256:dd\n", True),
        (LOCK + "four @ git+https://example.org/four@1\n", True),
        (LOCK.replace("platform == 'x'", "platform == 'y'"), True),
    ],
)
def test_a_lock_has_moved_where_it_asks_for_something_else(committed, lock, moved):
    """More files of the same release, comments and what never counted move nothing."""
    root, commit = committed
    (root / "requirements.lock").write_text(lock)

    assert has_moved(root, commit, ["code.py", "requirements.lock"]) is moved
    assert has_moved(root, commit, ["requirements.lock"]) is moved


def test_code_has_moved_with_any_byte(committed):
    """Beside a lock that is the same."""
    root, commit = committed
    (root / "code.py").write_text("A = 2\n")

    assert has_moved(root, commit, ["code.py", "requirements.lock"])
    assert not has_moved(root, commit, ["requirements.lock"])


def test_what_cannot_be_compared_has_moved(committed):
    """A commit that is not known, a lock that is not there."""
    root, commit = committed

    assert has_moved(root, "0" * 40, ["code.py"])
    assert has_moved(root, "0" * 40, ["requirements.lock"])
    (root / "requirements.lock").unlink()
    assert has_moved(root, commit, ["requirements.lock"])


def test_what_a_lock_asks_for_has_the_hashes_below_it():
    """Options and links stand in it, too."""
    text = "--index x\n# no\na[b]==1 ; c == 'd' \\\n    --hash=sha256:e \\\n    --hash=sha256:f\n"

    assert pins_of(text) == {
        "--index x": frozenset(),
        "a[b]==1 ; c == 'd'": {"--hash=sha256:e", "--hash=sha256:f"},
    }
