"""Draws the tables of docs/realtime.md, and README's, from published records. Knows no files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from results_table import markdown, origin_of, value_of

__all__ = ["draw_realtime", "draw_realtime_in_short"]

_Records = Mapping[str, Mapping[str, Any]]
_SUCCESS = re.compile(r"success/([^/]+)/d(\d+)")
_UNDER = re.compile(r"success_under/([^/]+)/([^/]+)/d(\d+)")
_FIGURES = {
    "success_ratio_d5": "success of `ours` at 5 ticks over that of `wait` without delay",
    "success_ratio_d5_own/ours": "the same over its own without delay",
    "success_ratio_d5_own/naive": "success of `naive` at 5 ticks over its own without delay",
    "protective_stops": "ticks of `ours` in which a limit would have been broken, all delays",
    "naive_limit_breaks": "the same of `naive` at 5 ticks",
    "moved/ours/d5": "decisions of `ours` at 5 ticks whose chunk was moved within limits before",
    "edit_gain": "what an edit head (EXPO) adds at 5 ticks, success",
    "edit_gain/residual": "the same of a residual head (A2C2)",
    "edit_gain/cascade": "the same of a cascade (Hume)",
    "lost_ticks": "ticks lost at 200 Hz beside a server that is ranking, median of the runs",
    "lost_ticks/core_there": "of them, those that were lost while the core was there",
    "lost_ticks/naive": "ticks lost by the naive loop, for whatever reason",
    "lost_ticks/clean_runs": "runs without a lost tick",
    "lateness_p99_over_naive": "99th percentile of the period's error over the naive loop's",
    "tick_cost_ms": "own cost of a tick at 14 dimensions beside that server, mean, ms",
    "tick_cost_ms/p50": "own cost of a tick beside that server, median, ms",
    "tick_cost_ms/alone": "own cost of a tick alone, back to back, median, ms",
    "tick_cost_ms/alone_two_images": "the same with two images of 224 x 224, median, ms",
    "drift_ms/ours": "drift in a run, ms",
    "drift_ms/naive": "the same, the naive loop, ms",
    "decision_age_ms/total": "age of a decision when its first action runs, ms",
    "recover_s": "steered again after the server is SERVING, s",
    "recover_s/most": "the same, the slowest run, s",
    "recover_s/broken_limits": "limits broken meanwhile",
}
_IN_SHORT = (
    "success_ratio_d5",
    "success_ratio_d5_own/ours",
    "protective_stops",
    "naive_limit_breaks",
    "lost_ticks",
    "lost_ticks/core_there",
    "lost_ticks/naive",
    "lateness_p99_over_naive",
    "tick_cost_ms",
    "recover_s",
)
_METHODS_IN_SHORT = ("ours", "wait", "naive")
_SHAPES = {
    "standing": "standing",
    "limit_breaks": "limits broken",
    "seam": "seam",
    "jerk": "jerk",
    "age_ms": "age, ms",
}


def draw_realtime(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables as Markdown, ending in a newline.

    Args:
        records: As `publish_results.Record`; a true `stale` is marked with a dagger.
    """
    if not records:
        return "Not measured yet.\n"
    by_metric = {record["metric"]: record for record in records}
    tables = (_shapes, _under, _figures, _monitors)
    parts = [*_successes(by_metric), *(draw(by_metric) for draw in tables)]
    return "\n".join([*filter(None, parts), origin_of(records)])


def draw_realtime_in_short(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables of the methods and figures that README shows, ending in a newline."""
    shown = [record for record in records if _is_in_short(record["metric"])]
    if not shown:
        return "Not measured yet.\n"
    by_metric = {record["metric"]: record for record in shown}
    tables = [*_successes(by_metric), _figures(by_metric)]
    return "\n".join([*filter(None, tables), origin_of(shown)])


def _is_in_short(metric: str) -> bool:
    match = _SUCCESS.fullmatch(metric)
    return metric in _IN_SHORT or (match is not None and match[1] in _METHODS_IN_SHORT)


def _successes(by_metric: _Records) -> Iterator[str]:
    """Return a table for each set of cells: success of each method at each delay."""
    found = [match for match in map(_SUCCESS.fullmatch, by_metric) if match]
    for unit in sorted({by_metric[match[0]]["unit"] for match in found}, key=len, reverse=True):
        of_unit = [match for match in found if by_metric[match[0]]["unit"] == unit]
        delays = sorted({int(match[2]) for match in of_unit})
        rows = [["method", *(f"{delay} ticks" for delay in delays), "n"]]
        for method in sorted({match[1] for match in of_unit}, key=_ours_last):
            cells = [by_metric.get(f"success/{method}/d{delay}") for delay in delays]
            n = min(cell["n"] for cell in cells if cell)
            rows.append(
                [f"`{method}`", *(value_of(cell, is_signed=False) for cell in cells), str(n)]
            )
        yield f"{unit[0].upper()}{unit[1:]}:\n\n{markdown(rows)}"


def _ours_last(method: str) -> tuple[bool, str]:
    return (method.startswith("ours"), method)


def _shapes(by_metric: _Records) -> str:
    """Return what motions were like at the delay that counts."""
    names = [match[1] for match in map(_SUCCESS.fullmatch, by_metric) if match and match[2] == "5"]
    if not names:
        return ""
    rows = [["at 5 ticks", *_SHAPES.values()]]
    for method in sorted(names, key=_ours_last):
        found = [by_metric.get(f"{kind}/{method}/d5") for kind in _SHAPES]
        rows.append([f"`{method}`", *("-" if item is None else _short(item) for item in found)])
    return markdown(rows)


def _under(by_metric: _Records) -> str:
    """Return what was left on other networks."""
    found = sorted(filter(None, map(_UNDER.fullmatch, by_metric)), key=lambda match: match[0])
    if not found:
        return ""
    rows = [["network", "method", "ticks", "success", "standing", "limits broken", "n"]]
    for match in sorted(found, key=lambda match: (match[1], _ours_last(match[2]))):
        record, rest = by_metric[match[0]], match[0].partition("/")[2]
        beside = (by_metric[f"{kind}_under/{rest}"] for kind in ("standing", "limit_breaks"))
        shown = [value_of(record, is_signed=False), *map(_short, beside), str(record["n"])]
        rows.append([f"`{match[1]}`", f"`{match[2]}`", match[3], *shown])
    return markdown(rows)


def _short(record: Mapping[str, Any]) -> str:
    return f"{record['value']:.3g}" + ("†" if record.get("stale") else "")


def _figures(by_metric: _Records) -> str:
    rows = [["measured", "value", "n"]]
    for name, words in _FIGURES.items():
        if name in by_metric:
            record = by_metric[name]
            shown = (
                _short(record)
                if record["low"] is None
                else value_of(record, is_signed=name.endswith("gain"))
            )
            rows.append([words, shown, str(record["n"])])
    return markdown(rows) if len(rows) > 1 else ""


def _monitors(by_metric: _Records) -> str:
    names = sorted(
        name.split("/")[1] for name in by_metric if re.fullmatch(r"monitor/[^/]+/auc", name)
    )
    if not names:
        return ""
    rows = [["monitor", "area under the curve", "alarms in failing episodes", "in succeeding ones"]]
    for name in names:
        kinds = ("auc", "detection", "false_alarm")
        found = [by_metric.get(f"monitor/{name}/{kind}") for kind in kinds]
        rows.append([f"`{name}`", *(value_of(item, is_signed=False) for item in found)])
    return markdown(rows)
