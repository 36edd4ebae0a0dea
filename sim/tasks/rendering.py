"""Pictures of a MuJoCo scene without a GPU; no OpenGL is touched before the first picture."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from steer.clouds import Intrinsics
from steer.errors import InvalidInputError, SteerError

if TYPE_CHECKING:
    import mujoco  # chooses its OpenGL when it is imported, which is left to who makes a task

__all__ = ["NoRendererError", "Renderers", "pinhole"]


class NoRendererError(SteerError):
    """This machine or this process cannot render."""


class Renderers:
    """The renderers of one model, one for each picture size, made when first needed.

    Shadows, reflections and multisampling are off: on a CPU that is about ten times faster.

    Args:
        model: The scene; its off-screen buffer is enlarged where a picture needs it.
        cameras: Names that `render` accepts.
    """

    def __init__(self, model: "mujoco.MjModel", cameras: tuple[str, ...]) -> None:
        self._model = model
        self._cameras = cameras
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}

    def render(
        self, data: "mujoco.MjData", camera: str, *, height: int, width: int
    ) -> NDArray[np.uint8]:
        """Return the camera's picture, shape [height, width, 3], RGB.

        Raises:
            InvalidInputError: The camera is unknown.
            NoRendererError: OpenGL is not usable.
        """
        renderer = self._renderer(camera, height, width)
        renderer.update_scene(data, camera=camera)
        return np.array(renderer.render(), dtype=np.uint8)

    def depth(
        self, data: "mujoco.MjData", camera: str, *, height: int, width: int
    ) -> NDArray[np.float32]:
        """Return the distance along the camera's axis in metres, shape [height, width].

        Raises:
            InvalidInputError: The camera is unknown.
            NoRendererError: OpenGL is not usable.
        """
        renderer = self._renderer(camera, height, width)
        renderer.enable_depth_rendering()
        try:
            renderer.update_scene(data, camera=camera)
            return np.array(renderer.render(), dtype=np.float32)
        finally:
            renderer.disable_depth_rendering()

    def close(self) -> None:
        """Free all OpenGL contexts."""
        while self._renderers:
            self._renderers.popitem()[1].close()

    def _renderer(self, camera: str, height: int, width: int) -> "mujoco.Renderer":
        if camera not in self._cameras:
            raise InvalidInputError.expected("camera", "one of " + ", ".join(self._cameras), camera)
        renderer = self._renderers.get((height, width))
        if renderer is None:
            renderer = self._renderers[height, width] = self._build(height, width)
        return renderer

    def _build(self, height: int, width: int) -> "mujoco.Renderer":
        import mujoco

        view = self._model.vis
        view.quality.offsamples = 0
        view.global_.offheight = max(view.global_.offheight, height)
        view.global_.offwidth = max(view.global_.offwidth, width)
        try:
            renderer = mujoco.Renderer(self._model, height, width)
        except (mujoco.FatalError, RuntimeError, AttributeError, ImportError) as error:
            raise NoRendererError(
                "render: expected a working OpenGL (start the process with MUJOCO_GL=egl or "
                f"MUJOCO_GL=osmesa), got {error}"
            ) from error
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            renderer.scene.flags[flag] = 0
        return renderer


def pinhole(
    model: "mujoco.MjModel", data: "mujoco.MjData", camera: str, *, height: int, width: int
) -> tuple[Intrinsics, NDArray[np.float64]]:
    """Return a camera as OpenCV describes it: intrinsics, and its pose in the world.

    Args:
        model: The scene.
        data: Its state: cameras may move.
        camera: Its name in the model.
        height: Of the picture, in pixels; the field of view is that of the height.
        width: Of the picture, in pixels.

    Returns:
        The intrinsics in pixels, and the pose, shape [4, 4], in metres, with x to the right, y down
        and z ahead; MuJoCo's own has y up and z to the back.
    """
    number = model.camera(camera).id
    focal = height / 2 / np.tan(np.radians(model.cam_fovy[number]) / 2)
    pose = np.eye(4)
    pose[:3, :3] = data.cam_xmat[number].reshape(3, 3) * (1, -1, -1)
    pose[:3, 3] = data.cam_xpos[number]
    return Intrinsics(fx=focal, fy=focal, cx=width / 2 - 0.5, cy=height / 2 - 0.5), pose
