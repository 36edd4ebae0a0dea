"""Which critic and which policy serve a robot: those of its embodiment, or a refusal by name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from steer.critics.verdict import audit_fault
from steer.embodiment import Embodiment
from steer.errors import ConfigError, EmbodimentMismatchError
from steer.serve.catalogue import Catalogue

__all__ = ["Match", "doubts", "match"]


@dataclass(frozen=True, slots=True)
class Match:
    """What a session was matched to.

    Attributes:
        critic: Name of the critic.
        policy: Name of the policy source; empty where none fits, or several do.
        warnings: What could not be compared or decided, one sentence each.
    """

    critic: str
    policy: str
    warnings: tuple[str, ...]


def match(
    catalogue: Catalogue,
    robot: Embodiment,
    *,
    critic: str,
    policy: str,
    commit_horizon: int | None = None,
) -> Match:
    """Return what serves `robot`.

    Args:
        catalogue: What there is.
        robot: Its embodiment.
        critic: Name of the wanted critic; empty for the only one that fits.
        policy: Name of the wanted policy; empty for the only one that fits, or none: a robot that
            only ranks needs none.
        commit_horizon: How many actions of a chunk the robot runs; None for as many as the critic
            values.

    Raises:
        EmbodimentMismatchError: What was named does not fit, or no critic does; the text has the
            fields that differ, of the nearest critic where none was named.
        ConfigError: There is nothing of that name, or several critics fit and none was named.
    """
    bodies = {name: item.card.embodiment for name, item in catalogue.critics.items()}
    misfits = {name: robot.differences(body) for name, body in bodies.items()}
    chosen = _named("critic", critic, misfits) if critic else _only_critic(misfits)
    warnings = _unknown(f"critic {chosen!r}", bodies[chosen], robot)
    drivers = {name: item.info.embodiment for name, item in catalogue.sources.items()}
    horizon = catalogue.critics[chosen].card.horizon
    needed = horizon if commit_horizon is None else min(commit_horizon, horizon)
    misfits = {
        name: robot.differences(body) + _short(catalogue, chosen, name, needed=needed)
        for name, body in drivers.items()
    }
    driver = policy
    if policy:
        _named("policy", policy, misfits)
    else:
        fitting = _fitting(misfits)
        driver = fitting[0] if len(fitting) == 1 else ""
        if len(fitting) > 1:
            warnings.append(f"policy: none, for several fit and none is named: {_list(fitting)}")
    if driver:
        warnings += _unknown(f"policy {driver!r}", drivers[driver], robot)
    return Match(chosen, driver, tuple(warnings))


def doubts(catalogue: Catalogue) -> list[str]:
    """Return a sentence for everything that will not serve as its operator expects.

    That is a critic that no audit speaks for, and a policy that drives a body that no critic knows:
    no robot can be steered with it.
    """
    found = []
    for name, critic in catalogue.critics.items():
        fault = audit_fault(critic.card)
        if fault:
            found.append(f"critic={name}: expected an audit that it passed, got {fault}")
    bodies = [
        replace(critic.card.embodiment, observations=()) for critic in catalogue.critics.values()
    ]
    for name, source in catalogue.sources.items():
        misfits = [source.info.embodiment.differences(body) for body in bodies]
        if misfits and all(misfits):
            nearest = min(misfits, key=len)
            found.append(f"policy={name} drives a body that no critic knows: {_text(nearest)}")
    return found


def _named(kind: str, wanted: str, misfits: Mapping[str, list[str]]) -> str:
    """Return the name that was asked for, where it exists and fits."""
    if wanted not in misfits:
        raise ConfigError(f"{kind}: expected one of {_list(misfits)}, got {wanted[:64]!r}")
    if misfits[wanted]:
        raise EmbodimentMismatchError(f"{kind} {wanted!r} does not fit: {_text(misfits[wanted])}")
    return wanted


def _only_critic(misfits: Mapping[str, list[str]]) -> str:
    fitting = _fitting(misfits)
    if len(fitting) > 1:
        raise ConfigError(f"critic: expected a name, for several fit: {_list(fitting)}")
    if not fitting:
        name = min(misfits, key=lambda key: len(misfits[key]))
        raise EmbodimentMismatchError(
            f"no critic fits; nearest is {name!r}: {_text(misfits[name])}"
        )
    return fitting[0]


def _short(catalogue: Catalogue, critic: str, policy: str, *, needed: int) -> list[str]:
    """Return a sentence where a policy's chunks are too short for a critic."""
    horizon = catalogue.sources[policy].info.horizon
    if horizon >= needed:
        return []
    return [f"horizon: expected at least {needed} actions for critic {critic!r}, got {horizon}"]


def _fitting(misfits: Mapping[str, list[str]]) -> list[str]:
    return [name for name, found in misfits.items() if not found]


def _list(names: Mapping[str, object] | list[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _text(found: list[str], most: int = 8) -> str:
    more = f"; and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(found[:most]) + more


def _unknown(what: str, needed: Embodiment, robot: Embodiment) -> list[str]:
    """Return a sentence for what one side leaves unknown and is therefore not compared."""
    names = ("name", "control_hz", "mode", "frame", "rotation", "gripper")
    missing = [name for name in names if not getattr(needed, name) or not getattr(robot, name)]
    pairs = list(zip(needed.actions, robot.actions, strict=False))
    if any(not theirs.name or not ours.name for theirs, ours in pairs):
        missing.append("actions.name")
    # Two sides without a unit agree, as on a gripper; it has no scale either.
    with_unit = [pair for pair in pairs if pair[0].unit or pair[1].unit]
    missing += [
        f"actions.{name}"
        for name in ("unit", "scale")
        if any(not getattr(theirs, name) or not getattr(ours, name) for theirs, ours in with_unit)
    ]
    if any(theirs.low == theirs.high or ours.low == ours.high for theirs, ours in pairs):
        missing.append("actions.low and high")
    if not missing:
        return []
    return [f"{what}: not compared, for one side leaves it unknown: {', '.join(missing)}"]
