"""Trains a small policy with one of LeRobot's own classes.

    python -m sim.policies.train --tasks push --root data/metaworld --output build/push/policy
    python -m sim.policies.train --architecture act --task scene --root data/ogbench-scene …

The result is an ordinary LeRobot checkpoint (policy, pre- and post-processor in one directory) and
our `steer.json`, which names the embodiment. Training is a function of the data and the seed: every
step seeds itself, so a run that was stopped goes on to the same weights.
"""

import json
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from sim.interrupt import GOES_ON, exit_code, run
from sim.policies.architectures import ARCHITECTURES, Built, Request
from sim.policies.batches import Batches
from sim.policies.checkpoint import TrainingState, save_policy
from sim.policies.curve import write_curve
from sim.policies.data import Columns, read_columns
from sim.policies.options import PolicyConfig, parse, resolved, specs_of
from sim.policies.pictures import Pictures, read_pictures
from sim.tasks import TaskSpec
from steer.embodiment import Embodiment, ObservationField

__all__ = ["PolicyConfig", "main", "train"]

logger = logging.getLogger(__name__)


def train(config: PolicyConfig) -> Path:
    """Train one policy, or go on with a run that was stopped, and save its checkpoint.

    Returns:
        The checkpoint's directory.

    Raises:
        DatasetError: The data do not hold the tasks, or their pictures are not there.
        ConfigError: The training state belongs to other options or other data, or the options do
            not fit each other.
        InvalidInputError: There is no such task or architecture.
    """
    torch.set_num_threads(1)
    config = resolved(config)
    specs = specs_of(config)
    architecture = ARCHITECTURES[config.architecture]
    columns = read_columns(
        config.root,
        tasks=[spec.instruction for spec in specs],
        successes_only=config.successes_only,
        clean_only=config.clean_only,
    )
    pictures = read_pictures(config.pictures, config.tasks) if config.pictures else None
    state_directory = config.output.with_suffix(".training")
    torch.manual_seed(config.seed)
    built = architecture.build(
        Request(
            columns=columns,
            picture=(pictures.name, pictures.shape) if pictures else None,
            directory=state_directory,
            steps=config.steps,
            inference_steps=config.inference_steps,
        )
    )
    batches = Batches(
        columns,
        built,
        pictures=pictures,
        texts=[(s.instruction, s.paraphrase) for s in specs] if architecture.reads_text else (),
        batch_size=config.batch_size,
        seed=config.seed,
    )
    optimiser = torch.optim.AdamW(
        built.policy.parameters(), lr=config.learning_rate, weight_decay=1e-6
    )
    key = _key(config, columns, built, pictures)
    state = TrainingState(built.policy, optimiser, state_directory, key)
    _run(config, built, batches, optimiser, state)
    state.load_average()
    built.finish()
    save_policy(config.output, built, _embodiment(specs, pictures))
    _write_run(config, columns, state)
    state.finish()
    return config.output


def _run(
    config: PolicyConfig,
    built: Built,
    batches: Batches,
    optimiser: torch.optim.Optimizer,
    state: TrainingState,
) -> None:
    """Take the steps that are left."""
    first, steps = state.resume(), config.steps
    progress = tqdm(
        range(first, steps),
        initial=first,
        total=steps,
        desc=f"{config.architecture} {config.output.name}",
        mininterval=1.0,
    )
    built.policy.train()
    built.resumed(first)
    trained = [value for value in built.policy.parameters() if value.requires_grad]
    for step in progress:
        _set_learning_rate(optimiser, config, step)
        torch.manual_seed((config.seed << 32) + step)
        loss, _ = built.policy.forward(batches(step))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        state.average(step)
        state.record(step, loss.item())
        if step % 50 == 0:
            progress.set_postfix(loss=f"{state.recent_loss():.4f}")
        if (step + 1) % config.checkpoint_every == 0:
            _save_state(state, step + 1)


def _save_state(state: TrainingState, step: int) -> None:
    """Save the state; a disk that refuses it costs a resume, not the run."""
    try:
        state.save(step)
    except OSError as error:
        logger.warning("training state of step %d not written, going on: %s", step, error)


def _key(config: PolicyConfig, columns: Columns, built: Built, pictures: Pictures | None) -> str:
    """Return what a training state must have in common with the run that continues it."""
    options = {k: str(v) for k, v in asdict(config).items() if k != "output"}
    options |= {"data": columns.digest(), "network": str(built.policy.config)}
    if pictures is not None:
        options |= {"pictures": pictures.digest()}
    return json.dumps(options)


def _set_learning_rate(optimiser: torch.optim.Optimizer, config: PolicyConfig, step: int) -> None:
    warm = min(1.0, (step + 1) / 500)
    cosine = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * warm * cosine


def _embodiment(specs: Sequence[TaskSpec], pictures: Pictures | None) -> Embodiment:
    """Return the body, with the camera that the policy looks through."""
    body = specs[0].embodiment
    if pictures is None:
        return body
    camera = ObservationField(name=pictures.name, dtype="uint8", shape=pictures.shape)
    return replace(body, observations=(*body.observations, camera))


def _write_run(config: PolicyConfig, columns: Columns, state: TrainingState) -> None:
    """Write the loss curve and the record of the run beside the checkpoint."""
    write_curve(config.output, state.curve())
    run = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    run |= {
        "episodes": columns.num_episodes,
        "rows": len(columns.actions),
        "data_sha256": columns.digest(),
        "loss_by_quarter": state.loss_by_quarter(),
    }
    (config.output / "training.json").write_text(json.dumps(run, indent=2) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code("sim.policies.train", partial(_train, arguments), interrupted=GOES_ON)


def _train(arguments: Sequence[str] | None) -> int:
    train(parse(arguments, (__doc__ or "").splitlines()[0]))
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
