"""The page: whole, self-contained, and honest about what is missing."""

import re
from html.parser import HTMLParser

import pytest

from sim.figures import figures_of, verdict
from sim.report import Film, write_report

ORIGIN = {"command": "make demo", "commit": "abc1234"}
VOID = {"meta", "img", "line", "circle", "br"}


class Balance(HTMLParser):
    """Notes tags that are closed in the wrong order, and all addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        """Open a tag."""
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Open and close one at once."""

    def handle_endtag(self, tag):
        """Close one."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


@pytest.fixture
def figures(make_row):
    """Return the figures of two tasks, one of them with a name to be escaped."""
    rows = [
        make_row(arm, seed, task=task, is_success=(arm == "steered") == (seed % 3 > 0))
        for task in ("push", "a<b")
        for arm in ("alone", "random", "steered")
        for seed in range(200_000, 200_009)
    ]
    return [figures_of(rows, task) for task in ("push", "a<b")]


def page(path, figures, films=(), note="No films: no renderer."):
    """Return the page that is written."""
    write_report(path / "report.html", figures, films=films, films_note=note, origin=ORIGIN)
    return (path / "report.html").read_text()


def test_it_opens_with_the_verdict(tmp_path, figures):
    """The first heading is the one sentence."""
    html = page(tmp_path, figures)

    heading = re.search("<h1>(.*?)</h1>", html)[1]
    assert heading == verdict(figures).replace("<", "&lt;")


def test_its_tags_are_balanced(tmp_path, figures):
    """Names with special characters included."""
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    parser = Balance()

    parser.feed(page(tmp_path, figures, [Film(film, "a<b, seed 1")]))

    assert (parser.faults, parser.open) == ([], [])


def test_it_asks_nothing_of_the_network(tmp_path, figures):
    """Films and pictures are inside; no script, no font, no style from elsewhere."""
    names = ["a.mp4", "b.png"]
    for name in names:
        (tmp_path / name).write_bytes(b"picture")
    films = [Film(tmp_path / name, name) for name in names]
    parser = Balance()

    html = page(tmp_path, figures, films)

    parser.feed(html)
    assert [link.split(",")[0] for link in parser.links] == [
        "data:video/mp4;base64",
        "data:image/png;base64",
    ]
    assert not re.search(r"<script|<link|@import|url\(|https?:", html)


def test_it_says_why_there_are_no_films(tmp_path, figures):
    """And goes on without."""
    assert "No films: no renderer." in page(tmp_path, figures)


@pytest.mark.parametrize("text", ["won of changed", "make demo", "abc1234", "Wilson"])
def test_it_says_what_is_measured_and_by_what(tmp_path, figures, text):
    """A figure without its origin proves nothing."""
    assert text in page(tmp_path, figures)


def test_every_text_of_the_plot_fits_in_it(tmp_path, figures):
    """At 13 px a character is about 7.5 px wide."""
    html = page(tmp_path, figures)

    width = float(re.search(r"viewBox='0 0 (\d+)", html)[1])
    labels = re.findall(r"<text x='([\d.]+)' y='[\d.]+' class='label'>(.*?)</text>", html)
    values = re.findall(r"<text x='([\d.]+)' y='[\d.]+' class='value'>(.*?)</text>", html)
    assert values
    assert all(float(x) - 7.5 * len(text) >= 0 for x, text in labels)
    assert all(float(x) + 7.5 * len(text) <= width for x, text in values)


def test_a_page_replaces_the_old_one_whole(tmp_path, figures):
    """No half-written page is ever seen under its name."""
    page(tmp_path, figures)
    page(tmp_path, figures)

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_run_without_steering_has_a_page_too(tmp_path, make_row):
    """Only the arm alone was run."""
    figures = [figures_of([make_row("alone")], "push")]

    assert "Nothing to compare" in page(tmp_path, figures)
