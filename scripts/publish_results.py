"""Publishes measured figures: takes what the runs wrote, marks the stale, draws README's table.

    python scripts/publish_results.py            publish
    python scripts/publish_results.py --check    fail where publishing would change a file

A run writes its records to `demo/*.json`; only this command writes to `results/*.json`. The suite's
records are made again from its rows, `results/suite`; those of them that say what critics are worth
stand in `results/critics.json` too, beside what was measured of critics alone.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, get_type_hints

from critics_table import draw_critics, draw_vision
from moved import has_moved
from realtime_table import draw_realtime, draw_realtime_in_short
from result_kinds import EPISODE_METRICS, OF_BOTH, PATHS, home_of, kind_of
from results_table import draw_tables
from suite_results import (
    BENCH,
    KINDS,
    SuiteError,
    between,
    confirmed_commits,
    places,
    suite_results,
)

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- results:begin -->\n", "<!-- results:end -->\n"
PLACES = (
    ("README.md", "realtime", "realtime.json", draw_realtime_in_short),
    ("docs/realtime.md", "realtime", "realtime.json", draw_realtime),
    ("docs/train.md", "critics", "critics.json", draw_critics),
    ("docs/vision.md", "vision", "critics.json", draw_vision),
)
"""Which documents show what of which records, between the lines of `between` of which name."""
MIN_EPISODES = 100
DEMO = "make demo EPISODES=30"


class Record(TypedDict):
    """One published figure. `low` and `high` are the 95% interval, None where none makes sense."""

    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    unit: str
    against: str
    command: str
    commit: str
    machine: str
    versions: dict[str, str]
    date: str


_Marked = list[dict[str, Any]]
"""Records, of which the stale ones say so."""


class RecordError(Exception):
    """A file or a record is not what `Record` says."""


def read_records(path: Path) -> list[Record]:
    """Read and check the records of a file.

    Raises:
        RecordError: The file is not JSON, or a field is missing, unknown or of another type.
    """
    return records_of_text(path.name, path.read_text())


def records_of_text(name: str, text: str) -> list[Record]:
    """Check the records in the text of a file; `name` is said where something is wrong.

    Raises:
        RecordError: As `read_records` does.
    """
    try:
        rows = json.loads(text)["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{name}: expected JSON with 'results', got {error!r}") from error
    for row in rows:
        _check(name, row)
    return list(rows)


def is_stale(record: Record) -> bool:
    """Say whether a file that could move the figure has changed since it was measured.

    A figure made from rows is as young as the last time that episodes of theirs were replayed and
    came out the same.
    """
    paths = PATHS[kind_of(record["metric"])]
    if not paths or not has_moved(ROOT, record["commit"], paths):
        return False
    kind = kind_of(record["metric"])
    confirmed = confirmed_commits(ROOT, kind) if kind in (*KINDS, *BENCH) else []
    return not confirmed or any(has_moved(ROOT, commit, paths) for commit in confirmed)


def merge(published: Sequence[Record], measured: Sequence[Record]) -> list[Record]:
    """Return the published records with the newly measured ones in their place, by name."""
    by_metric = {record["metric"]: record for record in [*published, *measured]}
    return [by_metric[name] for name in sorted(by_metric)]


def refusal(record: Record) -> str:
    """Say why a measured record is not published; empty where it is."""
    if kind_of(record["metric"]) in EPISODE_METRICS and record["n"] < MIN_EPISODES:
        return f"expected n >= {MIN_EPISODES}, got {record['n']}: make demo EPISODES=100"
    if record["metric"] == "demo_minutes" and record["command"] != DEMO:
        return f"expected the run of {DEMO!r}, got {record['command']!r}"
    if record["commit"].endswith("-dirty"):
        return "measured on files that are not committed"
    return ""


def publish(*, is_check: bool) -> int:
    """Publish, or with `is_check` say what publishing would change; return the exit status."""
    measured = [] if is_check else _measured()
    demo = _fresh("demo.json", _at(measured, "demo.json"))
    readme = ROOT / "README.md"
    head, _, rest = readme.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    wanted = {readme: head + BEGIN + draw_tables(demo) + END + tail}
    _add_records(wanted, "demo.json", demo)
    try:
        suite = _suite(wanted, _at(measured, "suite.json"))
        is_whole = True
    except SuiteError as error:
        _write(f"results: the suite is not published: {error}")
        suite, is_whole = [], False
    critics = _fresh("critics.json", _at(measured, "critics.json"))
    if critics:
        both = [item for item in suite if item["metric"] in OF_BOTH]
        _add_records(wanted, "critics.json", _replaced(critics, both))
    realtime = _fresh("realtime.json", _at(measured, "realtime.json"))
    _add_records(wanted, "realtime.json", realtime)
    found = {"realtime.json": realtime, "critics.json": critics}
    for name, place, home, draw in PLACES:
        text = wanted.get(ROOT / name) or _text(ROOT / name)
        if text:
            wanted[ROOT / name] = between(text, draw(found[home]), place) or text
    changed = [path for path, text in wanted.items() if _text(path) != text]
    for path in changed:
        _write(f"results: {'out of date' if is_check else 'wrote'}: {path.relative_to(ROOT)}")
        if not is_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = path.with_name(path.name + ".partial")
            whole.write_text(wanted[path])
            whole.replace(path)
    for record in (*demo, *suite, *critics, *realtime):
        if "stale" in record:
            _write(f"results: stale, measure again: {record['metric']}: {record['command']}")
    return 1 if (is_check and changed) or not is_whole else 0


def _suite(wanted: dict[Path, str], measured: Sequence[Record]) -> _Marked:
    """Add what the suite's rows say to the files that are wanted; return its records.

    Raises:
        SuiteError: The rows are not complete, or cannot be reported.
        RecordError: Their records are not as `Record` says.
    """
    results = suite_results(ROOT)
    made: list[Record] = []
    if results is not None:
        found = [records_of_text("results/suite", text) for text in results.records]
        made = _publishable([record for records in found for record in records])
        readme = ROOT / "README.md"
        texts, without = places(ROOT, results, {readme: wanted[readme]})
        wanted.update(texts)
        for name in without:
            _write(f"results: no place for the suite's tables: {name}")
    fresh = _fresh("suite.json", [*made, *measured], is_replaced=results is not None)
    _add_records(wanted, "suite.json", fresh)
    return fresh


def _fresh(name: str, measured: Sequence[Record], *, is_replaced: bool = False) -> _Marked:
    """Return the records of a file with the measured ones in it, and the stale ones marked.

    With `is_replaced` those that are made from rows stay only where they were made again.
    """
    target = ROOT / "results" / name
    published = read_records(target) if target.exists() else []
    if is_replaced:
        published = [record for record in published if kind_of(record["metric"]) not in KINDS]
    records = merge(published, measured)
    return [{**record, **({"stale": True} if is_stale(record) else {})} for record in records]


def _add_records(wanted: dict[Path, str], name: str, records: _Marked) -> None:
    if records:
        text = json.dumps({"results": records}, indent=1) + "\n"
        wanted[ROOT / "results" / name] = text


def _at(measured: Sequence[Record], home: str) -> list[Record]:
    return [record for record in measured if home_of(record["metric"]) == home]


def _replaced(records: _Marked, newer: _Marked) -> _Marked:
    """Return the records in order of their names, the newer ones in the place of the older."""
    by_metric = {record["metric"]: record for record in [*records, *newer]}
    return [by_metric[name] for name in sorted(by_metric)]


def _measured() -> list[Record]:
    """Return what the runs in `demo/` wrote and may be published; say why the rest may not."""
    found: list[Record] = []
    for path in sorted((ROOT / "demo").glob("*.json")):
        if '"results"' in path.read_text():
            found += _publishable(read_records(path))
    return found


def _publishable(records: Sequence[Record]) -> list[Record]:
    """Return the records that may be published; say why the others may not."""
    found = []
    for record in records:
        reason = refusal(record)
        if reason:
            _write(f"results: not published: {record['metric']}: {reason}")
        else:
            found.append(record)
    return found


def _check(name: str, row: object) -> None:
    hints = get_type_hints(Record)
    if not isinstance(row, dict):
        raise RecordError(f"{name}: expected a record, got {row!r}")
    row.pop("stale", None)
    metric = row.get("metric")
    if row.keys() != hints.keys():
        odd = ", ".join(sorted(row.keys() ^ hints.keys()))
        raise RecordError(f"{name}: {metric}: expected the fields of Record, got odd ones: {odd}")
    for field, kind in hints.items():
        accepted = {float: float | int, float | None: float | int | None}.get(kind, kind)
        if not isinstance(row[field], dict if field == "versions" else accepted):
            raise RecordError(f"{name}: {metric}.{field}: expected {kind}, got {row[field]!r}")
    if kind_of(str(metric)) not in PATHS:
        raise RecordError(f"{name}: metric: expected one of {', '.join(PATHS)}, got {metric!r}")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")


def main() -> int:
    """Parse the command line and publish."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    try:
        return publish(is_check=parser.parse_args().check)
    except RecordError as error:
        _write(f"results: error: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
