"""What every committed file keeps to, whoever writes it."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FILE_LINES, MAX_TEST_FILE_LINES = 300, 500
MAX_FUNCTION_LINES = 60
MAX_FILE_BYTES = 20 * 2**20
# Put together from pieces, so that this file keeps to its own rule.
HOSTS = re.compile(
    "|".join(
        name + r"\." + end
        for name, end in [
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("debian", "org"),
            ("pytorch", "org"),
            ("anaconda", "org"),
        ]
    )
)
MACHINE_PATHS = re.compile(
    r"(?<![\w./-])/(?:" + "|".join(["work", "root", "home", "Users"]) + r")/\w"
)


@cache
def tracked(ending=""):
    """Return the committed files whose names end so, skipping what is deleted in the work tree."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout: there is no list of committed files")
    names = [name for name in done.stdout.split("\0") if name.endswith(ending)]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@cache
def text_of(path):
    """Return the text of a file, or nothing for one that is not text."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def lines_that_match(pattern):
    """Return `file:line` of every committed line with the pattern."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def sources():
    """Return the Python files that people wrote."""
    return [path for path in tracked(".py") if not path.is_relative_to(ROOT / "steer/v1")]


def functions(path):
    """Return every function of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, kinds)]


def test_no_file_names_the_host_of_a_package_registry():
    """Packages come from wherever the machine is set up to take them; the hashes hold anywhere."""
    assert lines_that_match(HOSTS) == []


def test_no_file_names_a_path_of_somebodys_machine():
    """What works here alone works nowhere."""
    assert lines_that_match(MACHINE_PATHS) == []


def test_no_file_is_larger_than_a_clone_should_carry():
    """Weights and results are small; data are made, not committed."""
    assert [path for path in tracked() if path.stat().st_size > MAX_FILE_BYTES] == []


def test_every_locked_package_has_a_hash():
    """A lock without hashes would take whatever comes."""
    locks = tracked(".lock")

    bare = [
        f"{path.name}: {line}"
        for path in locks
        for line in text_of(path).splitlines()
        if re.match(r"[A-Za-z0-9]", line) and not line.endswith("\\")
    ]

    assert len(locks) == 5
    assert bare == []


def test_every_source_file_is_short():
    """One idea a file; the tests of one file may be longer than it."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(text_of(path).splitlines()))
        > (MAX_TEST_FILE_LINES if path.is_relative_to(ROOT / "tests") else MAX_FILE_LINES)
    }

    assert long == {}


def test_every_function_is_short():
    """A function is read at one glance, its docstring included."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in functions(path)
        if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert long == []


def test_every_module_says_what_it_is_for():
    """The first sentence of a file is what it is for."""
    silent = [
        str(path.relative_to(ROOT))
        for path in sources()
        if text_of(path) and not ast.get_docstring(ast.parse(text_of(path)))
    ]

    assert silent == []


def test_every_test_states_its_fact_in_a_sentence():
    """The name says it in short, the docstring in full."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        if path.name.startswith("test_")
        for node in functions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_nothing_is_pickled():
    """Reading a pickle runs what it says; weights are safetensors, the rest is JSON."""
    banned = {"pickle", "cloudpickle", "dill", "joblib"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(text_of(path)))
        if (isinstance(node, ast.Import) and banned & {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module in banned)
    ]

    assert found == []
