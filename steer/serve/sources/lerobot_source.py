"""One LeRobot checkpoint as a policy source: checks what goes in, says where what comes is from."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import ObservationField
from steer.errors import InvalidInputError
from steer.rank.perturb import perturb_smoothly
from steer.serve.sources.base import SourceInfo
from steer.serve.sources.framing import Message
from steer.serve.sources.jobs import Job
from steer.types import Candidates, EncodedImage, Observation, Provenance

__all__ = ["LeRobotSource"]


class LeRobotSource:
    """Draws from one checkpoint of the worker; implements `PolicySource`.

    Args:
        info: What it draws.
        run: Lets the worker answer a job.
        is_guided: Whether the policy is told what runs, and guides its chunks by it.
    """

    def __init__(
        self,
        info: SourceInfo,
        run: Callable[[Job], Awaitable[NDArray[np.float32]]],
        *,
        is_guided: bool = False,
    ) -> None:
        self.info = info
        self._run, self._is_guided = run, is_guided

    async def draw(
        self,
        observations: Sequence[Observation],
        *,
        num_candidates: int,
        noise_seed: int,
        frozen: int = 0,
        budget_s: float,
    ) -> Candidates:
        """Draw candidates, see `PolicySource.draw`."""
        deadline_s = asyncio.get_running_loop().time() + budget_s
        if num_candidates < 1:
            raise InvalidInputError.expected("num_candidates", "at least 1", num_candidates)
        if not 0 <= noise_seed < 2**64:
            raise InvalidInputError.expected("noise_seed", "an integer in [0, 2**64)", noise_seed)
        num_chunks = num_candidates if self.info.is_stochastic else 1
        body = {
            "policy": self.info.name,
            "num_candidates": num_chunks,
            "noise_seed": noise_seed,
            "frozen": frozen,
            "instruction": observations[-1].instruction if observations else "",
        }
        request = Message(body, self._stacked(observations))
        chunks = await self._run(Job(self.info, request, num_chunks, deadline_s))
        if self.info.is_stochastic:
            return Candidates(chunks)
        perturbed = perturb_smoothly(
            chunks[0],
            self.info.embodiment,
            num_perturbations=num_candidates - 1,
            seed=noise_seed,
        )
        provenance = (Provenance.POLICY,) + (Provenance.PERTURBATION,) * len(perturbed)
        return Candidates(np.concatenate([chunks, perturbed]), provenance)

    def _stacked(self, observations: Sequence[Observation]) -> dict[str, NDArray[Any]]:
        """Return what the policy needs, each of shape [t, …], oldest first, and what runs.

        Raises:
            InvalidInputError: Something is missing, or of another shape or type.
        """
        if not observations:
            raise InvalidInputError.expected("observations", "at least one", "none")
        recent = observations[-self.info.num_observations :]
        found: dict[str, NDArray[Any]] = {
            field.name: np.stack([_checked(observation, field) for observation in recent])
            for field in self.info.embodiment.observations
        }
        running = observations[-1].running if self._is_guided else None
        return found if running is None else {**found, "running": running[: self.info.horizon]}


def _checked(observation: Observation, field: ObservationField) -> NDArray[Any]:
    """Return the observation's array for `field`, as the dtype that the policy takes."""
    value = observation.arrays.get(field.name)
    what = f"observation {field.name!r}"
    contract = f"{field.dtype} of shape {list(field.shape)}"
    if value is None:
        names = ", ".join(observation.arrays) or "nothing"
        raise InvalidInputError.expected(what, contract, f"none among {names}")
    if isinstance(value, EncodedImage):
        raise InvalidInputError.expected(
            what, contract, f"an image still encoded as {value.encoding}"
        )
    is_image = field.dtype == "uint8"
    if value.shape != field.shape or (is_image and value.dtype != np.uint8):
        got = f"{value.dtype} of shape {list(value.shape)}"
        raise InvalidInputError.expected(what, contract, got)
    return value if is_image else value.astype(np.float32)
