"""Let a running server rank chunks that this program holds: `Rank`, no policy needed.

    steer serve --critic sim/artefacts/critics/push
    python examples/01_rank_random_chunks.py 127.0.0.1:50051

The robot is made up: it has the body that the first critic was trained for, and senses noise.
"""

import sys

import numpy as np

from steer.client import SteerClient
from steer.embodiment import Embodiment
from steer.types import Candidates, Observation

NUM_CANDIDATES = 8


def sense(robot: Embodiment, rng: np.random.Generator) -> Observation:
    """Return an observation of the right names, dtypes and shapes."""
    return Observation(
        {item.name: rng.normal(size=item.shape).astype(item.dtype) for item in robot.observations}
    )


def main() -> None:
    """Rank a few times; print what was decided, why, and what it cost."""
    target = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
    rng = np.random.default_rng(0)
    with SteerClient(target) as client:
        critic = client.describe().critics[0]
        robot = critic.embodiment
        client.open_session(robot, critic=critic.name, robot="example")
        for _ in range(5):
            shape = (NUM_CANDIDATES, critic.horizon, robot.action_dim)
            chunks = rng.uniform(-1, 1, shape).astype(np.float32)  # row 0: the policy's own
            decision = client.rank(sense(robot, rng), Candidates(chunks), budget_s=1.0)
            print(
                f"candidate {decision.index} because {decision.reason.value}; "
                f"run {decision.commit_horizon} of {len(decision.chunk)} actions; "
                f"server took {decision.timings.total_s * 1000:.2f} ms {decision.detail}"
            )


if __name__ == "__main__":
    main()
