"""What both sides of `benchmarks.rank_overhead` must know: the robot and the size of a request."""

from steer.embodiment import ActionDim, Embodiment, ObservationField

__all__ = ["ECHO", "HORIZON", "NUM_CANDIDATES", "ROBOT"]

ECHO = "/steer.benchmarks.Echo/Echo"
NUM_CANDIDATES, HORIZON = 64, 16
ROBOT = Embodiment(
    name="benchmark-arm",
    control_hz=50.0,
    actions=tuple(ActionDim(name=f"joint_{i}", low=-1.0, high=1.0) for i in range(7)),
    observations=(ObservationField(name="observation.state", dtype="float32", shape=(14,)),),
)
