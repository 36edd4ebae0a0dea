"""What is packed: the wheel holds `steer` and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """The paths inside a freshly built wheel."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = target.glob("vla_steer-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_description(names):
    """`sim`, `tests` and the like are generic names, and stay out of others' environments."""
    tops = {name.partition("/")[0] for name in names}

    assert {top.partition("-")[0] for top in tops} == {"steer", "vla_steer"}


@pytest.mark.slow
def test_the_wheel_holds_types_and_stubs(names):
    """A robot gets the hints, the generated stubs and the licence."""
    assert {"steer/py.typed", "steer/v1/types_pb2.py", "steer/v1/types_pb2.pyi"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
