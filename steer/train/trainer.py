"""The loop that every algorithm shares: batches, steps, schedule, state, curve."""

import contextlib
import hashlib
import json
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import torch
from torch import Tensor
from tqdm import tqdm

from steer.clock import MonotonicClock
from steer.interrupt import stop_on_interrupt
from steer.train.algorithms.base import Learner
from steer.train.batches import Batches, usable_chunks
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes
from steer.train.early import EarlyStop
from steer.train.logs import Curve
from steer.train.pace import Pace
from steer.train.regularisers import steepness
from steer.train.state import load_state, save_state
from steer.train.targets import Chunks

__all__ = ["Trainer"]

logger = logging.getLogger(__name__)

_WARM_UP_STEPS = 200
# Options that may differ between a run and the one that goes on with it.
_FREE = ("output", "resume", "log_every", "save_every", "device", "sentence_encoder")


class Trainer:
    """One training run. Which batch a step sees follows from the seed and the step alone.

    Args:
        learner: What to train.
        chunks: To learn from.
        episodes: That the chunks point into.
        config: Of the run.
    """

    def __init__(
        self, learner: Learner, chunks: Chunks, episodes: Episodes, config: TrainConfig
    ) -> None:
        self._learner = learner.to(config.device)
        self._config = config
        self._batches = Batches(usable_chunks(chunks, config), episodes, config, learner)
        parameters = [p for p in learner.parameters() if p.requires_grad]
        self._optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, fused=True)
        data = episodes.fingerprint()
        if learner.asks_for_pairs and episodes.pairs is not None:
            data += episodes.pairs.fingerprint()
        data += learner.critic.card.sentence_encoder
        self._key = _key(config, data, episodes.views())
        self._saved = 0

    def run(self, watch: EarlyStop | None = None) -> dict[str, float]:
        """Train to the end, from the state of a stopped run where `resume` is set.

        Args:
            watch: Ends it before, and then gives back the best weights; None for nobody.

        Returns:
            The last point of the curve.

        Raises:
            ConfigError: The state belongs to another run.
            KeyboardInterrupt: Ctrl-C; what was done until then is on the disk.
        """
        config = self._config
        directory = config.training_directory
        first = 0
        if config.resume:
            first = load_state(
                directory, key=self._key, module=self._learner, optimiser=self._optimiser
            )
        if watch is not None and watch.resume(first):
            first = config.steps
        curve = Curve(directory, first_step=first)
        progress = tqdm(
            range(first, config.steps),
            initial=first,
            total=config.steps,
            desc=f"{config.algorithm} {config.output.name}",
            mininterval=1.0,
        )
        self._saved = first
        pace = Pace(config.steps - first, MonotonicClock().now_s)
        try:
            with stop_on_interrupt() as stop:
                for step in progress:
                    self._advance(step, curve, progress)
                    pace.did_step()
                    # Before the state: a run that is stopped in between looks again.
                    is_over = watch is not None and self._is_over(watch, step + 1)
                    if (step + 1) % config.save_every == 0:
                        self._save(step + 1)
                    if is_over:
                        break
                    if stop.is_set():
                        self._save(step + 1)
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            logger.warning(
                "stopped; the same command with --resume goes on after step %d", self._saved
            )
            raise
        finally:
            with _going_on("curve"):
                curve.close()
        if watch is not None:
            watch.restore()
        return curve.last

    def _is_over(self, watch: EarlyStop, done: int) -> bool:
        """Return whether to end after so many steps; looked at where the state is kept."""
        if done % self._config.save_every and done != self._config.steps:
            return False
        order, is_over = watch.check(done)
        logger.info("step=%d held_out_order=%.3f", done, order)
        return is_over

    def _advance(self, step: int, curve: Curve, progress: "tqdm[int]") -> None:
        """Do one step, and show it where that is due."""
        config, shown = self._config, self.step(step)
        if (step + 1) % config.log_every == 0 or step + 1 == config.steps:
            point = {name: value.item() for name, value in shown.items()}
            with _going_on("curve"):
                curve.add(step + 1, point)
            progress.set_postfix({name: f"{value:.3g}" for name, value in point.items()})

    def step(self, step: int) -> Mapping[str, Tensor]:
        """Learn from the batch of a step, counted from 0; return what to show of it, by name."""
        rate = _learning_rate(self._config, step)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        batch = self._batches.of(step)
        loss, shown = self._learner.loss(batch)
        if self._config.lipschitz:
            steep = steepness(self._learner.critic, batch, seed=step)
            loss, shown = loss + self._config.lipschitz * steep, {**shown, "steepness": steep}
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no hint here
        self._optimiser.step()
        self._learner.follow()
        return {**shown, "learning_rate": torch.tensor(rate)}

    def _save(self, step: int) -> None:
        with _going_on(f"training state of step {step}"):
            save_state(
                self._config.training_directory,
                step=step,
                key=self._key,
                module=self._learner,
                optimiser=self._optimiser,
            )
            self._saved = step


@contextlib.contextmanager
def _going_on(what: str) -> Iterator[None]:
    """Go on training where the disk is full: what was written before is whole."""
    try:
        yield
    except OSError as error:
        logger.warning("%s not written, going on: %s", what, error)


def _learning_rate(config: TrainConfig, step: int) -> float:
    """Return the rate of a step: a short warm-up, then a cosine to zero."""
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / config.steps))


def _key(config: TrainConfig, fingerprint: str, views: Mapping[str, object]) -> str:
    """Return what a run has in common with the one that goes on with it, as JSON.

    Args:
        config: Its options; a file of candidates is known by what is in it.
        fingerprint: Of its data.
        views: Of its frames.
    """
    tree = {name: value for name, value in asdict(config).items() if name not in _FREE}
    if config.candidates is not None:
        with config.candidates.open("rb") as file:
            tree["candidates"] = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if views:
        tree["seen"] = views
    return json.dumps({**tree, "data": fingerprint}, sort_keys=True, default=str)
