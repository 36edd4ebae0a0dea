"""What was chosen on tune seeds, frozen: the only configuration that may see test seeds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.evaluation.arms import Settings
from sim.evaluation.plan import Evaluation
from sim.plugins import is_plugin
from sim.seeds import SPLITS
from sim.suite import ARTEFACTS
from sim.tasks import spec_of
from steer.errors import ConfigError
from steer.wire.session import ServerDescription

__all__ = ["Tuned", "check_test_run"]

_SWEEP = (1, 8, 16, 64)
_OTHER = "; other configurations run on --seeds tune or --seeds user"


@dataclass(frozen=True, slots=True)
class Tuned:
    """The committed record of what was tuned.

    Attributes:
        settings: N, margin and beta of the whole suite; the defaults where nothing was tuned.
        critics: Digest of each critic that was there then, by its name.
        is_there: Whether there is a record.
    """

    settings: Settings
    critics: Mapping[str, str]
    is_there: bool

    @classmethod
    def load(cls, artefacts: Path = ARTEFACTS) -> "Tuned":
        """Read the record.

        Raises:
            ConfigError: It is damaged.
        """
        path = artefacts / "tuning.json"
        if not path.is_file():
            return cls(Settings(), {}, is_there=False)
        try:
            tree: dict[str, Any] = json.loads(path.read_text())
            return cls(Settings(**tree["settings"]), dict(tree["critics"]), is_there=True)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: expected a record of sim.tune, got {error!r}") from error


def check_test_run(
    evaluation: Evaluation,
    tuned: Tuned,
    description: ServerDescription,
    critics: Callable[[str], Path],
) -> None:
    """Refuse test seeds to anything but what was frozen.

    Args:
        evaluation: What is about to run.
        tuned: What was frozen.
        description: Of the server. A task that it has no critic of is complete: it was checked when
            it ran, and `run.json` keeps the digest.
        critics: Gives the directory of a task's critic.

    Raises:
        ConfigError: Another margin, beta, weight or N, another critic, or one that has seen the
            seeds.
    """
    if evaluation.split != "test":
        return
    for name in ("margin", "beta", "weights", "num_fitted", "adaptive", "paraphrase"):
        was, now = getattr(tuned.settings, name), getattr(evaluation.settings, name)
        if was != now:
            raise ConfigError(
                f"--{name}: expected {was}, as tuned, on test seeds, got {now}{_OTHER}"
            )
    allowed = {*_SWEEP, tuned.settings.num_candidates}
    for block in evaluation.blocks:
        for run in block.runs(evaluation.settings):
            if run.num_candidates not in allowed:
                raise ConfigError(
                    f"--candidates: expected on test seeds {tuned.settings.num_candidates}, as "
                    f"tuned, or one of the sweep {_SWEEP}, got {run.num_candidates}{_OTHER}"
                )
    served = {item.name: item.digest for item in description.critics}
    for task in evaluation.tasks:
        name = spec_of(task).name
        if name in served:
            _check_critic(name, served[name], tuned, is_own=is_plugin(task))
            _check_seeds(critics(name))


def _check_critic(name: str, digest: str, tuned: Tuned, *, is_own: bool) -> None:
    """Refuse a critic that the record does not know; of a task it may know several, `push@25`."""
    known = [found for key, found in tuned.critics.items() if key.partition("@")[0] == name]
    if is_own or not known:
        raise ConfigError(
            f"critic {name!r}: expected one that was there when N and margin were tuned, on test "
            f"seeds, got one that tuning.json does not know{_OTHER}"
        )
    if digest not in known:
        raise ConfigError(
            f"critic {name!r}: expected {' or '.join(known)}, as when N and margin were tuned, "
            f"on test seeds, got {digest}; tune anew: python -m sim.tune"
        )


def _check_seeds(critic: Path) -> None:
    """Refuse a critic whose card shows test seeds, or none."""
    card = critic / "card.json"
    seeds = json.loads(card.read_text()).get("dataset", {}).get("seeds", [])
    if not seeds:
        raise ConfigError(
            f"critic {critic}: expected a card that says which seeds it has seen, on test seeds, "
            f"got none{_OTHER}"
        )
    test = SPLITS["test"]
    if seeds[0] < test.stop and seeds[-1] >= test.start:
        raise ConfigError(
            f"critic {critic}: expected one that has seen no test seed, got one of seeds "
            f"{seeds[0]} to {seeds[-1]}"
        )
