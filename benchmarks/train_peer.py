"""Times a peer's JAX IQL update, in the peer's own Python: knows nothing of steer.

    PYTHON benchmarks/train_peer.py '{"peer": "DIR", ...}'

The agent is imported from the peer's checkout; nothing of it is copied here. After a first line, an
object with what was built, each line `N` on stdin is answered by one object: the seconds of N
updates. `benchmarks.train_speed` starts it.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["answer", "main"]

WARM_UPDATES = 3
NUM_BATCHES = 16


def make_batches(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return random batches, actions as flat chunks, as the peer's chunk critics take them."""
    import numpy as np

    rng = np.random.default_rng(0)
    size, state = case["batch_size"], (case["batch_size"], case["state"])
    chunk = (size, case["horizon"] * case["action_dim"])
    return [
        {
            "observations": rng.normal(size=state).astype(np.float32),
            "actions": rng.uniform(-1, 1, chunk).astype(np.float32),
            "next_observations": rng.normal(size=state).astype(np.float32),
            "rewards": -np.ones(size, np.float32),
            "masks": np.ones(size, np.float32),
        }
        for _ in range(NUM_BATCHES)
    ]


def make_agent(case: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return the peer's agent, with as many value networks as `values` says.

    Where `policy` is false, its policy has one hidden unit and no loss: what is left is the update
    of critic and value. As it ships, there is one value network and a policy.
    """
    sys.path[0] = case["peer"]
    from agents import iql

    value_network = iql.Value

    def network(*, num_ensembles: int, **options: Any) -> Any:  # noqa: ANN401
        count = case["values"] if num_ensembles == 1 else num_ensembles
        return value_network(num_ensembles=count, **options)

    class CriticAlone(iql.IQLAgent):  # type: ignore[misc]  # it has no hints
        def actor_loss(self, *_: object, **__: object) -> tuple[float, dict[str, Any]]:
            return 0.0, {}

    iql.Value = network
    config = iql.get_config()
    config.value_hidden_dims = tuple(case["hidden"])
    config.actor_hidden_dims = tuple(case["hidden"]) if case["policy"] else (1,)
    config.layer_norm = True
    config.discount = case["discount"] ** case["horizon"]
    agent = iql.IQLAgent if case["policy"] else CriticAlone
    return agent.create(0, batch["observations"], batch["actions"], config)


def answer(update: Callable[[int], None], about: Mapping[str, object]) -> None:
    """Say what was built, and then, until stdin ends, how long as many updates take as each asks.

    Args:
        update: Does so many updates, to their end.
        about: What was built.
    """
    _say(about)
    for line in sys.stdin:
        start_s, cpu_start_s = time.perf_counter(), time.process_time()
        update(int(line))
        wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - cpu_start_s
        _say({"wall_s": wall_s, "cpu_s": cpu_s})


def main() -> None:
    """Build, compile, and answer."""
    import jax

    case = json.loads(sys.argv[1])
    batches = make_batches(case)
    agent = make_agent(case, batches[0])
    nets = {name: value for name, value in agent.network.params.items() if "target" not in name}
    if not case["policy"]:
        nets.pop("modules_actor")
    done = 0

    def update(count: int) -> None:
        nonlocal agent, done
        for _ in range(count):
            agent, _info = agent.update(batches[done % NUM_BATCHES])
            done += 1
        jax.block_until_ready(agent)

    update(WARM_UPDATES)
    parameters = sum(leaf.size for leaf in jax.tree_util.tree_leaves(nets))
    answer(update, {"parameters": parameters, "library": f"jax {jax.__version__}"})


def _say(what: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
