"""The page: whole, self-contained, and honest about what is missing."""

import re
from html import escape
from html.parser import HTMLParser

import pytest

from sim.figures import suite_figures, verdict
from sim.report.films import Film, Films
from sim.report.page import Report, write_report

ORIGIN = {"command": "make demo", "commit": "abc1234 <dirty>"}
VOID = {"meta", "img", "br"}


class Balance(HTMLParser):
    """Notes tags that are closed in the wrong order, and all addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.links, self.ids = [], [], [], []

    def handle_starttag(self, tag, attrs):
        """Open a tag."""
        self.links += [value for name, value in attrs if name in ("src", "href")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Open and close one at once."""

    def handle_endtag(self, tag):
        """Close one."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def written(path, figures, rows, films=None):
    """Return the page that is written."""
    report = Report(
        title="steer <demo>",
        figures=figures,
        rows=rows,
        records=[],
        films=films or Films({}, "No films: no renderer."),
        origin=ORIGIN,
    )
    write_report(path / "report.html", report)
    return (path / "report.html").read_text()


@pytest.fixture(scope="module")
def page(suite, suite_rows, tmp_path_factory):
    """Return the page of the made suite, with films of a cell."""
    folder = tmp_path_factory.mktemp("page")
    films = [Film(folder / name, f"{name} <of> a seed") for name in ("a.mp4", "b.png")]
    for film in films:
        film.path.write_bytes(b"picture")
    return written(folder, suite, suite_rows, Films({"act/scene": films}))


def parsed(html):
    """Return what a parser saw of a page."""
    parser = Balance()
    parser.feed(html)
    parser.close()
    return parser


def test_it_opens_with_the_verdict(page, suite):
    """The first heading is the one sentence."""
    assert re.search("<h1>(.*?)</h1>", page)[1] == escape(verdict(suite))


def test_its_tags_are_balanced_and_its_links_lead_somewhere(page):
    """Names with special characters included."""
    parser = parsed(page)

    assert (parser.faults, parser.open) == ([], [])
    inner = [link[1:] for link in parser.links if link.startswith("#")]
    assert sorted(inner) == sorted(parser.ids)
    assert len(set(inner)) == 12


def test_it_asks_nothing_of_the_network(page):
    """Films, pictures and data are inside; no script, no font, no style from elsewhere."""
    outer = [link.split(",")[0] for link in parsed(page).links if not link.startswith("#")]

    assert outer == [
        "data:video/mp4;base64",
        "data:image/png;base64",
        "data:text/csv;base64",
        "data:application/json;base64",
        "data:application/vnd.apache.parquet;base64",
    ]
    assert not re.search(r"<script|<link|@import|url\(|https?:", page)


def test_texts_of_others_are_escaped(page):
    """Flags and captions come from elsewhere."""
    assert "hung: &lt;b&gt;the episode&lt;/b&gt; did not end" in page
    assert "a.mp4 &lt;of&gt; a seed" in page
    assert "steer &lt;demo&gt;" in page
    assert "<b>the episode" not in page


def test_every_section_shows_its_numbers(page, suite):
    """As the statistics have them."""
    gap = suite.cells[0].gain.gap
    worst, oracle = suite.control("worst"), suite.oracle
    numbers = [
        f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]",
        f"{worst.gain.fixed.value:+.2f} [{worst.gain.fixed.low:+.2f}",
        f"{suite.sweep.gains[-1][1].fixed.value:+.2f} [",
        f"{oracle.regret.chosen.value:+.1f} [{oracle.regret.chosen.low:+.1f}",
        f"{oracle.rank.mean.value:+.2f} [{oracle.rank.mean.low:+.2f}",
        f"{suite.override_totals.rate.value:.1%}",
        f"{oracle.bins[0].predicted:+.2f}",
        f"{suite.latencies['act']['drawing the candidates'].median_ms:.1f}",
        f"{suite.limits[0].package.value:+.2f} [{suite.limits[0].package.low:+.2f}",
        f"{suite.checks.null.any_cell.value:.1%} [",
        escape(suite.checks.power),
        escape("abc1234 <dirty>"),
    ]

    assert [number for number in numbers if number not in page] == []


def test_films_of_a_cell_stand_below_its_name(page):
    """Among the worst cells."""
    worst = page[page.index("id='worst'") : page.index("id='flagged'")]

    assert worst.index("<h4>act/scene</h4>") < worst.index("<video")


def test_every_text_of_the_forest_plot_fits_in_it(page):
    """At 13 px a character is about 7.5 px wide."""
    plot = re.search(r"<svg class='wide'.*?</svg>", page, re.DOTALL)[0]

    width = float(re.search(r"viewBox='0 0 (\d+)", plot)[1])
    labels = re.findall(r"<text x='([\d.]+)' y='[\d.]+' class='label[a-z ]*'>(.*?)</text>", plot)
    values = re.findall(r"<text x='([\d.]+)' y='[\d.]+' class='value'>(.*?)</text>", plot)
    assert len(labels) == len(values) == 12 + 3
    assert all(float(x) - 7.5 * len(text) >= 0 for x, text in labels)
    assert all(float(x) + 7.5 * len(text) <= width for x, text in values)


def test_a_run_of_alone_alone_has_a_page_too(tmp_path, make_row):
    """Each section says what did not run."""
    rows = [make_row("alone")]

    html = written(tmp_path, suite_figures(rows), rows)

    assert parsed(html).faults == []
    for text in ("Nothing to compare", "No sweep over N ran.", "The oracle did not run.", "None."):
        assert text in html


def test_a_run_of_one_cell_has_a_card_for_it(tmp_path, make_row):
    """And no interval for other tasks, of which there is no other."""
    rows = [
        make_row(arm, s, is_success=(arm == "steered") == (s % 3 > 0), policy="a<b")
        for arm in ("alone", "steered")
        for s in range(12)
    ]

    html = written(tmp_path, suite_figures(rows), rows)

    assert parsed(html).faults == []
    assert "<h3>a&lt;b/push</h3>" in html
    assert "+0.33 [no interval]" in html


def test_it_says_why_there_are_no_films(tmp_path, make_row):
    """And goes on without; a run without rows has a page, too."""
    assert "No films: no renderer." in written(tmp_path, suite_figures([]), [])


def test_a_page_replaces_the_old_one_whole(tmp_path):
    """No half-written page is ever seen under its name."""
    written(tmp_path, suite_figures([]), [])
    written(tmp_path, suite_figures([]), [])

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
