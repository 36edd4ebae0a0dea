"""Axes and marks of the plots, as SVG that the page's style colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sim.report.style import PLOT_STYLE

__all__ = [
    "Scale",
    "diamond",
    "dot",
    "drawing",
    "interval",
    "line",
    "nice_range",
    "path",
    "rect",
    "standalone",
    "text",
]

_OPEN, _CLOSE = "<div class='scroll'>", "</div>"


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels along one axis; what lies outside is drawn at the end.

    Attributes:
        low: Smallest value.
        high: Largest value.
        start: Pixel of the smallest.
        end: Pixel of the largest.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values to label, 4 to 10 of them."""
        step = _step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 10) for number in range(first, last + 1)]


def nice_range(values: Sequence[float], *, least: float = 0.2) -> tuple[float, float]:
    """Return round ends around finite values and 0, at least `least` apart."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(0.0, *finite, 0.0), max(0.0, *finite, 0.0)
    if high - low < least:
        low, high = low - least / 2, high + least / 2
    step = _step(high - low)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def drawing(width: float, height: float, body: str, *, label: str, kind: str = "") -> str:
    """Return a picture; `label` says it to those who cannot see it."""
    name = f" class='{kind}'" if kind else ""
    return (
        f"{_OPEN}<svg{name} viewBox='0 0 {width:g} {height:g}' role='img' "
        f"aria-label='{escape(label, quote=True)}'>{body}</svg>{_CLOSE}"
    )


def standalone(picture: str) -> str:
    """Return a picture of `drawing` as a file of its own, in the page's colours."""
    head, _, body = picture.removeprefix(_OPEN).removesuffix(_CLOSE).partition(">")
    head = head.replace("<svg", "<svg xmlns='http://www.w3.org/2000/svg'", 1)
    return f"{head}><style>{PLOT_STYLE}</style>{body}\n"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a line."""
    ends = f"x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}'"
    return f"<line {ends} class='{kind}'/>"


def path(points: Sequence[tuple[float, float]], kind: str, *, title: str = "") -> str:
    """Return a line through points; `title` is shown under the pointer."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f"<polyline points='{places}' class='{kind}'>{inside}</polyline>"


def rect(x: float, y: float, width: float, height: float, kind: str, *, title: str = "") -> str:
    """Return a filled rectangle; `title` is shown under the pointer."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    ends = f"x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}'"
    return f"<rect {ends} class='{kind}'>{inside}</rect>"


def dot(x: float, y: float, kind: str, *, title: str = "") -> str:
    """Return a dot; `title` is shown under the pointer."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='5' class='{kind}'>{inside}</circle>"


def text(x: float, y: float, words: str, kind: str) -> str:
    """Return words."""
    return f"<text x='{x:.1f}' y='{y:.1f}' class='{kind}'>{escape(words)}</text>"


def diamond(left: float, middle: float, right: float, y: float, kind: str) -> str:
    """Return a mean with its interval as a diamond."""
    right, left = max(right, middle + 3), min(left, middle - 3)
    points = f"{left:.1f},{y:.1f} {middle:.1f},{y - 7:.1f} {right:.1f},{y:.1f}"
    return f"<polygon points='{points} {middle:.1f},{y + 7:.1f}' class='{kind}'/>"


def interval(scale: Scale, low: float, high: float, y: float, kind: str) -> str:
    """Return the interval of a figure as a line; one without ends runs to the plot's."""
    return line(scale(low), y, scale(high), y, kind)


def _step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten that divides a span into 4 to 10."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(power * unit for unit in (1, 2, 5, 10) if span / (power * unit) <= 10)
