"""The architectures that are trained here, by name: LeRobot's own classes, small."""

from collections.abc import Mapping
from types import MappingProxyType

from sim.policies.architectures.act import ACT
from sim.policies.architectures.base import Architecture, Built, Request
from sim.policies.architectures.diffusion import DIFFUSION
from sim.policies.architectures.dit import DIT
from sim.policies.architectures.smolvla import SMOLVLA
from sim.policies.architectures.vqbet import VQBET

__all__ = ["ARCHITECTURES", "Architecture", "Built", "Request"]

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {item.name: item for item in (DIFFUSION, ACT, DIT, VQBET, SMOLVLA)}
)
