"""Scripted experts: the packages' own, driven by what the robot observes."""

from sim.experts.base import Expert
from sim.experts.metaworld import MetaWorldExpert
from sim.experts.ogbench import CubeExpert
from sim.tasks import TaskSpec

__all__ = ["Expert", "make_expert"]


def make_expert(spec: TaskSpec) -> Expert:
    """Build the expert of a task."""
    return CubeExpert() if spec.package == "ogbench" else MetaWorldExpert(spec)
