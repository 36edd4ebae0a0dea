"""Figures -> one self-contained page to look at. Knows no server and no simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from sim.evaluation.row import Row
from sim.figures import SuiteFigures, verdict
from sim.files import write_whole
from sim.report.cards import cards
from sim.report.download import downloads
from sim.report.films import Films
from sim.report.sections import Section, sections
from sim.report.style import STYLE

__all__ = ["Report", "write_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a page is made from.

    Attributes:
        title: In small letters above the verdict.
        figures: Of the rows.
        rows: All of them, to be downloaded.
        records: All figures, to be downloaded.
        films: Embedded in the page.
        origin: Command, commit, machine and the like, by name.
        warning: What must be known before anything of the page is believed; empty for nothing.
    """

    title: str
    figures: SuiteFigures
    rows: Sequence[Row]
    records: Sequence[Mapping[str, Any]]
    films: Films
    origin: Mapping[str, str]
    warning: str = ""


def write_report(path: Path, report: Report) -> None:
    """Write the page; it replaces an older one in one step."""
    found = [*sections(report.figures, report.films), _origin(report)]
    links = "".join(f"<a href='#{item.key}'>{escape(item.title)}</a>" for item in found)
    warning = f"<p class='warning'>{escape(report.warning)}</p>" if report.warning else ""
    body = (
        f"<p class='kicker'>{escape(report.title)}</p><h1>{escape(verdict(report.figures))}</h1>"
        f"{warning}{cards(report.figures)}<nav>{links}</nav>{''.join(map(_section, found))}"
    )
    write_whole(
        path,
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(report.title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n",
    )


def _section(section: Section) -> str:
    note = f"<p class='note'>{escape(section.note)}</p>" if section.note else ""
    head = f"<h2>{escape(section.title)}</h2>"
    return f"<section id='{section.key}'>{head}{section.body}{note}</section>"


def _origin(report: Report) -> Section:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in report.origin.items()
    )
    body = f"<dl class='origin'>{items}</dl><h4>All data</h4>"
    body += downloads(report.rows, report.records)
    return Section("origin", "Where these figures come from", body)
