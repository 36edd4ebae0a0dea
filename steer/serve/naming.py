"""What operators call critics and policies: `[NAME=]DIR`, `[NAME=]lerobot:DIR[?rtc]`."""

from collections.abc import Sequence
from pathlib import Path

from steer.errors import ConfigError

__all__ = ["critic_directories", "policy_directories"]

_GUIDED = "?rtc"


def critic_directories(options: Sequence[str]) -> dict[str, Path]:
    """Return the directory of each critic by its name; without one, the directory's own.

    Raises:
        ConfigError: Two have one name, or there is no such directory.
    """
    found: dict[str, Path] = {}
    for text in options:
        name, equals, path = text.partition("=")
        _add("--critic", found, name if equals else "", path if equals else text)
    return found


def policy_directories(options: Sequence[str]) -> tuple[dict[str, Path], frozenset[str]]:
    """Return the directory of each LeRobot checkpoint by its name.

    Returns:
        The directories, and the names of those that guide their chunks by what runs: `?rtc`.

    Raises:
        ConfigError: Two have one name, or the kind of policy is not known.
    """
    found: dict[str, Path] = {}
    guided: set[str] = set()
    for text in options:
        name, equals, rest = text.partition("=")
        kind, colon, path = (rest if equals else text).partition(":")
        directory = path.removesuffix(_GUIDED)
        if kind != "lerobot" or not colon or not directory:
            raise ConfigError(f"--policy: expected [NAME=]lerobot:DIR[?rtc], got {text!r}")
        name = _add("--policy", found, name if equals else "", directory)
        if directory != path:
            guided.add(name)
    return found, frozenset(guided)


def _add(option: str, found: dict[str, Path], name: str, path: str) -> str:
    """Add a directory under its name; return that."""
    name = name or Path(path).resolve().name
    if name in found:
        raise ConfigError(
            f"{option}: expected a name of its own for each, got {name!r} twice; write NAME=…"
        )
    found[name] = Path(path)
    return name
