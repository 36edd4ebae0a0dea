"""Figures as words: one way of writing each kind."""

import math
from typing import Protocol

__all__ = ["Interval", "count_of", "p_value", "rate", "share", "signed"]

DASH = "\u2013"


class Interval(Protocol):
    """A figure with its ends."""

    @property
    def value(self) -> float:
        """The figure."""
        ...

    @property
    def low(self) -> float:
        """Its lower end."""
        ...

    @property
    def high(self) -> float:
        """Its upper end."""
        ...


def signed(figure: Interval | None, digits: int = 2) -> str:
    """Return a difference with its interval, `+0.40 [+0.30, +0.50]`; a dash where there is none."""
    return _with_ends(figure, f"+.{digits}f")


def rate(figure: Interval | None) -> str:
    """Return a rate with its interval, `0.40 [0.30, 0.50]`; a dash where there is none."""
    return _with_ends(figure, ".2f")


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{value:.0%}"


def p_value(value: float) -> str:
    """Return a p-value with two digits that matter."""
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def count_of(number: int, thing: str) -> str:
    """Return `1 cell`, `2 cells`, `no cells`."""
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


def _with_ends(figure: Interval | None, form: str) -> str:
    if figure is None:
        return DASH
    value = _number(figure.value, form)
    if not (math.isfinite(figure.low) and math.isfinite(figure.high)):
        return f"{value} [no interval]"
    return f"{value} [{_number(figure.low, form)}, {_number(figure.high, form)}]"


def _number(value: float, form: str) -> str:
    """Format a number; what rounds to zero has no minus."""
    text = format(value, form)
    return text.replace("-", "+" if "+" in form else "") if float(text) == 0 else text
