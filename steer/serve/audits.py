"""Whether critics may serve: those that passed their audit, or any where the operator says so."""

from collections.abc import Mapping
from pathlib import Path

from steer.critics.critic import Critic
from steer.critics.verdict import audit_fault
from steer.errors import ConfigError

__all__ = ["check_audits"]


def check_audits(critics: Mapping[str, Critic], paths: Mapping[str, Path]) -> None:
    """Refuse critics that no audit speaks for.

    Args:
        critics: By name.
        paths: Directory of each, for the command that audits it.

    Raises:
        ConfigError: An audit failed, or there was none; the text has each such critic, the
            thresholds that it missed, and what to type.
    """
    faults = {name: audit_fault(critic.card) for name, critic in critics.items()}
    found = [
        f"critic {name!r}: expected an audit that it passed, got {fault}; "
        f"type: steer audit --critic {paths[name]} --dataset DATA"
        for name, fault in faults.items()
        if fault
    ]
    if found:
        raise ConfigError("; ".join(found) + "; or serve all the same with --allow-unaudited")
