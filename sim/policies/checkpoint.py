"""What a policy's training writes: its state on the way, and the checkpoint at the end.

Everything is safetensors and JSON, and appears whole or not at all.
"""

import json
import os
import shutil
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from sim.policies.architectures import Built
from steer.embodiment import Embodiment
from steer.errors import ConfigError

__all__ = ["TrainingState", "save_policy"]

_DECAY = 0.995
_WINDOW = 50


class TrainingState:
    """Weights, buffers, running average, optimiser and losses of one run, on disk now and then.

    Args:
        policy: The policy in training.
        optimiser: Its optimiser.
        directory: Where the state is kept until the run is finished.
        key: Text that a state must carry for the run to go on from it.
    """

    def __init__(
        self, policy: torch.nn.Module, optimiser: torch.optim.Optimizer, directory: Path, key: str
    ) -> None:
        self._policy = policy
        self._optimiser = optimiser
        self._directory = directory
        self._key = key
        self._losses: list[float] = []
        self._average = {name: value.detach().clone() for name, value in self._parameters()}

    def _parameters(self) -> Iterable[tuple[str, Tensor]]:
        return self._policy.named_parameters()

    def _buffers(self) -> dict[str, Tensor]:
        """Return what the policy keeps besides weights, such as a code book."""
        weights = {name for name, _ in self._parameters()}
        everything = self._policy.state_dict()
        return {name: value for name, value in everything.items() if name not in weights}

    def average(self, step: int) -> None:
        """Take the present weights into the running average, faster in the first steps."""
        decay = min(_DECAY, (1 + step) / (10 + step))
        with torch.no_grad():
            names, values = zip(*self._parameters(), strict=True)
            # One call for all tensors; pyright misses that torch exports it.
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                [self._average[name] for name in names], list(values), 1 - decay
            )

    def load_average(self) -> None:
        """Put the running average in the place of the weights."""
        with torch.no_grad():
            for name, value in self._parameters():
                value.copy_(self._average[name])

    def record(self, step: int, loss: float) -> None:
        """Note the loss of a step."""
        del self._losses[step:]
        self._losses.append(loss)

    def recent_loss(self) -> float:
        """Return the mean loss of the last steps."""
        recent = self._losses[-_WINDOW:]
        return sum(recent) / max(len(recent), 1)

    def curve(self) -> list[tuple[int, float]]:
        """Return (step, mean loss since the point before)."""
        starts = range(0, len(self._losses), _WINDOW)
        groups = [self._losses[start : start + _WINDOW] for start in starts]
        return [
            (start + len(group), round(sum(group) / len(group), 6))
            for start, group in zip(starts, groups, strict=True)
        ]

    def loss_by_quarter(self) -> list[float]:
        """Return the mean loss of each quarter of the steps."""
        cuts = [round(len(self._losses) * i / 4) for i in range(5)]
        quarters = (self._losses[a:b] for a, b in pairwise(cuts))
        return [round(sum(part) / max(len(part), 1), 6) for part in quarters]

    def save(self, step: int) -> None:
        """Write the state after `step` steps; a crash leaves the one before whole.

        Raises:
            OSError: The disk refused; the state before is whole.
        """
        tensors = {f"policy.{name}": value.detach() for name, value in self._parameters()}
        tensors |= {f"buffer.{name}": value for name, value in self._buffers().items()}
        tensors |= {f"average.{name}": value for name, value in self._average.items()}
        for index, slots in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in slots.items()}
        tensors["losses"] = torch.tensor(self._losses, dtype=torch.float64)
        self._directory.mkdir(parents=True, exist_ok=True)
        data = save(tensors, metadata={"step": str(step), "key": self._key})
        fresh = self._directory / "state.partial"
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._directory / "state.safetensors")
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def resume(self) -> int:
        """Load the state that an earlier run left, if any; return how many steps it had done.

        Raises:
            ConfigError: It belongs to a run with other options.
        """
        path = self._directory / "state.safetensors"
        if not path.exists():
            return 0
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        if metadata["key"] != self._key:
            raise ConfigError(
                f"training state in {self._directory}: expected the options of this run, got "
                f"{metadata['key']}; delete it to begin anew"
            )
        self._restore(load_file(path))
        return int(metadata["step"])

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self._parameters():
                value.copy_(tensors[f"policy.{name}"])
                self._average[name].copy_(tensors[f"average.{name}"])
            for name, value in self._buffers().items():
                value.copy_(tensors[f"buffer.{name}"])
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, slot = name.split(".")
                slots.setdefault(int(index), {})[slot] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": slots, "param_groups": groups})
        self._losses = tensors["losses"].tolist()

    def finish(self) -> None:
        """Remove the state: the checkpoint has taken its place."""
        shutil.rmtree(self._directory, ignore_errors=True)


def save_policy(directory: Path, built: Built, embodiment: Embodiment) -> None:
    """Write a LeRobot checkpoint and our `steer.json`, replacing what was there.

    The weights are stored in half precision, which halves the file, or in eight bits where that
    loses nothing; LeRobot loads them into the float32 of its model.

    Args:
        directory: Of the checkpoint; it appears whole.
        built: Policy, processors, and what else belongs into the checkpoint; the policy is left in
            low precision.
        embodiment: The body that it drives, in the units of its actions.

    Raises:
        OSError: The disk refused; the checkpoint before is whole.
    """
    fresh = directory.with_suffix(".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    policy = built.policy.eval().half()
    for module in built.coarse:
        module.to(torch.float8_e5m2)
    try:
        for part in (policy, built.preprocess, built.postprocess):
            part.save_pretrained(fresh)
    except SafetensorError as error:  # what it makes of a full disk
        raise OSError(f"{fresh}: {error}") from error
    for asset in built.assets:
        shutil.copytree(asset, fresh / asset.name)
    tree = {"format_version": 1, "embodiment": json.loads(embodiment.to_json())}
    (fresh / "steer.json").write_text(json.dumps(tree, indent=2) + "\n")
    shutil.rmtree(directory, ignore_errors=True)
    fresh.replace(directory)
