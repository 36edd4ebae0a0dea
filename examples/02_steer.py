"""Have a running server draw from its policy, and run what it decides: `Steer`.

    steer serve --critic sim/artefacts/critics/push \
        --policy lerobot:sim/artefacts/policies/diffusion-push
    python examples/02_steer.py 127.0.0.1:50051

The robot is made up: it has the body that the first policy drives, and senses noise.
"""

import sys

import numpy as np

from steer.client import SteerClient
from steer.embodiment import Embodiment
from steer.errors import LateError, PolicyError, UnreachableError
from steer.history import ObservationHistory
from steer.types import Observation


def sense(robot: Embodiment, rng: np.random.Generator) -> Observation:
    """Return an observation of the right names, dtypes and shapes."""
    return Observation(
        {item.name: rng.normal(size=item.shape).astype(item.dtype) for item in robot.observations}
    )


def main() -> None:
    """Run a few chunks; where the server cannot answer, a real robot would hold its pose."""
    target = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
    rng = np.random.default_rng(0)
    with SteerClient(target) as client:
        policy = client.describe().policies[0]
        client.open_session(policy.embodiment, policy=policy.name, robot="example")
        history = ObservationHistory(policy.num_observations)
        history.append(sense(policy.embodiment, rng))
        for request in range(5):
            try:
                decision = client.steer(history, num_candidates=8, noise_seed=request, budget_s=5.0)
            except (LateError, PolicyError, UnreachableError) as error:
                print(f"hold: {error}")
                continue
            for _action in decision.chunk[: decision.commit_horizon]:
                history.append(sense(policy.embodiment, rng))  # after every tick
            print(
                f"candidate {decision.index} because {decision.reason.value}; "
                f"policy {decision.timings.policy_s * 1000:.1f} ms, "
                f"critic {decision.timings.score_s * 1000:.2f} ms"
            )


if __name__ == "__main__":
    main()
