"""What a card says of its audit: passed, or in words why not."""

from collections.abc import Mapping
from typing import Any

from steer.critics.card import CriticCard

__all__ = ["audit_fault"]

_WHERE: Mapping[str, tuple[str, ...]] = {
    "value_order": ("value_order", "value"),
    "discrimination": ("discrimination", "0.5", "value"),
    "explained": ("explained", "value"),
    "rank_correlation": ("calibration", "rank_correlation"),
    "expert_over_noise": ("expert_over_noise", "value"),
}
"""Where an audit keeps the number that a threshold is for."""


def audit_fault(card: CriticCard) -> str:
    """Return what speaks against serving a critic: `none`, or what its audit found.

    Empty where the audit passed. An audit without a verdict, or one on what the critic was trained
    on, proves nothing, so it is a fault too.
    """
    if card.audit is None:
        return "none"
    failed = card.audit.get("failed")
    if failed is None:
        return "one without a verdict"
    if not failed:
        is_held_out = card.audit.get("is_held_out", False)
        return "" if is_held_out else "one on episodes that it was trained on"
    return "one that failed: " + ", ".join(_missed(card.audit, str(name)) for name in failed)


def _missed(audit: Mapping[str, Any], name: str) -> str:
    """Return a threshold with the number that missed it, as far as the card holds them."""
    value = _number(audit, _WHERE.get(name, (name,)))
    if value is None:
        return name
    least = _number(audit, ("thresholds", name))
    return f"{name} {value:.3f}" + ("" if least is None else f" (at least {least:g})")


def _number(tree: object, path: tuple[str, ...]) -> float | None:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return float(tree) if isinstance(tree, int | float) else None
