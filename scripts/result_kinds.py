"""Which figures there are, which files could move them, and where they are published."""

from collections.abc import Mapping, Sequence

from sim.origin import CODE
from suite_results import BENCH, KINDS

__all__ = ["EPISODE_METRICS", "OF_BOTH", "PATHS", "home_of", "kind_of"]

_WIRE = (
    "steer/clock.py",
    "steer/embodiment.py",
    "steer/errors.py",
    "steer/types.py",
    "steer/v1",
    "steer/wire",
)
_CLIENT = (
    "steer/channel.py",
    "steer/client.py",
    "steer/connection.py",
    "steer/preflight.py",
    *_WIRE,
)
_SERVICE = ("steer/critics", "steer/rank", "steer/serve", *_WIRE, "requirements.lock")
_TRAINING = ("steer/critics", "steer/train", "requirements.lock")
_SPEED = (
    *_TRAINING,
    "benchmarks/train_ours.py",
    "benchmarks/train_peer.py",
    "benchmarks/train_speed.py",
)
_RANKS = (
    *_SERVICE,
    *_CLIENT,
    "benchmarks/rank_case.py",
    "benchmarks/rank_overhead.py",
    "benchmarks/rank_server.py",
)
_EVALUATION = (
    "sim/artefacts",
    "sim/evaluate.py",
    "sim/evaluation",
    "sim/figures",
    "sim/seeds.py",
    "sim/stats/intervals.py",
    "sim/tasks",
)
_EPISODES = (*_SERVICE, *_CLIENT, *_EVALUATION)
# Statistics cannot make the suite stale: its records are made anew from rows that are committed.
_SUITE = (*CODE, "sim/artefacts", "requirements.lock")
# What figures of the bench are made by moves no row, and they are made anew from rows that are
# committed, by `make results`.
_REALTIME = (
    *CODE,
    "sim/realtime",
    ":(exclude)sim/realtime/delay_records.py",
    ":(exclude)sim/realtime/plot.py",
    "steer/loop",
    "sim/artefacts",
    "requirements.lock",
)
_OF_REALTIME = (
    *BENCH,
    "decision_age_ms",
    "drift_ms",
    "lateness_p99_over_naive",
    "lost_ticks",
    "monitor",
    "recover_s",
)
# Files that could move a figure, by the part of its name before the slash.
PATHS: Mapping[str, Sequence[str]] = {
    "alone": _EPISODES,
    "steered": _EPISODES,
    "gain": _EPISODES,
    "random_gain": _EPISODES,
    "filtered": _EPISODES,
    "filtered_gain": _EPISODES,
    "steered_over_filtered": _EPISODES,
    "rank_overhead_ms_p50": _RANKS,
    "rank_echo_ms_p50": _RANKS,
    **dict.fromkeys(
        (
            "train_speed_ratio_jax_iql",
            "train_speed_ratio_jax_iql_as_shipped",
            "train_speed_ratio_jax_iql_one_value",
        ),
        _SPEED,
    ),
    "train_way_ratio": (*_SPEED, "benchmarks/train_ways.py"),
    "demo_minutes": (*_EPISODES, "sim/demo.py", "sim/film.py", "sim/report", "sim/server.py"),
    "client_import_s": (*_CLIENT, "benchmarks/client_import.py", "requirements.lock"),
    "evaluator_busy": (*_EPISODES, "benchmarks/evaluator_load.py"),
    "server_rss_mib": (*_SERVICE, "sim/artefacts", "sim/server.py"),
    "ablation": (*_TRAINING, "sim/bank", "results/bank"),
    "core_hours": (),  # a sum of what was spent, which no change makes another
    "language": (
        *_TRAINING,
        *_SERVICE,
        "benchmarks/language.py",
        "benchmarks/language_scene.py",
    ),
    "tabular_tau": (*_TRAINING, "benchmarks/tabular"),
    "vision": (*_TRAINING, *CODE, "benchmarks/vision.py"),
    **dict.fromkeys(_OF_REALTIME, _REALTIME),
    "tick_cost_ms": (*_REALTIME, "benchmarks/tick_cost.py"),
    **dict.fromkeys(KINDS, _SUITE),
}
_OF_CRITICS = (
    "ablation",
    "core_hours",
    "language",
    "tabular_tau",
    "train_speed_ratio_jax_iql",
    "train_speed_ratio_jax_iql_as_shipped",
    "train_speed_ratio_jax_iql_one_value",
    "train_way_ratio",
    "vision",
)
OF_BOTH = frozenset(
    ("mean_gain", "cells_worse", "oracle_share", "gain_n64_minus_n8", "override_win_rate")
)
"""Metrics, by their whole name, that stand with the suite and with the critics."""
EPISODE_METRICS = frozenset(name for name, paths in PATHS.items() if paths is _EPISODES) - {
    "demo_minutes"
}


def kind_of(metric: str) -> str:
    """Return what a metric is one of: the part of its name before the slash."""
    return metric.partition("/")[0]


def home_of(metric: str) -> str:
    """Return the file below `results` that a measured figure is published in."""
    kind = kind_of(metric)
    if kind in _OF_CRITICS:
        return "critics.json"
    if kind in (*_OF_REALTIME, "tick_cost_ms"):
        return "realtime.json"
    return "suite.json" if PATHS[kind] is _SUITE else "demo.json"
