"""Trains a small diffusion policy with LeRobot's own class.

    python -m sim.policies.train --task push --root data/metaworld --output build/push/policy

The result is an ordinary LeRobot checkpoint (policy, pre- and post-processor in one directory) and
our `steer.json`, which names the embodiment. Training is a function of the data and the seed: every
step seeds itself, so a run that was stopped goes on to the same weights.
"""

import argparse
import json
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from sim.policies.checkpoint import TrainingState, save_policy
from sim.policies.curve import write_curve
from sim.policies.data import Columns, read_columns
from sim.tasks import spec_of
from steer.errors import SteerError

__all__ = ["PolicyConfig", "build_policy", "main", "train"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """One training run; every field is an option of the command line."""

    task: str
    """Name of the task, for example `push`."""
    root: Path
    """LeRobotDataset of the task's package."""
    output: Path
    """Directory of the checkpoint; the training state lies beside it, in `<output>.training`."""
    successes_only: bool = False
    """Clone the successful episodes alone: the `filtered` control."""
    steps: int = 12_000
    """Gradient steps."""
    batch_size: int = 128
    """Windows a step."""
    learning_rate: float = 1e-3
    """Peak of the cosine schedule."""
    seed: int = 0
    """Seeds the weights, the windows and the noise."""
    inference_steps: int = 10
    """DDIM steps of a draw."""
    checkpoint_every: int = 500
    """Steps between training states; a run that is stopped loses at most so many."""


def build_policy(columns: Columns, config: PolicyConfig) -> tuple[Any, Any, Any]:
    """Build LeRobot's diffusion policy and its processors, small and on state alone.

    Returns:
        Policy, pre-processor, post-processor.
    """
    from lerobot.configs import FeatureType, NormalizationMode, PolicyFeature
    from lerobot.policies import get_policy_class, make_policy_config, make_pre_post_processors

    kinds = {"observation.environment_state": FeatureType.ENV}
    inputs = {
        key: PolicyFeature(kinds.get(key, FeatureType.STATE), array.shape[1:])
        for key, array in columns.observations.items()
    }
    policy_config = make_policy_config(
        "diffusion",
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, columns.actions.shape[1:])},
        # LeRobot's default leaves ENV out, that is, not normalised.
        normalization_mapping={
            "STATE": NormalizationMode.MEAN_STD,
            "ENV": NormalizationMode.MEAN_STD,
            "ACTION": NormalizationMode.MIN_MAX,
        },
        device="cpu",
        push_to_hub=False,
        n_obs_steps=2,
        horizon=16,
        n_action_steps=8,
        down_dims=(64, 128),
        kernel_size=3,
        n_groups=8,
        diffusion_step_embed_dim=32,
        noise_scheduler_type="DDIM",
        num_inference_steps=config.inference_steps,
    )
    policy = get_policy_class("diffusion")(policy_config)
    tensors = {
        key: {name: torch.from_numpy(np.asarray(value)) for name, value in stats.items()}
        for key, stats in columns.statistics().items()
    }
    pre, post = make_pre_post_processors(policy_config, dataset_stats=tensors)
    return policy, pre, post


def train(config: PolicyConfig) -> Path:
    """Train one policy, or go on with a run that was stopped, and save its checkpoint.

    Returns:
        The checkpoint's directory.

    Raises:
        DatasetError: The data do not hold the task.
        ConfigError: The training state belongs to other options or other data.
    """
    torch.set_num_threads(1)
    spec = spec_of(config.task)
    columns = read_columns(config.root, task=spec.instruction, successes_only=config.successes_only)
    torch.manual_seed(config.seed)
    policy, pre, post = build_policy(columns, config)
    optimiser = torch.optim.AdamW(policy.parameters(), lr=config.learning_rate, weight_decay=1e-6)
    key = _key(config, columns, policy.config)
    state = TrainingState(policy, optimiser, config.output.with_suffix(".training"), key)
    first = state.resume()
    batches = _Batches(columns, pre, config, policy.config)
    progress = tqdm(
        range(first, config.steps),
        initial=first,
        total=config.steps,
        desc=f"{config.task} {config.output.name}",
        mininterval=1.0,
    )
    policy.train()
    for step in progress:
        _set_learning_rate(optimiser, config, step)
        torch.manual_seed((config.seed << 32) + step)
        loss, _ = policy.forward(batches(step))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
        state.average(step)
        state.record(step, loss.item())
        if step % 50 == 0:
            progress.set_postfix(loss=f"{state.recent_loss():.4f}")
        if (step + 1) % config.checkpoint_every == 0:
            _save_state(state, step + 1)
    state.load_average()
    save_policy(config.output, policy.eval(), pre, post, spec.embodiment)
    _write_run(config, columns, state)
    state.finish()
    return config.output


def _save_state(state: TrainingState, step: int) -> None:
    """Save the state; a disk that refuses it costs a resume, not the run."""
    try:
        state.save(step)
    except OSError as error:
        logger.warning("training state of step %d not written, going on: %s", step, error)


def _key(config: PolicyConfig, columns: Columns, network: Any) -> str:
    """Return what a training state must have in common with the run that continues it."""
    options = {k: str(v) for k, v in asdict(config).items() if k != "output"}
    return json.dumps(options | {"data": columns.digest(), "network": str(network)})


def _set_learning_rate(optimiser: torch.optim.Optimizer, config: PolicyConfig, step: int) -> None:
    warm = min(1.0, (step + 1) / 500)
    cosine = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * warm * cosine


class _Batches:
    """Training batches by step number, normalised once and gathered by index."""

    def __init__(
        self, columns: Columns, pre: Any, config: PolicyConfig, policy_config: Any
    ) -> None:
        arrays = {**columns.observations, "action": columns.actions}
        normalised = pre({key: torch.from_numpy(value) for key, value in arrays.items()})
        self._arrays = {key: normalised[key] for key in arrays}
        self._columns = columns
        self._config = config
        self._policy = policy_config

    def __call__(self, step: int) -> dict[str, torch.Tensor]:
        generator = np.random.default_rng((self._config.seed, step))
        rows: NDArray[np.int64] = generator.integers(
            len(self._columns.actions), size=self._config.batch_size
        )
        history = self._columns.history(rows, self._policy.n_obs_steps)
        actions, padding = self._columns.window(
            rows, first=1 - self._policy.n_obs_steps, length=self._policy.horizon
        )
        batch = {key: self._arrays[key][history] for key in self._columns.observations}
        batch["action"] = self._arrays["action"][actions]
        batch["action_is_pad"] = torch.from_numpy(padding)
        return batch


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


def _options(arguments: Sequence[str] | None) -> PolicyConfig:
    parser = argparse.ArgumentParser(
        prog="python -m sim.policies.train", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    for item in fields(PolicyConfig):
        name = "--" + item.name.replace("_", "-")
        if item.type is bool:
            parser.add_argument(name, action="store_true")
        else:
            required = item.name in ("task", "root", "output")
            parser.add_argument(
                name, type=item.type, required=required, default=None if required else item.default
            )
    return PolicyConfig(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        train(_options(arguments))
    except (SteerError, OSError) as error:
        sys.stderr.write(f"sim.policies.train: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from the last training state\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
