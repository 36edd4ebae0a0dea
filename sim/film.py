"""Films the same seed alone and steered, side by side.

    MUJOCO_GL=egl python -m sim.film --server HOST:PORT --cell diffusion/push --seed 200000 \
        --arms alone,steered --output demo/push.mp4

It runs in a process of its own, because MuJoCo picks its renderer when it is imported. Exit code 3
says that this machine cannot render.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sim.evaluation.arms import Arm, Settings, arms_of
from sim.evaluation.cells import Cell, Run
from sim.evaluation.job import Job
from sim.evaluation.plan import arm_source
from sim.evaluation.robots import Robots
from sim.evaluation.tuned import Tuned
from sim.interrupt import run
from sim.tasks import Env, NoRendererError
from steer.errors import SteerError
from steer.types import Decision

__all__ = ["CANNOT_RENDER", "film_episode", "main", "write"]

CANNOT_RENDER = 3
SIZE = 256
FRAMES_PER_S = 20
CAPTION = 22
STRIP_FRAMES = 6
_POLICY, _OVERRIDE = (70, 110, 200), (230, 140, 30)
_SUCCESS, _FAILURE = (28, 124, 74), (92, 102, 117)

_Film = list[NDArray[np.uint8]]


def film_episode(
    robots: Robots, server: str, cell: Cell, arm: Arm, settings: Settings, *, seed: int
) -> tuple[_Film, str]:
    """Run one episode and return its captioned frames, and how it ended in words."""
    frames: _Film = []
    ticks = 0

    def watch(robot: Env, decision: Decision) -> None:
        nonlocal ticks
        if ticks % max(1, round(robot.spec.embodiment.control_hz / FRAMES_PER_S)) == 0:
            picture = robot.render(robot.spec.cameras[0], height=SIZE, width=SIZE)
            frames.append(
                _captioned(picture, arm.name, _OVERRIDE if decision.overrode else _POLICY)
            )
        ticks += 1

    run = Run(arm.name, arm.num_candidates(settings))
    job = Job(
        server=server,
        cell=cell,
        seed=seed,
        runs=(run,),
        settings=settings,
        sources={arm.name: arm_source(cell, arm)},
    )
    row = robots.play(job, run, watch=watch)
    ending = f"success after {row.steps} ticks" if row.is_success else "no success"
    colour = _SUCCESS if row.is_success else _FAILURE
    last = _captioned(frames[-1][CAPTION:], f"{arm.name}: {ending}", colour)
    return [*frames, *[last] * FRAMES_PER_S], ending


def _captioned(
    picture: NDArray[np.uint8], text: str, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return the picture under a caption, whose colour says whose chunk runs, or how it ended."""
    image = Image.new("RGB", (SIZE, SIZE + CAPTION), colour)
    image.paste(Image.fromarray(picture), (0, CAPTION))
    ImageDraw.Draw(image).text((6, 5), text, fill="white")
    return np.asarray(image)


def _side_by_side(films: Sequence[_Film]) -> _Film:
    """Join films frame by frame; a shorter one keeps its last frame."""
    longest = max(map(len, films))
    return [
        np.concatenate([film[min(index, len(film) - 1)] for film in films], axis=1)
        for index in range(longest)
    ]


def write(frames: _Film, output: Path) -> Path:
    """Write a film, or a strip of pictures where there is no encoder; return what was written."""
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        # In this process: a child of one that speaks gRPC can lose its pipes.
        iio.imwrite(output, np.stack(frames), plugin="pyav", fps=FRAMES_PER_S, codec="libx264")
    except (OSError, ImportError, ValueError, RuntimeError, FFmpegError) as error:
        output.unlink(missing_ok=True)
        sys.stderr.write(f"no film, a strip instead: {error}\n")
        picks = np.linspace(0, len(frames) - 1, STRIP_FRAMES).astype(int)
        strip = output.with_suffix(".png")
        iio.imwrite(strip, np.concatenate([frames[index] for index in picks], axis=0))
        return strip
    return output


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 3 no renderer."""
    parser = argparse.ArgumentParser(prog="python -m sim.film")
    parser.add_argument("--server", required=True, help="HOST:PORT")
    parser.add_argument("--cell", required=True, type=Cell.parse, help="POLICY/TASK")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--arms", default="alone,steered", help="comma-separated")
    parser.add_argument("--candidates", type=int, help="N (default: as tuned)")
    parser.add_argument("--margin", type=float, help="of the gate (default: as tuned)")
    parser.add_argument("--output", type=Path, required=True, help="an .mp4")
    options = parser.parse_args(arguments)
    try:
        given = {"num_candidates": options.candidates, "margin": options.margin}
        changes = {name: value for name, value in given.items() if value is not None}
        settings, robots = replace(Tuned.load().settings, **changes), Robots()
        films = [
            film_episode(robots, options.server, options.cell, arm, settings, seed=options.seed)[0]
            for arm in arms_of(options.arms)
        ]
        robots.close()
        sys.stdout.write(f"{write(_side_by_side(films), options.output)}\n")
    except NoRendererError as error:
        sys.stderr.write(f"sim.film: {error}\n")
        return CANNOT_RENDER
    except SteerError as error:
        sys.stderr.write(f"sim.film: error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
