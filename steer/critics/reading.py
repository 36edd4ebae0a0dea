"""Records from JSON trees, those of older cards included: every field known, none forgotten."""

from collections.abc import Set
from dataclasses import fields
from typing import Any

__all__ = ["check_fields", "read_record"]


def check_fields(record: type[Any], tree: object, *, later: Set[str]) -> dict[str, Any]:
    """Return a tree whose fields are those of a record.

    Args:
        record: A dataclass.
        tree: What JSON said.
        later: Fields that trees of older versions lack; the record has defaults for them.

    Raises:
        ValueError: It is no object, lacks a field, or has one too many.
    """
    names = {item.name for item in fields(record)}
    if not isinstance(tree, dict):
        raise ValueError(f"{record.__name__}: expected the fields {sorted(names)}, got {tree!r}")
    if missing := sorted(names - later - set(tree)):
        raise ValueError(f"{record.__name__}: expected the fields {missing} too, got none")
    if unknown := sorted(set(tree) - names):
        raise ValueError(f"{record.__name__}: expected no fields {unknown}, got them")
    return tree


def read_record(record: type[Any], tree: object, *, later: Set[str]) -> Any:  # noqa: ANN401 - any
    """Return the record that a tree describes, lists as tuples.

    Raises:
        ValueError: As `check_fields`.
    """
    items = check_fields(record, tree, later=later).items()
    return record(**{name: tuple(v) if isinstance(v, list) else v for name, v in items})
