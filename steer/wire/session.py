"""What a server tells about itself and agrees on with a robot: record <-> message."""

from dataclasses import dataclass

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError
from steer.types import Selection, Selector
from steer.v1 import steering_pb2, types_pb2
from steer.wire.records import (
    selection_from_message,
    selection_to_message,
    selector_from_code,
    selector_to_code,
)
from steer.wire.tensors import duration_from_seconds, duration_to_seconds

__all__ = [
    "CriticInfo",
    "Limits",
    "PolicyInfo",
    "ServerDescription",
    "SessionInfo",
    "critic_from_message",
    "critic_to_message",
    "description_from_message",
    "embodiment_from_message",
    "embodiment_to_message",
    "limits_from_message",
    "limits_to_message",
    "policy_from_message",
    "policy_to_message",
    "session_from_message",
]

MAX_FIELDS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticInfo:
    """A critic of the server; `proto/steer/v1/steering.proto` defines each field."""

    name: str
    digest: str
    embodiment: Embodiment
    horizon: int
    num_members: int
    algorithm: str
    selection: Selection
    expected_rank_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInfo:
    """A policy source of the server; `proto/steer/v1/steering.proto` defines each field."""

    name: str
    type: str
    embodiment: Embodiment
    horizon: int
    num_observations: int
    is_stochastic: bool
    expected_steer_s: float
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the server accepts; `proto/steer/v1/steering.proto` defines each field."""

    max_candidates: int
    max_horizon: int
    max_message_bytes: int
    max_image_pixels: int
    session_idle_s: float
    max_budget_s: float
    expected_candidates: int
    selectors: tuple[Selector, ...]
    min_margin: float
    is_gate_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDescription:
    """The answer to Describe."""

    server_version: str
    server_epoch: str
    critics: tuple[CriticInfo, ...]
    policies: tuple[PolicyInfo, ...]
    limits: Limits
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """What robot and server agreed on; `policy` is None where the server has none that fits."""

    session: str
    server_epoch: str
    critic: CriticInfo
    policy: PolicyInfo | None
    selection: Selection
    limits: Limits
    warnings: tuple[str, ...]

    @property
    def commit_horizon(self) -> int:
        """How many actions of a chunk run before the robot asks again, >= 1."""
        return max(1, self.selection.commit_horizon or self.critic.horizon)


def embodiment_to_message(embodiment: Embodiment) -> types_pb2.Embodiment:
    """Return the message of an embodiment."""
    return types_pb2.Embodiment(
        name=embodiment.name,
        control_hz=embodiment.control_hz,
        actions=[
            types_pb2.ActionDim(
                name=dim.name,
                unit=dim.unit,
                scale=dim.scale,
                low=dim.low,
                high=dim.high,
                max_step=dim.max_step,
            )
            for dim in embodiment.actions
        ],
        observations=[
            types_pb2.ObservationField(
                name=item.name, dtype=item.dtype, shape=item.shape, unit=item.unit
            )
            for item in embodiment.observations
        ],
        mode=embodiment.mode,
        frame=embodiment.frame,
        rotation=embodiment.rotation,
        gripper=embodiment.gripper,
        out_of_range=embodiment.out_of_range,
    )


def embodiment_from_message(message: types_pb2.Embodiment) -> Embodiment:
    """Return the embodiment of a message.

    Raises:
        InvalidInputError: A field is out of its range.
    """
    for name in ("actions", "observations"):
        count = len(getattr(message, name))
        if count > MAX_FIELDS:
            raise InvalidInputError.expected(f"embodiment.{name}", f"at most {MAX_FIELDS}", count)
    choices = {
        "mode": ("", "delta", "absolute"),
        "gripper": ("", "closes", "opens", "none"),
        "out_of_range": ("", "clip", "reject"),
    }
    for name, allowed in choices.items():
        value = getattr(message, name)
        if value not in allowed:
            contract = "one of " + ", ".join(map(repr, allowed))
            raise InvalidInputError.expected(f"embodiment.{name}", contract, repr(value))
    return Embodiment(
        name=message.name,
        control_hz=message.control_hz,
        actions=tuple(
            ActionDim(
                name=dim.name,
                unit=dim.unit,
                scale=dim.scale,
                low=dim.low,
                high=dim.high,
                max_step=dim.max_step,
            )
            for dim in message.actions
        ),
        observations=tuple(
            ObservationField(
                name=item.name, dtype=item.dtype, shape=tuple(item.shape), unit=item.unit
            )
            for item in message.observations
        ),
        mode=message.mode,  # type: ignore[arg-type]  # checked above
        frame=message.frame,
        rotation=message.rotation,
        gripper=message.gripper,  # type: ignore[arg-type]  # checked above
        out_of_range=message.out_of_range or "clip",  # type: ignore[arg-type]  # checked above
    )


def critic_to_message(info: CriticInfo) -> steering_pb2.CriticInfo:
    """Return the message of a critic's description."""
    return steering_pb2.CriticInfo(
        name=info.name,
        digest=info.digest,
        embodiment=embodiment_to_message(info.embodiment),
        horizon=info.horizon,
        num_members=info.num_members,
        algorithm=info.algorithm,
        selection=selection_to_message(info.selection),
        expected_rank=duration_from_seconds(info.expected_rank_s),
    )


def critic_from_message(message: steering_pb2.CriticInfo) -> CriticInfo:
    """Return the critic's description of a message."""
    return CriticInfo(
        name=message.name,
        digest=message.digest,
        embodiment=embodiment_from_message(message.embodiment),
        horizon=message.horizon,
        num_members=message.num_members,
        algorithm=message.algorithm,
        selection=selection_from_message(message.selection),
        expected_rank_s=duration_to_seconds(message.expected_rank, "expected_rank"),
    )


def policy_to_message(info: PolicyInfo) -> steering_pb2.PolicyInfo:
    """Return the message of a policy source's description."""
    return steering_pb2.PolicyInfo(
        name=info.name,
        type=info.type,
        embodiment=embodiment_to_message(info.embodiment),
        horizon=info.horizon,
        num_observations=info.num_observations,
        stochastic=info.is_stochastic,
        expected_steer=duration_from_seconds(info.expected_steer_s),
        digest=info.digest,
    )


def policy_from_message(message: steering_pb2.PolicyInfo) -> PolicyInfo:
    """Return the policy source's description of a message."""
    return PolicyInfo(
        name=message.name,
        type=message.type,
        embodiment=embodiment_from_message(message.embodiment),
        horizon=message.horizon,
        num_observations=message.num_observations,
        is_stochastic=message.stochastic,
        expected_steer_s=duration_to_seconds(message.expected_steer, "expected_steer"),
        digest=message.digest,
    )


def limits_to_message(limits: Limits) -> steering_pb2.Limits:
    """Return the message of the server's limits."""
    return steering_pb2.Limits(
        max_candidates=limits.max_candidates,
        max_horizon=limits.max_horizon,
        max_message_bytes=limits.max_message_bytes,
        max_image_pixels=limits.max_image_pixels,
        session_idle=duration_from_seconds(limits.session_idle_s),
        max_budget=duration_from_seconds(limits.max_budget_s),
        expected_candidates=limits.expected_candidates,
        selectors=[selector_to_code(name) for name in limits.selectors],
        min_margin=limits.min_margin,
        gate_required=limits.is_gate_required,
    )


def limits_from_message(message: steering_pb2.Limits) -> Limits:
    """Return the server's limits of a message."""
    return Limits(
        max_candidates=message.max_candidates,
        max_horizon=message.max_horizon,
        max_message_bytes=message.max_message_bytes,
        max_image_pixels=message.max_image_pixels,
        session_idle_s=duration_to_seconds(message.session_idle, "session_idle"),
        max_budget_s=duration_to_seconds(message.max_budget, "max_budget"),
        expected_candidates=message.expected_candidates,
        selectors=tuple(selector_from_code(code) for code in message.selectors),
        min_margin=message.min_margin,
        is_gate_required=message.gate_required,
    )


def description_from_message(message: steering_pb2.DescribeResponse) -> ServerDescription:
    """Return the server's description of a message."""
    return ServerDescription(
        server_version=message.server_version,
        server_epoch=message.server_epoch,
        critics=tuple(map(critic_from_message, message.critics)),
        policies=tuple(map(policy_from_message, message.policies)),
        limits=limits_from_message(message.limits),
        device=message.device,
    )


def session_from_message(message: steering_pb2.OpenSessionResponse) -> SessionInfo:
    """Return what was agreed on of a message."""
    return SessionInfo(
        session=message.session,
        server_epoch=message.server_epoch,
        critic=critic_from_message(message.critic),
        policy=policy_from_message(message.policy) if message.HasField("policy") else None,
        selection=selection_from_message(message.selection),
        limits=limits_from_message(message.limits),
        warnings=tuple(message.warnings),
    )
