"""Films of seeds alone and steered, side by side, each made in a process of its own."""

import base64
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sim import opengl
from sim.evaluation.cells import Cell
from sim.evaluation.outcomes import by_cell
from sim.evaluation.row import Row
from sim.figures import CellFigures
from sim.film import CANNOT_RENDER

__all__ = ["Film", "Films", "Scene", "film_scenes", "films_html", "scenes_of", "telling_scene"]

_FILM_S = 240.0


@dataclass(frozen=True, slots=True)
class Film:
    """One film.

    Attributes:
        path: An .mp4 or .png.
        caption: What it shows.
    """

    path: Path
    caption: str


@dataclass(frozen=True, slots=True)
class Films:
    """Films by the name of their cell, and why there are no more."""

    by_cell: Mapping[str, Sequence[Film]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A seed that is worth a film, and why."""

    cell: Cell
    seed: int
    what: str


def scenes_of(rows: Sequence[Row], cells: Sequence[CellFigures], *, count: int) -> list[Scene]:
    """Return seeds of these cells that steering lost, and seeds that it won.

    Args:
        rows: Of the run.
        cells: Whose seeds.
        count: How many lost ones and how many won ones of each cell, at most.
    """
    found = []
    for figures in cells:
        cell = Cell(figures.policy, figures.task)
        n = figures.gain.num_candidates if figures.gain else 1
        won, lost, num_pairs = _changed(rows, cell, n)
        for name, seeds in (("lost", lost), ("won", won)):
            words = f"one of {len(seeds)} of {num_pairs} seeds that steering {name}"
            found += [Scene(cell, seed, words) for seed in seeds[:count]]
    return found


def telling_scene(rows: Sequence[Row], figures: CellFigures) -> Scene | None:
    """Return a seed that steering won, else one that it lost, else any; None without pairs."""
    cell = Cell(figures.policy, figures.task)
    n = figures.gain.num_candidates if figures.gain else 1
    won, lost, num_pairs = _changed(rows, cell, n)
    if won:
        return Scene(cell, won[0], f"one of {len(won)} of {num_pairs} seeds that only steering won")
    if lost:
        return Scene(cell, lost[0], f"one of {len(lost)} of {num_pairs} seeds that steering lost")
    alone = sorted(by_cell(rows)[cell].get(("alone", 1, "task"), {}))
    return Scene(cell, alone[0], "both arms end alike on every seed") if alone else None


def film_scenes(
    scenes: Sequence[Scene],
    server: str,
    output: Path,
    *,
    num_candidates: int | None = None,
    margin: float | None = None,
) -> Films:
    """Film the scenes; the first that cannot be filmed is the last that is tried.

    Args:
        scenes: What to film.
        server: `HOST:PORT` of a server with the critics and policies of the run.
        output: Directory for the films.
        num_candidates: N; None for the one that was tuned.
        margin: Of the gate; None for the one that was tuned.
    """
    found: dict[str, list[Film]] = {}
    options = [] if num_candidates is None else ["--candidates", str(num_candidates)]
    options += [] if margin is None else ["--margin", str(margin)]
    for scene in scenes:
        path = output / f"{scene.cell.file_name}-{scene.seed}.mp4"
        written, note = _film(scene, server, path, options)
        if written is None:
            sys.stdout.write(f"{note}\n")
            return Films(found, note)
        caption = f"{scene.cell.name}, seed {scene.seed}: {scene.what}"
        found.setdefault(scene.cell.name, []).append(Film(written, caption))
    return Films(found)


def films_html(films: Sequence[Film]) -> str:
    """Return the films with their pictures inside."""
    return f"<div class='films'>{''.join(map(_figure, films))}</div>" if films else ""


def _figure(film: Film) -> str:
    data = base64.b64encode(film.path.read_bytes()).decode()
    caption = escape(film.caption, quote=True)
    shown = f"<img alt='{caption}' src='data:image/png;base64,{data}'>"
    if film.path.suffix == ".mp4":
        source = f"src='data:video/mp4;base64,{data}'"
        shown = f"<video controls muted loop autoplay playsinline {source}></video>"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _changed(rows: Sequence[Row], cell: Cell, n: int) -> tuple[list[int], list[int], int]:
    """Return the seeds that only steered won, those that only alone won, and the number of both."""
    arms = by_cell(rows)[cell]
    alone, steered = arms.get(("alone", 1, "task"), {}), arms.get(("steered", n, "task"), {})
    seeds = sorted(alone.keys() & steered.keys())
    won = [s for s in seeds if steered[s].is_success and not alone[s].is_success]
    lost = [s for s in seeds if alone[s].is_success and not steered[s].is_success]
    return won, lost, len(seeds)


def _film(scene: Scene, server: str, path: Path, options: Sequence[str]) -> tuple[Path | None, str]:
    """Film one seed with the first renderer that works; return the film, or why there is none."""
    command = [sys.executable, "-m", "sim.film", "--server", server, "--cell", scene.cell.name]
    command += ["--seed", str(scene.seed), "--arms", "alone,steered", "--output", str(path)]
    note = ""
    for renderer in opengl.candidates():
        try:
            done = subprocess.run(
                [*command, *options],
                env={**os.environ, "MUJOCO_GL": renderer},
                capture_output=True,
                text=True,
                timeout=_FILM_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            note = f"No films: {renderer} took longer than {_FILM_S:g} s."
            continue
        if done.returncode == 0:
            return Path(done.stdout.split()[-1]), ""
        end = done.stderr.strip().splitlines()[-1:] or ["no message"]
        note = f"No films: this machine cannot render ({renderer}: {end[0]})."
        if done.returncode != CANNOT_RENDER:
            note = f"No films: filming failed ({end[0]})."
    return None, note
