"""Draws the tables of docs/train.md and docs/vision.md from published records. Knows no files."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from results_table import markdown, origin_of, value_of

__all__ = ["draw_critics", "draw_vision"]

_Records = Mapping[str, Mapping[str, Any]]
_SENSES = {
    "blind": "never looked",
    "rgb": "images",
    "rgb{}/blank": "images, covered",
    "rgb{}/over_blind": "images less never looked",
    "points": "clouds",
    "points{}/blank": "clouds, covered",
    "points{}/over_blind": "clouds less never looked",
}
_FIGURES = {
    "train_speed_ratio_jax_iql": "updates a second over the JAX Q-chunking code's IQL",
    "train_speed_ratio_jax_iql_one_value": "the same, over the peer's with one value network",
    "train_speed_ratio_jax_iql_as_shipped": "the same, over the peer's with its policy",
    "train_way_ratio/bfloat16": "updates a second with bfloat16, over plain",
    "train_way_ratio/compile": "updates a second with `torch.compile`, over plain",
    "language/top1": "the chunk that the instruction asks for comes first",
    "language/top1_swapped": "the other instruction turns the choice round",
    "core_hours": "hours of one core that all figures of critics took",
}


def draw_vision(records: Sequence[Mapping[str, Any]]) -> str:
    """Return what critics that look gain, as Markdown, ending in a newline.

    Args:
        records: As `publish_results.Record`; a true `stale` is marked with a dagger.
    """
    mine = [record for record in records if record["metric"].startswith("vision/")]
    if not mine:
        return "Not measured yet.\n"
    by_metric = {record["metric"]: record for record in mine}
    tasks = sorted({name.split("/")[2] for name in by_metric})
    rows = [["gain over the policy alone", *(f"`{task}`" for task in tasks)]]
    for sense, words in _SENSES.items():
        form = sense if "{}" in sense else sense + "{}"
        found = [by_metric.get("vision/" + form.format(f"/{task}")) for task in tasks]
        if any(found):
            rows.append([words, *(value_of(item, is_signed=True) for item in found)])
    return "\n".join([markdown(rows), origin_of(mine)])


def draw_critics(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the ablation and what else was measured of training, as Markdown.

    Args:
        records: As `publish_results.Record`; a true `stale` is marked with a dagger.
    """
    by_metric = {record["metric"]: record for record in records}
    names = [
        match[1] for match in map(re.compile(r"ablation/([^/]+)").fullmatch, by_metric) if match
    ]
    parts, used = [], list[Mapping[str, Any]]()
    if names:
        rows = [["recipe", "gain of one decision, 64 candidates", "rank correlation"]]
        for name in sorted(names, key=lambda name: -by_metric[f"ablation/{name}"]["value"]):
            pair = by_metric[f"ablation/{name}"], by_metric.get(f"ablation/{name}/rank")
            used += [item for item in pair if item]
            rows.append([f"`{name}`", *(value_of(item, is_signed=True) for item in pair)])
        parts.append(markdown(rows))
    rows = [["measured", "value", "n"]]
    taus = sorted(name for name in by_metric if name.startswith("tabular_tau/"))
    labels = dict(_FIGURES)
    labels |= {name: f"order of chunks in a known world, `{name[12:]}` (tau)" for name in taus}
    for name, words in labels.items():
        if name in by_metric:
            used.append(by_metric[name])
            value = value_of(by_metric[name], is_signed=False)
            rows.append([words, value, str(by_metric[name]["n"])])
    if len(rows) > 1:
        parts.append(markdown(rows))
    return "\n".join([*parts, origin_of(used)]) if parts else "Not measured yet.\n"
