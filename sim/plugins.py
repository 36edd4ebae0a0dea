"""Policies and tasks of the user's own: `FILE.py:NAME` on the command line."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from steer.errors import ConfigError

__all__ = ["is_plugin", "load_plugin"]


def is_plugin(name: str) -> bool:
    """Return whether a name says where the thing is, and not how it is called here."""
    return ".py:" in name


@cache
def load_plugin(name: str) -> Any:
    """Run the user's file and return the thing in it.

    Args:
        name: `FILE.py:NAME`.

    Raises:
        ConfigError: There is no such file, it cannot be run, or it has nothing of that name.
    """
    file, _, attribute = name.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f"{name}: expected a Python file, got none at {path}")
    spec = importlib.util.spec_from_file_location(f"steer_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{name}: expected a Python file, got {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, NameError) as error:
        raise ConfigError(f"{name}: expected a file that can be run, got {error!r}") from error
    if not hasattr(module, attribute):
        raise ConfigError(f"{name}: expected {attribute} in {path}, got no such name")
    return getattr(module, attribute)
