"""The seeds of a policy's noise."""

import hashlib

__all__ = ["noise_seed"]


def noise_seed(seed: int, decision: int, *, stream: int = 0) -> int:
    """Return the seed of the policy's noise: a function of episode and decision, not of the arm.

    Args:
        seed: Of the episode.
        decision: Number of the decision, from 0.
        stream: Another stream is independent noise.
    """
    text = f"{seed}:{decision}" if stream == 0 else f"{seed}:{decision}:{stream}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
