"""Scripted experts: the packages' own where there are any, driven by what the robot observes."""

from sim.experts.base import Expert
from sim.experts.fetch import FetchExpert, SlideExpert
from sim.experts.metaworld import MetaWorldExpert
from sim.experts.ogbench import CubeExpert, ScriptedExpert
from sim.tasks import TaskSpec

__all__ = ["Expert", "make_expert"]


def make_expert(spec: TaskSpec) -> Expert:
    """Build the expert of a task."""
    if spec.package == "metaworld":
        return MetaWorldExpert(spec)
    if spec.name == "cube-single":
        return CubeExpert()
    if spec.package == "ogbench":
        return ScriptedExpert(spec)
    return SlideExpert() if spec.name == "fetch-slide" else FetchExpert(spec)
