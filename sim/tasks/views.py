"""What a robot sends beside its vectors where somebody looks: pictures, and clouds of its depth.

Training data and robots in simulation take them here, so that a critic sees the same clouds in
both: of the same crop, with the same voxels.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from sim.tasks.base import Env, TaskSpec
from steer.clouds import PointCloudConfig, cloud_of_depth, finite_points
from steer.embodiment import ObservationField
from steer.errors import ConfigError
from steer.frames import IMAGES, POINTS

__all__ = ["CLOUDS", "NUM_POINTS", "View", "cloud_tree", "view_of", "views_of"]

NUM_POINTS = 512
_DEPTH_PIXELS = 128
"""Height and width of the depth images that clouds are made of."""

CLOUDS: Mapping[str, PointCloudConfig] = MappingProxyType(
    {
        "gymnasium-robotics": PointCloudConfig(
            low_m=(1.0, 0.35, 0.405), high_m=(1.6, 1.15, 0.8), voxel_m=0.015
        ),
        "metaworld": PointCloudConfig(
            low_m=(-0.42, 0.4, 0.008), high_m=(0.42, 0.94, 0.45), voxel_m=0.015
        ),
        "ogbench": PointCloudConfig(
            low_m=(0.2, -0.45, 0.006), high_m=(0.7, 0.45, 0.45), voxel_m=0.015
        ),
    }
)
"""By package, in the frame of its world: the box begins just above the table, or the floor, so
that what is left are objects, goals and the arm that reaches for them."""


@dataclass(frozen=True, slots=True)
class View:
    """One camera's picture or cloud.

    Attributes:
        field: What it is called, and its type and shape.
        camera: Name of the camera.
        cloud: How the cloud is made; None for a picture.
    """

    field: ObservationField
    camera: str
    cloud: PointCloudConfig | None = None

    def take(self, env: Env) -> NDArray[Any]:
        """Return what the camera sees now: uint8 [h, w, 3], or float32 [P, 3] in metres.

        Raises:
            NoRendererError: This machine cannot render.
        """
        if self.cloud is None:
            height, width = self.field.shape[:2]
            return env.render(self.camera, height=height, width=width)
        size = _DEPTH_PIXELS
        depth = env.depth(self.camera, height=size, width=size)
        intrinsics, world_from_camera = env.pinhole(self.camera, height=size, width=size)
        return finite_points(cloud_of_depth(depth, intrinsics, world_from_camera, self.cloud))


def view_of(item: ObservationField, spec: TaskSpec) -> View:
    """Return the view that gives an observation.

    Raises:
        ConfigError: The task has no such camera, its package no clouds, or it is neither a picture
            nor a cloud of points without normals.
    """
    is_cloud = item.name.startswith(POINTS)
    camera = item.name.removeprefix(POINTS if is_cloud else IMAGES)
    if camera not in spec.cameras:
        raise ConfigError(
            f"{item.name!r}: expected cameras of {', '.join(spec.cameras) or 'no name'}, got "
            f"{camera!r}"
        )
    kind = ("float32", 2) if is_cloud else ("uint8", 3)
    if (item.dtype, len(item.shape)) != kind or item.shape[-1] != 3:
        contract = "float32 of shape [P, 3]" if is_cloud else "uint8 of shape [h, w, 3]"
        got = f"{item.dtype} of shape {list(item.shape)}"
        raise ConfigError(f"{item.name!r}: expected {contract}, got {got}")
    cloud = _config(spec, item.shape[0]) if is_cloud else None
    return View(item, camera, cloud)


def views_of(fields: Iterable[ObservationField], spec: TaskSpec) -> tuple[View, ...]:
    """Return the views among observations that somebody needs, each once, vectors left out.

    Raises:
        ConfigError: As `view_of`, or two need one camera in different sizes.
    """
    found: dict[str, View] = {}
    for item in fields:
        if not item.name.startswith((IMAGES, POINTS)):
            continue
        view = view_of(item, spec)
        before = found.setdefault(item.name, view)
        if before.field.shape != view.field.shape:
            sizes = f"{list(before.field.shape)} and {list(item.shape)}"
            raise ConfigError(
                f"{item.name!r}: expected one size for policy and critic, got {sizes}"
            )
    return tuple(found.values())


def cloud_tree(spec: TaskSpec, num_points: int = NUM_POINTS) -> dict[str, Any]:
    """Return how the clouds of a task are made, as a JSON tree.

    Raises:
        ConfigError: Nobody has said what to crop in its package.
    """
    tree = {**asdict(_config(spec, num_points)), "depth_pixels": _DEPTH_PIXELS}
    plain: dict[str, Any] = json.loads(json.dumps(tree))
    return plain


def _config(spec: TaskSpec, num_points: int) -> PointCloudConfig:
    if spec.package not in CLOUDS:
        raise ConfigError(
            f"points: expected a task of {', '.join(CLOUDS)}, whose crop is known, got one of "
            f"{spec.package}"
        )
    return replace(CLOUDS[spec.package], num_points=num_points)
