"""Does a critic go by the instruction? Two tasks in one scene, and one critic of both.

    python -m benchmarks.language

In the scene of fetch-pick-and-place the robot is told to bring the cube to the goal, or to move the
gripper to the goal and leave the cube alone (`benchmarks/language_scene.py`). Noisy attempts at
both train one critic that reads the hashed instruction. Then, in states from early in episodes of
other seeds, the chunks of both experts are its two candidates:

* `language/top1`: how often the chunk of the given instruction has the higher value;
* `language/top1_swapped`: in how many states the other instruction turns the choice round.

States are those after 0, 4 and 8 ticks of either expert, with noise, in which the two chunks differ
by more than 0.2 of an action's range from the middle (root mean square). Intervals are bootstraps
over episodes. Writes `demo/language.json`; `make results` publishes it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import language_scene
from sim.experts import Expert, make_expert
from sim.interrupt import exit_code, run
from sim.recording import collect
from sim.records import make_record, write_records
from sim.seeds import episode_seeds
from sim.stats import Estimate, clustered_mean
from sim.tasks import TASKS, Env
from steer.critics.artefact import load_critic
from steer.critics.card import NetworkConfig
from steer.critics.critic import Critic
from steer.critics.encoders.instructions import Instructions
from steer.critics.encoding import INSTRUCTION
from steer.errors import ConfigError
from steer.train.config import TrainConfig
from steer.train.run import train
from steer.types import Observation

__all__ = ["Found", "State", "main", "measure", "states"]

OUTPUT = Path("demo") / "language.json"
MIXTURE = ((0.0, 20), (0.3, 40), (0.6, 40))
TICKS = (0, 4, 8)
HORIZON = 8
LANGUAGE_DIM = 256
_APART = 0.2
_NOISE = 0.3
_BLOCK = 23


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A state with two candidates.

    Attributes:
        seed: Of its episode.
        tick: How many actions came before.
        observation: What the critic sees.
        chunks: float32 [2, H, A], what each task's expert does from here.
    """

    seed: int
    tick: int
    observation: Observation
    chunks: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was measured.

    Attributes:
        top1: How often the chunk of the given instruction came first; n counts both instructions.
        swapped: Share of states in which the other instruction makes another choice.
        by_task: `top1` of each instruction alone.
    """

    top1: Estimate
    swapped: Estimate
    by_task: tuple[Estimate, Estimate]


def states(seeds: Sequence[int]) -> list[State]:
    """Return the states of these episodes in which the two experts do something else."""
    env = language_scene.make()
    experts: list[Expert] = [
        make_expert(TASKS["fetch-pick-and-place"]),
        language_scene.Expert(),
    ]
    found = []
    for number, seed in enumerate(seeds):
        rng = np.random.default_rng([seed, 4])
        observation = env.reset(seed)
        for tick in range(max(TICKS) + 1):
            if tick in TICKS:
                chunks = np.stack([_chunk(env, expert, observation) for expert in experts])
                if np.sqrt(np.square(chunks[0] - chunks[1]).mean()) > _APART:
                    found.append(State(seed, tick, observation, chunks))
            action = experts[number % 2].act(observation)
            noise = rng.normal(0.0, _NOISE, action.shape)
            observation = env.step((action + noise).astype(np.float32)).observation
    return found


def _chunk(env: Env, expert: Expert, observation: Observation) -> NDArray[np.float32]:
    """Return what an expert does from here, and put the episode back."""
    start = env.save()
    actions = []
    for _ in range(HORIZON):
        actions.append(expert.act(observation))
        observation = env.step(actions[-1]).observation
    env.restore(start)
    return np.stack(actions)


def measure(critic: Critic, found: Sequence[State], texts: Sequence[str]) -> Found:
    """Return how often a critic goes by the instruction.

    Args:
        critic: Of both tasks, in evaluation mode.
        found: States with the chunks of both.
        texts: Instruction of each.
    """
    names = [item.name for item in critic.card.embodiment.observations]
    seen = {
        name: torch.from_numpy(np.stack([np.asarray(s.observation.arrays[name]) for s in found]))
        for name in names
    }
    chunks_B2HA = torch.from_numpy(np.stack([state.chunks for state in found]))
    vectors_2L = Instructions(critic.card.network.language_dim).vectors(texts)
    chosen = []
    for vector_L in vectors_2L:
        told = {INSTRUCTION: torch.from_numpy(vector_L).expand(len(found), -1)}
        with torch.inference_mode():
            value_KB2 = critic.score(critic.embed({**seen, **told}), chunks_B2HA)
        chosen.append(value_KB2.mean(0).argmax(1).numpy())
    right = [first == own for own, first in enumerate(chosen)]
    clusters = [state.seed for state in found]

    def estimate(values: Sequence[NDArray[np.bool_]]) -> Estimate:
        flat = np.concatenate(values).astype(np.float64)
        return clustered_mean(flat, clusters * len(values), rng=np.random.default_rng(0))

    return Found(
        top1=estimate(right),
        swapped=estimate([chosen[0] != chosen[1]]),
        by_task=(estimate(right[:1]), estimate(right[1:])),
    )


def _collect(root: Path, num_episodes: int) -> None:
    """Bring the data of both tasks to so many episodes each."""
    scene = Path(language_scene.__file__)
    tasks = {
        "": (TASKS["fetch-pick-and-place"], None),
        f"{scene}:make": (language_scene.make().spec, language_scene.Expert()),
    }
    for task, (spec, expert) in tasks.items():

        def show(num_there: int, num_wanted: int, name: str = spec.name) -> None:
            if num_there in (0, num_wanted):
                sys.stdout.write(f"{name}: {num_there} of {num_wanted} episodes\n")

        mixed = replace(spec, mixture=MIXTURE)
        if not collect(
            mixed, root, num_episodes=num_episodes, progress=show, task=task, expert=expert
        ):
            raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data/language"), help="of both tasks")
    parser.add_argument("--episodes", type=int, default=100, help="of each task (default: 100)")
    parser.add_argument("--held-out", type=int, default=100, help="episodes (default: 100)")
    parser.add_argument(
        "--other-instructions", type=float, help="as `steer train` has it; 0 is the control"
    )
    parser.add_argument("--critic", type=Path, help="keep the critic in this new directory")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    return parser.parse_args()


def _train(options: argparse.Namespace, output: Path) -> Critic:
    train(
        TrainConfig(
            dataset=(str(options.data),),
            task=("fetch-pick-and-place", "fetch-reach-goal"),
            output=output,
            horizon=HORIZON,
            network=NetworkConfig(language_dim=LANGUAGE_DIM),
            other_instructions=options.other_instructions,
        )
    )
    return load_critic(output)


def _command(options: argparse.Namespace) -> str:
    words = [f"--episodes {options.episodes}", f"--held-out {options.held_out}"]
    if options.other_instructions is not None:
        words.append(f"--other-instructions {options.other_instructions:g}")
    return " ".join(["python -m benchmarks.language", *words])


def _measure(options: argparse.Namespace) -> int:
    for name in ("episodes", "held_out"):
        if getattr(options, name) < 2:
            got = getattr(options, name)
            raise ConfigError(f"--{name.replace('_', '-')}: expected >= 2, got {got}")
    _collect(options.data, options.episodes)
    begun_s = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        critic = _train(options, options.critic or Path(scratch) / "critic")
    trained_s = time.process_time() - begun_s
    found = states(episode_seeds("user", options.held_out, block=_BLOCK))
    texts = (TASKS["fetch-pick-and-place"].instruction, language_scene.make().spec.instruction)
    result = measure(critic, found, texts)
    sys.stdout.write(f"{len(found)} states; trained in {trained_s:.0f} s of processor time\n")
    shown = {"top1": result.top1, "top1_swapped": result.swapped}
    shown |= {f"top1 of {text!r}": item for text, item in zip(texts, result.by_task, strict=True)}
    for name, item in shown.items():
        sys.stdout.write(f"{name}: {item.value:.3f} [{item.low:.3f}, {item.high:.3f}] n={item.n}\n")
    records = [
        make_record(
            f"language/{name}",
            item.value,
            interval=(item.low, item.high),
            n=item.n,
            unit="share",
            command=_command(options),
        )
        for name, item in (("top1", result.top1), ("top1_swapped", result.swapped))
    ]
    write_records(options.output, records)
    return 0


def main() -> int:
    """Measure, and write the records; return the exit code."""
    options = _options()
    return exit_code("benchmarks.language", lambda: _measure(options))


if __name__ == "__main__":
    sys.exit(run(main))
