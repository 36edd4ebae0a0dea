"""The sections of the page: each a title, what it shows, and how to read it."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from sim.figures import CellFigures, SuiteFigures
from sim.figures.cells import COUNTING
from sim.report import tables
from sim.report.checks import checks_list
from sim.report.films import Films, films_html
from sim.report.forest import forest
from sim.report.plots import calibration_plot, profiles, sweep_plot

__all__ = ["NUM_WORST", "Section", "sections", "worst_cells"]

NUM_WORST = 5


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        key: Where links lead.
        title: Its heading.
        body: HTML.
        note: How to read it, as text; empty for none.
    """

    key: str
    title: str
    body: str
    note: str = ""


def sections(figures: SuiteFigures, films: Films) -> list[Section]:
    """Return the sections; one that did not run says so and stays."""
    made: list[Callable[[SuiteFigures], Section]] = [
        _cells,
        _arms,
        _sweep,
        _oracle,
        _overrides,
        _calibration,
        _latency,
    ]
    ends = [_flagged(figures), _limits(figures), _checks(figures)]
    return [*(make(figures) for make in made), _worst(figures, films), *ends]


def worst_cells(figures: SuiteFigures, *, count: int = NUM_WORST) -> tuple[CellFigures, ...]:
    """Return the cells where steering gains least, the worst first."""
    order = sorted(
        figures.compared, key=lambda cell: (cell.gain.gap.value if cell.gain else 0.0, cell.name)
    )
    return tuple(order[:count])


def _cells(figures: SuiteFigures) -> Section:
    low, high = COUNTING
    note = (
        "Success of steered minus alone on the same seeds, with 95% intervals (Newcombe, paired). "
        "Coloured and with a star: different from 0 after Holm's correction over all cells (exact "
        f"McNemar tests). Hollow: the policy alone succeeds in less than {low:.0%} or more than "
        f"{high:.0%} of the episodes; such cells do not count in the mean and stand beside it. "
        "Diamonds: mean over tasks of the mean over a task's cells. The filled one says what other "
        "seeds would give on these tasks, the first hollow one what other tasks would."
    )
    table = tables.cells_table(figures).to_html()
    if table:
        table = f"<details open><summary>In numbers</summary>{table}</details>"
    return Section("cells", "What steering changes", _or(forest(figures) + table, _NO_PAIRS), note)


def _arms(figures: SuiteFigures) -> Section:
    meanings = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>"
        for name, meaning in tables.meanings(figures).items()
    )
    table, means = tables.arms_table(figures).to_html(), tables.controls_table(figures).to_html()
    body = f"<h4>Means over the cells where each ran</h4>{_or(means, 'No mean: no cell counts.')}"
    policies = tables.policies_table(figures).to_html()
    body += f"<h4>By kind of policy</h4>{policies}" if policies else ""
    if table:
        body += f"<details open><summary>Cells with more than these two</summary>{table}</details>"
    body += f"<dl>{meanings}</dl>"
    note = (
        "Success with 95% intervals (Wilson). Means are over the cells that count and where the "
        "arm ran, with intervals for other seeds, then for other tasks; each is shown beside "
        "steered on the same cells and seeds. All arms are ordinary sessions of one server. "
        "Success is the first tick at which the simulation package's own flag is set. Holm's "
        "correction is over the cells where the same two arms are compared."
    )
    return Section("arms", "Every arm", body, note)


def _sweep(figures: SuiteFigures) -> Section:
    body = sweep_plot(figures) + tables.sweep_table(figures).to_html()
    note = (
        "The same cells for every N; N = 1 is the policy alone. The arms beside are means over "
        "those of these cells where they ran, so their cells may be fewer."
    )
    title, empty = "How many candidates", "No sweep over N ran."
    return _if_any("sweep", title, body, note=note, empty=empty)


def _oracle(figures: SuiteFigures) -> Section:
    note = (
        "The oracle tries each of N candidates in the simulator from the saved state, the policy "
        "alone going on after it, and runs the one that ends best. Its share is published only "
        "where its mean is not below that of steered. Regret is the best candidate's outcome minus "
        "the chosen one's, in control ticks (-1 a tick until success); the best of few noisy "
        "outcomes is overstated for all three alike. Rank correlation is a decision's, averaged "
        "over decisions whose candidates do not all end alike. Intervals resample episodes."
    )
    left = figures.oracle.num_left_out if figures.oracle else 0
    if left:
        note += f" {left} decisions were left out: too few candidates, or scores not finite."
    body = tables.oracle_table(figures).to_html()
    title, empty = "What is left to gain", "The oracle did not run."
    return _if_any("oracle", title, body, note=note, empty=empty)


def _overrides(figures: SuiteFigures) -> Section:
    note = (
        "An override is a decision for another chunk than the policy's own. What one override is "
        "worth cannot be told, so episodes are compared: those with at least one override, with "
        "the policy alone on the same seed. Won: only the steered one succeeded. Lost: only the "
        "policy alone did. Bars: share of decisions overridden in each tenth of the longest "
        "episode, of the cells with most overrides. Score, median: what the critic expected of "
        "the chunk that it preferred, in discounted return (-1 a tick)."
    )
    body = profiles(figures) + tables.overrides_table(figures).to_html()
    title, empty = "Where steering overrode the policy", "The arm steered did not run."
    return _if_any("overrides", title, body, note=note, empty=empty)


def _calibration(figures: SuiteFigures) -> Section:
    bins = figures.oracle.bins if figures.oracle else ()
    note = (
        "All candidates but the policy's own of the oracle's decisions, by their score "
        "(the critics' advantage over it, in discounted return, and what agreement adds where it "
        "is weighed) and by what came of it when it was tried (ticks, not discounted). The units "
        "differ; the order should agree. The dashed line is equality."
    )
    body = calibration_plot(bins) + tables.calibration_table(figures).to_html()
    empty = "Outcomes of candidates are known from the oracle alone, which did not run."
    return _if_any("calibration", "Whether predictions come true", body, note=note, empty=empty)


def _latency(figures: SuiteFigures) -> Section:
    body = tables.latency_table(figures).to_html()
    note = "Evaluation workers share the cores with the server, so these are upper bounds."
    title, empty = "Latency of the steered arm", "The arm steered did not run."
    return _if_any("latency", title, body, note=note, empty=empty)


def _worst(figures: SuiteFigures, films: Films) -> Section:
    worst = worst_cells(figures)
    shown = [cell.name for cell in worst]
    names = [*shown, *(name for name in films.by_cell if name not in shown)]
    body = _or(tables.worst_table(worst).to_html(), _NO_PAIRS)
    for name in names:
        if films.by_cell.get(name):
            body += f"<h4>{escape(name)}</h4>{films_html(films.by_cell[name])}"
    body += f"<p>{escape(films.note)}</p>" if films.note else ""
    note = "Worst first: the largest loss, or the smallest gain."
    if films.by_cell:
        note += (
            " Films: the same seed alone and steered, with the same noise of the policy. Blue: the "
            "policy's own chunk runs. Orange: the critic's choice runs. Green or grey: the end."
        )
    return Section("worst", "The worst cells", body, note)


def _flagged(figures: SuiteFigures) -> Section:
    body = tables.flags_table(figures).to_html()
    note = (
        "They count as failed. A flag says what broke: an unusable chunk, an episode that "
        "hung, or one that took its process with it."
    )
    return _if_any("flagged", "Episodes that broke", body, note=note, empty="None.")


def _limits(figures: SuiteFigures) -> Section:
    body = tables.limits_table(figures.limits).to_html()
    note = "Our step limits are the package's, or shorter to save time."
    title, empty = "At the package's own step limit", "No cell ran to the package's limit."
    return _if_any("limits", title, body, note=note, empty=empty)


def _checks(figures: SuiteFigures) -> Section:
    return Section("checks", "Whether the evaluator can be trusted", checks_list(figures))


_NO_PAIRS = "No cell has both arms, alone and steered."


def _or(body: str, empty: str) -> str:
    return body or f"<p>{escape(empty)}</p>"


def _if_any(key: str, title: str, body: str, *, note: str, empty: str) -> Section:
    """Return a section; of what did not run only that it did not."""
    return Section(key, title, _or(body, empty), note if body else "")
