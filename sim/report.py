"""Figures -> one self-contained page to look at. Knows no server and no simulation."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sim.evaluation.arms import ARMS
from sim.figures import TaskFigures, verdict
from sim.files import write_whole
from sim.report_style import STYLE
from sim.stats import PairedDifference

__all__ = ["Film", "write_report"]

_PLOT_WIDTH, _ROW, _LEFT, _RIGHT = 550, 26, 260, 170
_LOW, _HIGH = -0.6, 1.0
_BARS = 70


@dataclass(frozen=True, slots=True)
class Film:
    """One film of the report.

    Attributes:
        path: An .mp4 or .png.
        caption: What it shows.
    """

    path: Path
    caption: str


def write_report(
    path: Path,
    figures: Sequence[TaskFigures],
    *,
    films: Sequence[Film],
    films_note: str,
    origin: Mapping[str, str],
) -> None:
    """Write the page.

    Args:
        path: Of the page.
        figures: Of all tasks.
        films: Embedded in the page.
        films_note: Shown where there are none.
        origin: Command, commit, machine and the like, by name.
    """
    sentence = escape(verdict(figures))
    parts = [
        f"<p class='kicker'>steer demo</p><h1>{sentence}</h1>",
        f"<section class='cards'>{''.join(map(_card, figures))}</section>",
        _section("What steering changes", _forest(figures), _FOREST_NOTE),
        _section("The same seed, side by side", _films(films, films_note), _FILM_NOTE),
        _section("Success of every arm", _success_table(figures), _ARMS_NOTE),
        _section("Where steering overrode the policy", _override_table(figures), _OVERRIDE_NOTE),
        _section("Latency of the steered arm", _latency_table(figures), _LATENCY_NOTE),
        _section("Where these figures come from", _origin(origin), ""),
    ]
    html = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>steer demo</title><style>{STYLE}</style></head><body><main>"
        f"{''.join(parts)}</main></body></html>"
    )
    write_whole(path, html)


_FOREST_NOTE = (
    "Success of one arm minus that of another on the same seeds, with 95% intervals (Newcombe, "
    "paired). Random picks one of the same candidates without a critic: what steering would be "
    "worth if the critic knew nothing. Filtered is the same policy class cloned from the "
    "successful episodes only: what one gets from the same data without a critic."
)
_FILM_NOTE = (
    "Blue: the policy's own chunk runs. Orange: the critic's choice runs. Green or grey: the end. "
    "Same initial state, same noise of the policy."
)
_ARMS_NOTE = (
    "95% intervals (Wilson). All arms are ordinary sessions of one server. Success is the first "
    "tick at which the simulation package's own flag is set."
)
_OVERRIDE_NOTE = (
    "An override is a decision for another chunk than the policy's own. What one override is worth "
    "cannot be told, so episodes are compared: those with at least one override, with the policy "
    "alone on the same seed. Won: only the steered one succeeded. Lost: only the policy alone did. "
    "Bars: share of decisions overridden in each tenth of the longest episode. Score, median: what "
    "the critic expected of the chunk that it preferred, in discounted return (-1 a tick)."
)
_LATENCY_NOTE = "Evaluation workers share the cores with the server, so these are upper bounds."


def _section(title: str, body: str, note: str) -> str:
    foot = f"<p class='note'>{escape(note)}</p>" if note else ""
    return f"<section><h2>{escape(title)}</h2>{body}{foot}</section>"


def _card(figures: TaskFigures) -> str:
    alone, steered = figures.rates.get("alone"), figures.rates.get("steered")
    gap = figures.gains.get(("steered", "alone"))
    if alone is None or steered is None or gap is None:
        return ""
    kind = "up" if gap.low > 0 else "down" if gap.high < 0 else "even"
    bars = "".join(
        f"<div class='bar'><span>{name}</span><i style='--v:{rate.value:.3f}' class='{name}'></i>"
        f"<b>{rate.value:.0%}</b></div>"
        for name, rate in (("alone", alone), ("steered", steered))
    )
    return (
        f"<article class='card'><h3>{escape(figures.task)}</h3>"
        f"<p class='gain {kind}'>{gap.value:+.2f}</p>"
        f"<p class='range'>[{gap.low:+.2f}, {gap.high:+.2f}], n = {gap.n}</p>{bars}</article>"
    )


def _forest(figures: Sequence[TaskFigures]) -> str:
    """Return the paired differences as an SVG forest plot."""
    lines = [
        (item.task, f"{arm} - {base}", gap)
        for item in figures
        for (arm, base), gap in item.gains.items()
    ]
    height = _ROW * len(lines) + 34
    ticks = "".join(_tick(value / 5, height) for value in range(-3, 6))
    rows = "".join(_forest_row(index, *line) for index, line in enumerate(lines))
    width = _LEFT + _PLOT_WIDTH + _RIGHT
    return (
        f"<svg viewBox='0 0 {width} {height}' role='img' "
        f"aria-label='paired differences to the policy alone'>{ticks}{rows}</svg>"
    )


def _x(value: float) -> float:
    clipped = min(max(value, _LOW), _HIGH)
    return _LEFT + _PLOT_WIDTH * (clipped - _LOW) / (_HIGH - _LOW)


def _tick(value: float, height: int) -> str:
    x, kind = _x(value), "zero" if value == 0 else "grid"
    label = f"<text x='{x:.1f}' y='{height - 6}' class='tick'>{value:+.1f}</text>"
    return f"<line x1='{x:.1f}' x2='{x:.1f}' y1='0' y2='{height - 24}' class='{kind}'/>{label}"


def _forest_row(index: int, task: str, arm: str, gap: PairedDifference) -> str:
    y = _ROW * index + _ROW / 2
    kind = "steered" if arm == "steered - alone" else "other"
    return (
        f"<text x='{_LEFT - 12}' y='{y + 4}' class='label'>{escape(task)}, {escape(arm)}</text>"
        f"<line x1='{_x(gap.low):.1f}' x2='{_x(gap.high):.1f}' y1='{y}' y2='{y}' class='{kind}'/>"
        f"<circle cx='{_x(gap.value):.1f}' cy='{y}' r='5' class='{kind}'/>"
        f"<text x='{_LEFT + _PLOT_WIDTH + 12}' y='{y + 4}' class='value'>{gap.value:+.2f} "
        f"[{gap.low:+.2f}, {gap.high:+.2f}]</text>"
    )


def _films(films: Sequence[Film], note: str) -> str:
    if not films:
        return f"<p>{escape(note)}</p>"
    return f"<div class='films'>{''.join(map(_film, films))}</div>"


def _film(film: Film) -> str:
    data = base64.b64encode(film.path.read_bytes()).decode()
    if film.path.suffix == ".mp4":
        shown = (
            "<video controls muted loop autoplay playsinline "
            f"src='data:video/mp4;base64,{data}'></video>"
        )
    else:
        shown = f"<img alt='{escape(film.caption)}' src='data:image/png;base64,{data}'>"
    return f"<figure>{shown}<figcaption>{escape(film.caption)}</figcaption></figure>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body, above = "", None
    for first, *rest in rows:  # The first column names a group: once.
        cells = "".join(
            f"<td>{escape(cell)}</td>" for cell in ("" if first == above else first, *rest)
        )
        body += f"<tr{' class=first' if first != above else ''}>{cells}</tr>"
        above = first
    return f"<div class='scroll'><table><tr>{top}</tr>{body}</table></div>"


def _success_table(figures: Sequence[TaskFigures]) -> str:
    rows, shown = [], set()
    for item in figures:
        for arm, rate in item.rates.items():
            shown.add(arm)
            success = f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}]"
            rows.append([item.task, arm, success, *_against(item, arm), str(rate.n)])
        if ("steered", "filtered") in item.gains:
            gap = item.gains["steered", "filtered"]
            rows.append([item.task, "steered", "", *_compared(gap, "filtered"), str(gap.n)])
    meanings = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(arm.meaning)}</dd>"
        for name, arm in ARMS.items()
        if name in shown
    )
    head = ["task", "arm", "success", "paired difference", "to", "p (McNemar)", "n"]
    return f"{_table(head, rows)}<dl>{meanings}</dl>"


def _against(figures: TaskFigures, arm: str) -> tuple[str, str, str]:
    """Return the difference to the arm that this one is compared with, its name, and p."""
    for (name, base), gap in figures.gains.items():
        if name == arm:
            return _compared(gap, base)
    return "", "", ""


def _compared(gap: PairedDifference, base: str) -> tuple[str, str, str]:
    p_value = "< 0.0001" if gap.p_value < 1e-4 else f"{gap.p_value:.2g}"
    return f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]", base, p_value


def _override_table(figures: Sequence[TaskFigures]) -> str:
    rows, profiles = [], []
    for item in figures:
        found = item.overrides
        profiles.append(_profile(item.task, found.profile))
        share = f"{found.overrides / found.decisions:.0%}" if found.decisions else "-"
        same = found.episodes - found.won - found.lost
        rows.append(
            [
                item.task,
                f"{share} of {found.decisions}",
                str(found.episodes),
                str(found.won),
                str(found.lost),
                str(same),
                f"{found.won} of {found.won + found.lost}",
                "-" if found.promised is None else f"{found.promised:+.2f}",
            ]
        )
    head = ["task", "overridden", "episodes with one", "won", "lost", "same outcome"]
    head += ["won of changed", "score"]
    return f"<div class='cards'>{''.join(profiles)}</div>{_table(head, rows)}"


def _profile(task: str, shares: Sequence[float | None]) -> str:
    """Return the share of decisions overridden over the course of an episode, as SVG bars."""
    bars = "".join(
        f"<rect x='{26 * index + 2}' y='{_BARS * (1 - share):.1f}' width='22' "
        f"height='{_BARS * share:.1f}'><title>{share:.0%}</title></rect>"
        for index, share in enumerate(shares)
        if share is not None
    )
    return (
        f"<figure><figcaption>{escape(task)}</figcaption><svg class='profile' viewBox='0 0 310 "
        f"{_BARS + 20}' role='img' aria-label='share overridden over the episode'>"
        f"<line class='grid' x1='0' x2='262' y1='0.5' y2='0.5'/>"
        f"<line class='zero' x1='0' x2='262' y1='{_BARS}' y2='{_BARS}'/>{bars}"
        f"<text x='268' y='11' class='side'>100%</text>"
        f"<text x='268' y='{_BARS + 4}' class='side'>0%</text>"
        f"<text x='0' y='{_BARS + 16}' class='side'>start</text>"
        f"<text x='262' y='{_BARS + 16}' class='side end'>longest episode's end</text>"
        "</svg></figure>"
    )


def _latency_table(figures: Sequence[TaskFigures]) -> str:
    rows = [
        [item.task, part, f"{found.median_ms:.1f}", f"{found.p99_ms:.1f}"]
        for item in figures
        for part, found in item.latencies.items()
    ]
    return _table(["task", "part", "median, ms", "p99, ms"], rows)


def _origin(origin: Mapping[str, str]) -> str:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in origin.items()
    )
    return f"<dl>{items}</dl>"
