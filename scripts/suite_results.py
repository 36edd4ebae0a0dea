"""The suite's records and tables, made again from its committed rows by `python -m sim.report`."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["KINDS", "SuiteError", "SuiteResults", "between", "places", "suite_results"]

KINDS = (
    "cell",
    "mean_gain",
    "sweep_gain",
    "selection_regret",
    "oracle_share",
    "override_rate",
    "override_win_rate",
    "sequential_saving",
    "null_false_positive",
)
"""What is made from rows, by the part of a metric's name before the slash."""
PLACES: Mapping[str, str] = {"README.md": "summary", "docs/evidence.md": "tables"}
"""Which documents show what, between the lines of `between`."""


class SuiteError(Exception):
    """The rows cannot be reported; the text is that of the command."""


@dataclass(frozen=True, slots=True)
class SuiteResults:
    """What the rows of the suite say.

    Attributes:
        records: The text of a file of records.
        tables: All tables, as Markdown.
        summary: Verdict and means, as Markdown.
    """

    records: str
    tables: str
    summary: str


def suite_results(root: Path) -> SuiteResults | None:
    """Return what the rows in `results/suite` say, None where there are none.

    Raises:
        SuiteError: They are damaged, or not to be published.
    """
    if not (root / "results" / "suite" / "rows.parquet").exists():
        return None
    with TemporaryDirectory() as directory:
        paths = [Path(directory) / name for name in ("suite.json", "suite.md", "summary.md")]
        options = ("--records", "--markdown", "--summary")
        command = [sys.executable, "-m", "sim.report", "results/suite"]
        for option, path in zip(options, paths, strict=True):
            command += [option, str(path)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SuiteError(done.stderr.strip())
        return SuiteResults(*(path.read_text() for path in paths))


def between(text: str, wanted: str) -> str | None:
    """Return a document with `wanted` in its place for the suite, None where it has none."""
    begin, end = "<!-- suite:begin -->\n", "<!-- suite:end -->\n"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    return head + begin + wanted + end + tail if found and closed else None


def places(
    root: Path, results: SuiteResults, drafts: Mapping[Path, str]
) -> tuple[dict[Path, str], Sequence[str]]:
    """Return the documents with the suite's tables in them, and those without a place for them.

    Args:
        root: Of the repository.
        results: What to put there.
        drafts: Documents that are about to be written, with other tables in them.
    """
    texts, without = {}, []
    for name, part in PLACES.items():
        path = root / name
        old = drafts.get(path) or (path.read_text() if path.exists() else "")
        text = between(old, getattr(results, part))
        if text is None:
            without.append(name)
        else:
            texts[path] = text
    return texts, without
