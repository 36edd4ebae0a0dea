"""Which of many equal events are logged: a fault of every tick must not fill the disk."""

__all__ = ["is_said"]


def is_said(count: int) -> bool:
    """Return whether the n-th time of something is logged: the first, second, fourth, eighth."""
    return count & (count - 1) == 0
