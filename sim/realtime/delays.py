"""How late answers come: a fixed delay, and what networks and restarts add to it."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from steer.errors import InvalidInputError

__all__ = ["JITTERS", "Delays", "Network"]

Jitter = Literal["none", "gauss", "wifi", "restart"]
JITTERS: tuple[Jitter, ...] = ("none", "gauss", "wifi", "restart")

_GAUSS_S = 0.02
"""Deviation of the normal jitter."""
_INTO_BURST, _OUT_OF_BURST = 0.05, 0.4
"""Chance of each request that a burst of bad reception begins, or ends."""
_CALM_S, _BURST_S = 0.005, (0.03, 0.2)
_GAP_S, _GAP_CHANCE = 2.0, 0.005
"""Reception is lost, as on the way from one access point to the next."""
_KILLED_S, _DOWN_S = (0.5, 2.5), 3.0
"""When in an episode the server is killed, and how long it takes to be there again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What lies between a robot and what answers it.

    Attributes:
        ticks: Delay of every answer, in control ticks: the policy's own time.
        jitter: What comes on top: nothing; `gauss`, normal with 20 ms, cut at none; `wifi`, 5 ms
            in calm, 30 to 200 ms in bursts, and a gap of 2 s now and then; `restart`, none, but
            once in the first seconds of an episode the server is killed and back after 3 s: what
            was on its way or is asked meanwhile is answered from then on.
        drop: Share of the answers that never come.
        hz: Control rate, ticks a second.
    """

    ticks: int
    jitter: Jitter = "none"
    drop: float = 0.0
    hz: float = 25.0

    def __post_init__(self) -> None:
        if self.ticks < 0:
            raise InvalidInputError.expected("ticks", ">= 0", self.ticks)
        if self.jitter not in JITTERS:
            raise InvalidInputError.expected("jitter", "one of " + ", ".join(JITTERS), self.jitter)
        if not 0 <= self.drop < 1:
            raise InvalidInputError.expected("drop", "a share in [0, 1)", self.drop)


class Delays:
    """Draws the delay of one answer after the other.

    The burst and the gap are those of Gilbert's channel: what is bad now is likely to be bad at the
    next request.

    Args:
        network: What to draw from.
        seed: Of all draws; the same for every method that is compared.

    References:
        Gilbert, Capacity of a Burst-Noise Channel, 1960. The numbers are ours.
    """

    def __init__(self, network: Network, *, seed: int) -> None:
        self._network = network
        self._rng = np.random.default_rng(seed)
        self._is_burst = False
        low, high = _KILLED_S
        killed_s = np.random.default_rng([seed, 1]).uniform(low, high)
        self._killed, self._back = (
            math.floor(at_s * network.hz) for at_s in (killed_s, killed_s + _DOWN_S)
        )

    def next(self, tick: int) -> int | None:
        """Return the delay of the next answer in ticks, or None where it never comes.

        Args:
            tick: Of the episode, at which it is asked for.
        """
        network, rng = self._network, self._rng
        drop, switch, gap, spread = rng.random(4)
        normal = rng.normal()
        if self._is_burst:
            self._is_burst = switch >= _OUT_OF_BURST
        else:
            self._is_burst = switch < _INTO_BURST
        extra_s = 0.0
        if network.jitter == "gauss":
            extra_s = max(0.0, _GAUSS_S * normal)
        elif network.jitter == "wifi":
            low, high = _BURST_S
            extra_s = low + spread * (high - low) if self._is_burst else _CALM_S * spread
            extra_s += _GAP_S if gap < _GAP_CHANCE else 0.0
        if drop < network.drop:
            return None
        delay = network.ticks + math.floor(extra_s * network.hz + 0.5)
        if network.jitter == "restart" and tick < self._back and self._killed < tick + delay:
            return self._back - tick + delay
        return delay
