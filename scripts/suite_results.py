"""The suite's records and tables, made again from its committed rows by `python -m sim.report`."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = [
    "BENCH",
    "KINDS",
    "SuiteError",
    "SuiteResults",
    "between",
    "confirmed_commits",
    "places",
    "suite_results",
]

KINDS = (
    "cell",
    "cells_worse",
    "gain_n64_minus_n8",
    "limit",
    "mean_gain",
    "sweep_gain",
    "selection_regret",
    "oracle_share",
    "override_rate",
    "override_win_rate",
    "sequential_saving",
    "sequential_false_positive",
    "null_false_positive",
    "null_cells",
    "data_gain",
    "disturbed",
)
"""What is made from rows, by the part of a metric's name before the slash."""
BENCH = (
    "age_ms",
    "edit_gain",
    "jerk",
    "limit_breaks",
    "limit_breaks_under",
    "moved",
    "naive_limit_breaks",
    "protective_stops",
    "seam",
    "standing",
    "standing_under",
    "success",
    "success_over",
    "success_ratio_d5",
    "success_ratio_d5_own",
    "success_under",
    "tasks",
)
"""What is made from rows of the real-time bench."""
PLACES = (
    ("README.md", "suite", "summary"),
    ("docs/evidence.md", "suite", "tables"),
    ("docs/evidence.md", "evidence", "evidence"),
)
"""Which documents show what, between the lines of `between` of which name."""
RUNS = {"data_gain": "data", "disturbed": "disturbed", **dict.fromkeys(BENCH, "realtime")}
"""Which runs below `results` a kind of figure is made from, where it is not the suite."""
PICTURES = Path("docs/pictures")
COMPLETE = {"suite": ("--complete", "published"), "evidence": ("--complete",)}
"""Options that refuse what is not complete: nobody shall stop where a figure looks good."""


class SuiteError(Exception):
    """The rows cannot be reported; the text is that of the command."""


@dataclass(frozen=True, slots=True)
class SuiteResults:
    """What the rows of the suite say.

    Attributes:
        records: The texts of files of records.
        tables: All tables, as Markdown.
        summary: Verdict and means, as Markdown.
        evidence: What the runs beside the suite say, as Markdown.
        pictures: Plots, by name.
    """

    records: tuple[str, ...]
    tables: str
    summary: str
    evidence: str
    pictures: Mapping[str, str]


def suite_results(root: Path) -> SuiteResults | None:
    """Return what the rows in `results/suite` say, None where there are none.

    Raises:
        SuiteError: They are damaged, or not to be published.
    """
    if not (root / "results" / "suite" / "rows.parquet").exists():
        return None
    with TemporaryDirectory() as directory:
        base = Path(directory)
        names = ("records", "markdown", "summary")
        _run(root, "sim.report", ["results/suite", *COMPLETE["suite"]], base, names)
        records, tables, summary = ((base / name).read_text() for name in names)
        names = ("records", "markdown", "pictures")
        _run(root, "sim.report.evidence", ["results", *COMPLETE["evidence"]], base, names)
        more, evidence = ((base / name).read_text() for name in names[:2])
        pictures = {path.name: path.read_text() for path in sorted((base / "pictures").iterdir())}
        return SuiteResults((records, more), tables, summary, evidence, pictures)


def confirmed_commits(root: Path, kind: str) -> list[str]:
    """Return the commits on which episodes were replayed and came out the same, one a run.

    It is empty where some did not, where rows are others by now, or where nothing was replayed;
    `make confirm` replays.

    Args:
        root: Of the repository.
        kind: Of the figure, of `KINDS` or `BENCH`: it says which runs it is made from.
    """
    home = root / "results" / RUNS.get(kind, "suite")
    found = []
    for rows in sorted(home.rglob("rows.jsonl" if kind in BENCH else "rows.parquet")):
        path = rows.with_name("confirmed.json")
        tree = json.loads(path.read_text()) if path.exists() else {"replayed": 0}
        is_same = tree["replayed"] and not tree["different"]
        if not is_same or sha256(rows.read_bytes()).hexdigest() != tree["rows_sha256"]:
            return []
        found.append(str(tree["commit"]))
    return found


def _run(
    root: Path, module: str, options: Sequence[str], base: Path, outputs: Sequence[str]
) -> None:
    """Run a command that writes each output to the file of its name."""
    command = [sys.executable, "-m", module, *options]
    for name in outputs:
        command += [f"--{name}", str(base / name)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SuiteError(done.stderr.strip())


def between(text: str, wanted: str, name: str = "suite") -> str | None:
    """Return a document with `wanted` in its place of that name, None where it has none."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->\n"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    return head + begin + wanted + end + tail if found and closed else None


def places(
    root: Path, results: SuiteResults, drafts: Mapping[Path, str]
) -> tuple[dict[Path, str], Sequence[str]]:
    """Return the files with the suite's tables and plots, and the places that are not there.

    Args:
        root: Of the repository.
        results: What to put there.
        drafts: Documents that are about to be written, with other tables in them.
    """
    texts = {root / PICTURES / name: text for name, text in results.pictures.items()}
    without = []
    for name, place, part in PLACES:
        path = root / name
        old = texts.get(path) or drafts.get(path) or (path.read_text() if path.exists() else "")
        text = between(old, getattr(results, part), place)
        if text is None:
            without.append(f"<!-- {place}:begin --> in {name}")
        else:
            texts[path] = text
    return texts, without
