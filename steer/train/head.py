"""`steer head`: recorded episodes and drawn chunks in, a head of the fast half out.

A window is what of a drawn chunk is left some rows later. The head sees it with the observation of
then, and learns to make a better one of it.

Shape legend: T rows of all episodes, M windows, B of them in a batch, N drawn chunks, H their rows,
L rows of a window, A action, O numbers of an observation.
"""

import logging
import sys

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor
from tqdm import tqdm

from steer.critics.artefact import load_critic
from steer.critics.critic import Critic
from steer.errors import ConfigError, DatasetError
from steer.heads import Head, HeadCard, NumpyHead, load_head, save_head
from steer.rank.score import advantage
from steer.train.candidates import load_candidates
from steer.train.critic_data import load_for
from steer.train.datasets import Episodes
from steer.train.deviations import deviations
from steer.train.forecast import AHEAD, fit_forecast, observed, worst_difference
from steer.train.head_config import HeadConfig
from steer.train.head_data import Batch, WindowData, Windows, vector_keys
from steer.train.head_network import HeadNetwork
from steer.train.split import split_episodes
from steer.types import Observation

__all__ = ["HeadConfig", "run"]

logger = logging.getLogger(__name__)

_TOLERANCE = 1e-5
_CHECKED = 64


def run(config: HeadConfig) -> Head:
    """Train a head and write it.

    Returns:
        What was written.

    Raises:
        ArtefactError: The critic cannot be loaded, or the file not be written.
        ConfigError: Options do not go together.
        DatasetError: The data cannot be read, lack what the critic sees, or hold no window.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    critic = load_critic(config.critic).requires_grad_(requires_grad=False)
    episodes = load_for(
        [critic.card],
        config.dataset,
        tasks=(config.task,) if config.task else (),
        success=config.success,
        assume_success=config.assume_success,
    )
    if config.kind == "forecast":
        return _written(config, *_forecast(config, critic, episodes))
    data = _data(config, critic, episodes)
    learn, held = split_episodes(episodes.seed, config.holdout)
    is_imitated = config.kind != "edit"
    windows = {
        name: data.windows(which, is_imitated=is_imitated)
        for name, which in (("learnt", learn), ("held out", held))
    }
    for name, found in windows.items():
        if not len(found):
            contract = "successful episodes as long as a window" if is_imitated else "episodes"
            raise DatasetError(f"--dataset: expected {contract} to be {name}, got none")
    card = _card(config, critic, episodes, window=data.window, most_gone=data.most_gone)
    network = HeadNetwork(card, _statistics(episodes, data.keys), hidden=config.hidden)
    _fit(config, network, critic, data, windows["learnt"])
    told = _measured(config, network, critic, data.batch(windows["held out"], 2048))
    _check_numpy(network, data.batch(windows["held out"], _CHECKED), data)
    return _written(config, network, told)


def _written(config: HeadConfig, network: HeadNetwork, told: str) -> Head:
    head = network.head()
    save_head(config.output, head)
    load_head(config.output)
    sys.stdout.write(f"{config.kind}: {told}; {config.output}\n")
    return head


def _forecast(config: HeadConfig, critic: Critic, episodes: Episodes) -> tuple[HeadNetwork, str]:
    """Return a forecast that is trained, and what it is worth.

    Raises:
        DatasetError: No episode is long enough.
        ConfigError: NumPy runs it differently.
    """
    split = split_episodes(episodes.seed, config.holdout)
    lengths = episodes.end - episodes.start
    if any(not (lengths[which] > AHEAD).any() for which in split):
        contract = f"episodes of more than {AHEAD} ticks to learn from and to hold out"
        raise DatasetError(f"--dataset: expected {contract}, got none")
    card = _card(config, critic, episodes, window=1, most_gone=0)
    statistics = _statistics(episodes, card.keys)
    network, told = fit_forecast(config, card, statistics, episodes, split)
    held = episodes.start[split[1]]
    _agree(worst_difference(network, episodes, held[:_CHECKED]), 1.0)
    return network, told


def _data(config: HeadConfig, critic: Critic, episodes: Episodes) -> WindowData:
    """Return the data of a critic that reads no instruction.

    Raises:
        ConfigError: It reads one.
        DatasetError: There are no candidates of these episodes, or too short ones.
    """
    assert config.candidates is not None  # the configuration has seen to it
    if critic.card.sentence_encoder or critic.card.network.language_dim:
        raise ConfigError("--critic: expected one that reads no instruction, got one that does")
    try:
        with safe_open(config.candidates, framework="np") as file:
            rows = file.get_slice("candidates").get_shape()[2]
    except (OSError, IndexError, SafetensorError) as error:
        raise DatasetError(f"{config.candidates}: expected candidates, got {error}") from error
    horizon = max(critic.card.horizon, rows)
    drawn = load_candidates(config.candidates, episodes, horizon=horizon)
    return WindowData(episodes, drawn, critic, config.seed)


def _card(
    config: HeadConfig, critic: Critic, episodes: Episodes, *, window: int, most_gone: int
) -> HeadCard:
    about = {
        "task": episodes.task,
        "fingerprint": episodes.fingerprint(),
        "num_episodes": len(episodes),
        "steps": config.steps,
        "seed": config.seed,
        "calm": config.calm,
    }
    is_cascade = config.kind == "cascade"
    return HeadCard(
        kind=config.kind,
        keys=vector_keys(critic),
        window=window,
        action_dim=episodes.actions.shape[1],
        most_gone=most_gone,
        beta=config.beta if config.kind == "edit" else 0.0,
        steps=config.denoising if is_cascade else 1,
        critic=critic.digest if config.kind == "edit" else "",
        about=about,
    )


def _statistics(episodes: Episodes, keys: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    """Return what inputs and outputs are scaled by; a range that is not known is the data's."""
    seen_TO = observed(episodes, keys)
    dims = episodes.embodiment.actions
    low, high = episodes.actions.min(0), episodes.actions.max(0)
    known = [dim.low < dim.high for dim in dims]
    return {
        "observation_mean": seen_TO.mean(0),
        "observation_std": deviations(seen_TO).astype(np.float32),
        "action_mean": episodes.actions.mean(0),
        "action_std": deviations(episodes.actions).astype(np.float32),
        "low": np.where(known, [dim.low for dim in dims], low).astype(np.float32),
        "high": np.where(known, [dim.high for dim in dims], high).astype(np.float32),
    }


def _fit(
    config: HeadConfig, network: HeadNetwork, critic: Critic, data: WindowData, windows: Windows
) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    with tqdm(total=config.steps, desc=f"{config.kind} head", mininterval=1.0) as bar:
        for _ in range(config.steps):
            loss = _loss(config, network, critic, data.batch(windows, config.batch_size))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            bar.update()
            if bar.n % 100 == 0:
                bar.set_postfix(loss=f"{loss.item():.4g}", refresh=False)


def _loss(
    config: HeadConfig, network: HeadNetwork, critic: Critic, batch: Batch
) -> Float[Tensor, ""]:
    if config.kind == "edit":
        made = network.windows(batch.observation_BO, batch.window_BLA, batch.stamp_B)
        span = config.beta * (network.get_buffer("high") - network.get_buffer("low"))
        calm = ((made - batch.window_BLA) / span).square().mean()
        return config.calm * calm - _gain(critic, batch, made).mean()
    window, done = network.normalised(batch.window_BLA), network.normalised(batch.done_BLA)
    if config.kind == "residual":
        change: Tensor = network(batch.observation_BO, window, batch.stamp_B)
        return (change - (done - window)).square().mean()
    time_B = torch.rand_like(batch.stamp_B)
    on_the_way = window + time_B[:, None] * (done - window)
    speed: Tensor = network(batch.observation_BO, on_the_way, batch.stamp_B, time_B)
    return (speed - (done - window)).square().mean()


def _gain(critic: Critic, batch: Batch, made_BLA: Float[Tensor, "B L A"]) -> Float[Tensor, " B"]:
    """Return by how much the made windows beat those they were made from, as the gate will see."""
    pair = torch.stack([batch.window_BLA, made_BLA], dim=1)
    value_KBN = critic.score(critic.embed(batch.seen), pair)
    return advantage(value_KBN, beta=critic.card.selection.beta)[:, 1]


@torch.no_grad()
def _measured(config: HeadConfig, network: HeadNetwork, critic: Critic, batch: Batch) -> str:
    made = network.windows(batch.observation_BO, batch.window_BLA, batch.stamp_B)
    gain = _gain(critic, batch, made)
    better = (gain > 0).float().mean().item()
    told = f"held out, by the critic, {gain.mean().item():+.3f} a window, better in {better:.0%}"
    if config.kind == "edit":
        return told
    done = network.normalised(batch.done_BLA)
    before = (network.normalised(batch.window_BLA) - done).square().mean()
    after = (network.normalised(made) - done).square().mean()
    return f"{told}; square error to what was done {after:.3f}, {before:.3f} before"


@torch.no_grad()
def _check_numpy(network: HeadNetwork, batch: Batch, data: WindowData) -> None:
    """Refuse to write what a robot would run differently.

    Raises:
        ConfigError: The two forward passes differ.
    """
    runs = NumpyHead(network.head())
    made = network.windows(batch.observation_BO, batch.window_BLA, batch.stamp_B).numpy()
    worst = 0.0
    for index in range(len(made)):
        seen = {key: value[index].numpy() for key, value in batch.seen.items() if key in data.keys}
        gone = round(float(batch.stamp_B[index]) * max(1, data.most_gone))
        found = runs.windows(
            Observation(seen), batch.window_BLA[index : index + 1].numpy(), gone=gone
        )
        worst = max(worst, float(np.abs(found[0] - made[index]).max()))
    span = float((network.get_buffer("high") - network.get_buffer("low")).max())
    _agree(worst, max(1.0, span))


def _agree(worst: float, scale: float) -> None:
    if worst > _TOLERANCE * scale:
        raise ConfigError(f"head: expected NumPy to agree within {_TOLERANCE}, got {worst:.2e}")
    logger.info("numpy and torch differ by at most %.1e", worst)
