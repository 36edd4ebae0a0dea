"""Figures of the runs on the wall clock: tables to read, records to publish."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from sim.records import make_record
from steer.errors import ConfigError
from steer.loop.spent import Spent, age_parts

__all__ = ["clock_records", "clock_table", "recover_records", "recover_table"]

_Row = Mapping[str, Any]
_PARTS = tuple(
    name.removesuffix("_s")
    for name in age_parts(Spent(asked_at_s=0.0), runs_at_s=0.0)
    if name != "total_s"
)
"""What the age of a decision is made of."""


def clock_records(rows: Sequence[_Row], command: str) -> list[dict[str, Any]]:
    """Return the records of runs of `clock`: medians over runs, and how many lost nothing."""
    lost = [row["ours"]["lost"] for row in rows]

    def record(metric: str, values: Sequence[float], unit: str) -> dict[str, Any]:
        n = len(rows)  # of five runs there is no interval of 95%
        return make_record(metric, median(values), interval=None, n=n, unit=unit, command=command)

    places = {row["ours"]["place"] for row in rows}
    if len(places) > 1:
        raise ConfigError(f"clock: expected runs of one kind, got {' / '.join(sorted(places))}")
    found = [
        record("lost_ticks", lost, f"ticks of {rows[0]['ours']['ticks']}, {places.pop()}"),
        make_record(
            "lost_ticks/most", max(lost), interval=None, n=len(rows), unit="ticks", command=command
        ),
        record("lost_ticks/naive", [row["naive"]["lost"] for row in rows], "ticks"),
        make_record(
            "lost_ticks/clean_runs",
            sum(not count for count in lost),
            interval=None,
            n=len(rows),
            unit="runs",
            command=command,
        ),
        record("lateness_p99_over_naive", [_ratio(row) for row in rows], "ratio"),
        record("tick_cost_ms", [row["ours"]["cost_ms"]["mean"] for row in rows], "ms"),
        record("tick_cost_ms/p50", [row["ours"]["cost_ms"]["p50"] for row in rows], "ms"),
        record("tick_cost_ms/p99", [row["ours"]["cost_ms"]["p99"] for row in rows], "ms"),
    ]
    there = [_there(row) for row in rows if row["ours"]["away"] is not None]
    if len(there) == len(rows):
        found.append(record("lost_ticks/core_there", there, "ticks"))
    found += [
        record(f"drift_ms/{who}", [row[who]["drift_ms"] for row in rows], "ms")
        for who in ("ours", "naive")
    ]
    found += [
        record(f"decision_age_ms/{name}", [row["age"]["p50_ms"][name] for row in rows], "ms")
        for name in ("total", "fresh", *_PARTS)
    ]
    return found


def clock_table(rows: Sequence[_Row]) -> str:
    """Return the runs of `clock` as text, a line each, and their medians."""
    lines = [
        "run  load  lost ours/naive (ours, the core there)  error p50/p99/max ms: ours, naive  "
        "drift ms  cost ms\n"
    ]
    for row in rows:
        ours, naive = row["ours"], row["naive"]
        errors = "  ".join(
            "/".join(f"{ms:.2f}" for ms in side["error_ms"]) for side in (ours, naive)
        )
        there = "?" if ours["away"] is None else _there(row)
        lines.append(
            f"{row['run']:>3}  {row['load']:4.1f}  {ours['lost']}/{naive['lost']} ({there}) of "
            f"{ours['ticks']}  {errors}  {ours['drift_ms']:.1f}/{naive['drift_ms']:.1f}  "
            f"{ours['cost_ms']['mean']:.3f} (p50 {ours['cost_ms']['p50']:.3f}, "
            f"p99 {ours['cost_ms']['p99']:.3f})\n"
        )
    clean = sum(not row["ours"]["lost"] for row in rows)
    lines += [f"ours: {place}\n" for place in sorted({row["ours"]["place"] for row in rows})]
    lines.append(
        f"median: lost {median(row['ours']['lost'] for row in rows):g}, clean runs {clean} of "
        f"{len(rows)}, p99 over the naive loop's {median(map(_ratio, rows)):.3f}, "
        f"cost {median(row['ours']['cost_ms']['mean'] for row in rows):.3f} ms a tick\n"
    )
    for row in rows:
        age = row["age"]
        parts = ", ".join(f"{name} {age['p50_ms'][name]:.1f}" for name in _PARTS)
        lines.append(
            f"run {row['run']}: age of {age['decisions']} decisions at {age['hz']:g} Hz, p50 ms: "
            f"total {age['p50_ms']['total']:.1f} = {parts}; p99 {age['p99_ms']['total']:.1f}; "
            f"since judged {age['p50_ms']['fresh']:.1f}; "
            f"physics {row['world']['mean_ms']:.2f} ms a step\n"
        )
    return "".join(lines)


def recover_records(rows: Sequence[_Row], command: str) -> list[dict[str, Any]]:
    """Return the records of runs of `recover`: median and ends over repeats."""
    values = [row["recover_s"] for row in rows]
    found = {
        "recover_s": (median(values), "s"),
        "recover_s/least": (min(values), "s"),
        "recover_s/most": (max(values), "s"),
        "recover_s/broken_limits": (sum(sum(row["broken"].values()) for row in rows), "commands"),
    }
    return [
        make_record(metric, value, interval=None, n=len(rows), unit=unit, command=command)
        for metric, (value, unit) in found.items()
    ]


def recover_table(rows: Sequence[_Row]) -> str:
    """Return the runs of `recover` as text."""
    lines = []
    for row in rows:
        rungs = ", ".join(f"{name} {at:+.2f} s" for name, at in row["rungs"])
        lines.append(
            f"{row['run']:>3}  steered {row['recover_s']:.2f} s after SERVING; server gone for "
            f"{row['gone_s']:.1f} s; limits broken {sum(row['broken'].values())} in "
            f"{row['ticks']} ticks, largest step {row['largest_step']:.2f} of its limit; from the "
            f"kill: {rungs}\n"
        )
    values = [row["recover_s"] for row in rows]
    lines.append(f"median {median(values):.2f} s [{min(values):.2f}, {max(values):.2f}]\n")
    return "".join(lines)


def _there(row: _Row) -> int:
    """Return how many ticks our loop lost while its core was there."""
    return int(row["ours"]["lost"] - row["ours"]["away"])


def _ratio(row: _Row) -> float:
    return float(row["ours"]["error_ms"][1] / row["naive"]["error_ms"][1])
