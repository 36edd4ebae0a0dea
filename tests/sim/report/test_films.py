"""Which seeds are filmed, and what is said where none can be."""

import subprocess
import sys

import pytest

from sim.evaluation.cells import Cell
from sim.figures.cells import cells_of_rows
from sim.film import CANNOT_RENDER
from sim.report import films
from sim.report.films import Film, Scene, film_scenes, films_html, scenes_of, telling_scene

SCENE = Scene(Cell("diffusion", "push"), 7, "one of 2 of 9 seeds that steering lost")


def run(make_row, alone, steered):
    """Return rows of both arms on seeds from 0 on."""
    rows = [make_row("alone", i, is_success=won) for i, won in enumerate(alone)]
    return rows + [make_row("steered", i, is_success=won) for i, won in enumerate(steered)]


@pytest.mark.parametrize(
    ("alone", "steered", "seed", "words"),
    [
        ((True, False, False), (False, False, True), 2, "only steering won"),
        ((False, True, False), (False, False, False), 1, "steering lost"),
        ((True, False, True), (True, False, True), 0, "end alike"),
    ],
)
def test_the_demos_film_shows_a_seed_that_steering_changed(make_row, alone, steered, seed, words):
    """Won before lost before the first; the caption says which, and of how many."""
    rows = run(make_row, alone, steered)

    found = telling_scene(rows, cells_of_rows(rows)[0])

    assert found.seed == seed
    assert words in found.what


def test_a_cell_without_episodes_of_alone_has_no_film(make_row):
    """There is nothing to compare with."""
    rows = [make_row()]

    assert telling_scene(rows, cells_of_rows(rows)[0]) is None


def test_lost_seeds_come_before_won_ones(make_row):
    """What went wrong is what a reader should see first."""
    rows = run(make_row, (1, 1, 1, 0, 0, 0, 1), (0, 0, 0, 1, 1, 0, 1))

    found = scenes_of(rows, cells_of_rows(rows), count=2)

    assert [(scene.seed, scene.what) for scene in found] == [
        (0, "one of 3 of 7 seeds that steering lost"),
        (1, "one of 3 of 7 seeds that steering lost"),
        (3, "one of 2 of 7 seeds that steering won"),
        (4, "one of 2 of 7 seeds that steering won"),
    ]


@pytest.fixture
def filming(monkeypatch):
    """Return the commands that would have been run, and how each ends."""
    commands, ends = [], []

    def fake(command, *, env, **how):
        commands.append((env["MUJOCO_GL"], command))
        code, text = ends.pop(0) if ends else (0, "films/x.mp4\n")
        return subprocess.CompletedProcess(command, code, text, "" if code == 0 else text)

    monkeypatch.setattr(films.subprocess, "run", fake)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    return commands, ends


def test_a_scene_is_filmed_in_a_process_of_its_own(filming, tmp_path):
    """With the N and margin of the run."""
    commands, _ = filming

    found = film_scenes([SCENE], "localhost:1", tmp_path, num_candidates=8, margin=0.5)

    ((renderer, command),) = commands
    assert renderer == "egl"
    assert command[:3] == [sys.executable, "-m", "sim.film"]
    assert " ".join(command[3:]) == (
        "--server localhost:1 --cell diffusion/push --seed 7 --arms alone,steered --output "
        f"{tmp_path}/diffusion-push-7.mp4 --candidates 8 --margin 0.5"
    )
    assert [film.caption for film in found.by_cell["diffusion/push"]] == [
        "diffusion/push, seed 7: one of 2 of 9 seeds that steering lost"
    ]


def test_the_second_renderer_is_tried_where_the_first_fails(filming, tmp_path):
    """EGL needs a driver, OSMesa none."""
    commands, ends = filming
    ends.append((CANNOT_RENDER, "no device"))

    found = film_scenes([SCENE], "localhost:1", tmp_path)

    assert [renderer for renderer, _ in commands] == ["egl", "osmesa"]
    assert found.note == ""


@pytest.mark.parametrize(
    ("code", "note"),
    [
        (CANNOT_RENDER, "No films: this machine cannot render (osmesa: no device)."),
        (2, "No films: filming failed (no device)."),
    ],
)
def test_without_a_renderer_it_says_so_and_stops(filming, tmp_path, code, note, capsys):
    """No page waits for films that cannot be made."""
    commands, ends = filming
    ends += [(code, "no device")] * 2

    found = film_scenes([SCENE, SCENE], "localhost:1", tmp_path)

    assert (found.by_cell, found.note, len(commands)) == ({}, note, 2)
    assert capsys.readouterr().out == f"{note}\n"


def test_a_strip_of_pictures_stands_in_for_a_film(tmp_path):
    """Where there is no encoder."""
    path = tmp_path / "x.png"
    path.write_bytes(b"x")

    html = films_html([Film(path, "it's <x>")])

    assert "<img alt='it&#x27;s &lt;x&gt;' src='data:image/png;base64,eA=='>" in html
    assert films_html([]) == ""
