"""The suite's checkpoints by name, each with its tasks and data; what trains them is elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sim.suite import POLICIES, SuitePolicy, source_of
from sim.tasks import DEMO, spec_of

__all__ = ["CAMERAS", "PLAN", "Planned"]

CAMERAS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"metaworld": ("corner3", 3), "gymnasium-robotics": ("external_camera_0", 1)}
)
"""Camera of the policies that look, by dataset, and how many ticks lie between two pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One checkpoint of the suite.

    Attributes:
        kind: What it is one of.
        tasks: What it is trained on and serves.
        dataset: Directory of their data; they share it.
        steps: Gradient steps; 0 is the architecture's own number.
    """

    kind: SuitePolicy
    tasks: tuple[str, ...]
    dataset: str
    steps: int


def _plan() -> dict[str, Planned]:
    """Return the checkpoints of all kinds of policies."""
    tasks: dict[str, list[str]] = {}
    kinds: dict[str, SuitePolicy] = {}
    for policy, kind in POLICIES.items():
        for task in kind.tasks:
            name = source_of(policy, task)
            tasks.setdefault(name, []).append(task)
            kinds[name] = kind
    return {
        name: Planned(
            kind=kinds[name],
            tasks=tuple(found),
            dataset=spec_of(found[0]).dataset,
            steps=0 if found[0] in DEMO else kinds[name].steps,
        )
        for name, found in tasks.items()
    }


PLAN: Mapping[str, Planned] = MappingProxyType(_plan())
