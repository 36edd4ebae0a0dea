"""Draws Markdown tables from published records. Knows no files."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["draw_tables", "markdown", "origin_of", "value_of"]

_TASK_COLUMNS = {
    "alone": "policy alone",
    "steered": "steered",
    "gain": "gain",
    "random_gain": "random of N, gain",
    "filtered": "cloned from successes only, alone",
    "filtered_gain": "the same, steered: gain",
    "steered_over_filtered": "steered minus cloned from successes",
}
_OTHERS = {
    "rank_overhead_ms_p50": "`Rank` over the echo floor, median",
    "rank_echo_ms_p50": "echo of the same message, median",
    "demo_minutes": "`make demo`",
    "client_import_s": "`import steer.client`",
    "train_speed_ratio_jax_iql": "IQL updates a second over a JAX peer's, same networks",
    "train_speed_ratio_jax_iql_one_value": "the same, over the peer's with one value network",
    "train_speed_ratio_jax_iql_as_shipped": "the same, over the peer's with its policy",
    "server_rss_mib": "server and policy worker, peak memory",
}


def draw_tables(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables of success and of speed as Markdown, ending in a newline.

    Args:
        records: As `publish_results.Record`; a true `stale` is marked with a dagger.
    """
    if not records:
        return "Not measured yet: `make demo EPISODES=100 && make results`.\n"
    by_metric = {record["metric"]: record for record in records}
    parts = [_success_table(by_metric), _speed_table(by_metric), origin_of(records)]
    return "\n".join(part for part in parts if part)


def _success_table(by_metric: Mapping[str, Mapping[str, Any]]) -> str:
    tasks = sorted({name.partition("/")[2] for name in by_metric} - {""})
    if not tasks:
        return ""
    kinds = [kind for kind in _TASK_COLUMNS if any(f"{kind}/{task}" in by_metric for task in tasks)]
    rows = [["success rate", *(_TASK_COLUMNS[kind] for kind in kinds), "n"]]
    for task in tasks:
        cells = [by_metric.get(f"{kind}/{task}") for kind in kinds]
        n = min(cell["n"] for cell in cells if cell)
        signs = [kind.endswith(("gain", "over_filtered")) for kind in kinds]
        values = [value_of(cell, is_signed=sign) for cell, sign in zip(cells, signs, strict=True)]
        rows.append([f"`{task}`", *values, str(n)])
    return markdown(rows)


def _speed_table(by_metric: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [["measured", "value"]]
    rows += [
        [label, f"{value_of(by_metric[name], is_signed=False)} {by_metric[name]['unit']}"]
        for name, label in _OTHERS.items()
        if name in by_metric
    ]
    return markdown(rows) if len(rows) > 1 else ""


def origin_of(records: Sequence[Mapping[str, Any]]) -> str:
    """Say where the figures come from, and what the signs mean."""
    machines = ", ".join(sorted({record["machine"] for record in records}))
    dates = sorted({record["date"] for record in records})
    commits = ", ".join(sorted({f"`{record['commit'][:9]}`" for record in records}))
    text = f"In brackets: 95% interval. Measured on {machines}; {dates[-1]}; commit {commits}."
    if any(record.get("stale") for record in records):
        text += " †: the code has changed since; to be measured again."
    return text + "\n"


def value_of(record: Mapping[str, Any] | None, *, is_signed: bool) -> str:
    """Return a figure with its interval, `-` for none."""
    if record is None:
        return "-"
    form = "+.2f" if is_signed else ".2f"
    text = format(record["value"], form)
    if record["low"] is not None and record["high"] is not None:
        text += f" [{format(record['low'], form)}, {format(record['high'], form)}]"
    return text + ("†" if record.get("stale") else "")


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table, whose first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines) + "\n"
