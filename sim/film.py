"""Films the same seed alone and steered, side by side.

    MUJOCO_GL=egl python -m sim.film --server HOST:PORT --task push --seed 200000 \
        --arms alone,steered --output demo/push.mp4

It runs in a process of its own, because MuJoCo picks its renderer when it is imported. Exit code 3
says that this machine cannot render.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sim.evaluate import load_settings
from sim.evaluation.arms import Arm, Settings, arms_of
from sim.evaluation.episode import run_episode
from sim.tasks import Env, NoRendererError, make
from steer.client import SteerClient
from steer.clock import MonotonicClock
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
    server: str, env: Env, arm: Arm, settings: Settings, *, seed: int
) -> tuple[_Film, str]:
    """Run one episode and return its captioned frames, and how it ended in words."""
    frames: _Film = []
    every = max(1, round(env.spec.embodiment.control_hz / FRAMES_PER_S))
    ticks = 0

    def watch(robot: Env, decision: Decision) -> None:
        nonlocal ticks
        if ticks % every == 0:
            picture = robot.render(robot.spec.cameras[0], height=SIZE, width=SIZE)
            frames.append(
                _captioned(picture, arm.name, _OVERRIDE if decision.overrode else _POLICY)
            )
        ticks += 1

    with SteerClient(server) as client:
        client.open_session(
            env.spec.embodiment,
            critic=env.spec.name,
            policy=arm.policy(env.spec.name),
            selection=arm.selection(settings),
            robot=f"film/{arm.name}",
        )
        row = run_episode(
            client, env, arm, settings, seed=seed, clock=MonotonicClock(), watch=watch
        )
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
        iio.imwrite(output, np.stack(frames), fps=FRAMES_PER_S, codec="libx264", macro_block_size=2)
    except (OSError, ImportError, ValueError, RuntimeError) as error:
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
    parser.add_argument("--task", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--arms", default="alone,steered", help="comma-separated")
    parser.add_argument("--output", type=Path, required=True, help="an .mp4")
    options = parser.parse_args(arguments)
    try:
        env = make(options.task)
        settings = load_settings([options.task])[options.task]
        films = [
            film_episode(options.server, env, arm, settings, seed=options.seed)[0]
            for arm in arms_of(options.arms)
        ]
        env.close()
        sys.stdout.write(f"{write(_side_by_side(films), options.output)}\n")
    except NoRendererError as error:
        sys.stderr.write(f"sim.film: {error}\n")
        return CANNOT_RENDER
    except SteerError as error:
        sys.stderr.write(f"sim.film: error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
