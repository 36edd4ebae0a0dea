from google.protobuf import duration_pb2 as _duration_pb2
from steer.v1 import control_pb2 as _control_pb2
from steer.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("server_version", "server_epoch", "critics", "policies", "limits", "device")
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CRITICS_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    server_version: str
    server_epoch: str
    critics: _containers.RepeatedCompositeFieldContainer[CriticInfo]
    policies: _containers.RepeatedCompositeFieldContainer[PolicyInfo]
    limits: Limits
    device: str
    def __init__(self, server_version: _Optional[str] = ..., server_epoch: _Optional[str] = ..., critics: _Optional[_Iterable[_Union[CriticInfo, _Mapping]]] = ..., policies: _Optional[_Iterable[_Union[PolicyInfo, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., device: _Optional[str] = ...) -> None: ...

class CriticInfo(_message.Message):
    __slots__ = ("name", "digest", "embodiment", "horizon", "num_members", "algorithm", "selection", "expected_rank")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    EMBODIMENT_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    NUM_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_RANK_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    embodiment: _types_pb2.Embodiment
    horizon: int
    num_members: int
    algorithm: str
    selection: _types_pb2.Selection
    expected_rank: _duration_pb2.Duration
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ..., embodiment: _Optional[_Union[_types_pb2.Embodiment, _Mapping]] = ..., horizon: _Optional[int] = ..., num_members: _Optional[int] = ..., algorithm: _Optional[str] = ..., selection: _Optional[_Union[_types_pb2.Selection, _Mapping]] = ..., expected_rank: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PolicyInfo(_message.Message):
    __slots__ = ("name", "type", "embodiment", "horizon", "num_observations", "stochastic", "expected_steer", "digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EMBODIMENT_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    NUM_OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    STOCHASTIC_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_STEER_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    embodiment: _types_pb2.Embodiment
    horizon: int
    num_observations: int
    stochastic: bool
    expected_steer: _duration_pb2.Duration
    digest: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., embodiment: _Optional[_Union[_types_pb2.Embodiment, _Mapping]] = ..., horizon: _Optional[int] = ..., num_observations: _Optional[int] = ..., stochastic: bool = ..., expected_steer: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., digest: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_candidates", "max_horizon", "max_message_bytes", "max_image_pixels", "session_idle", "max_budget", "expected_candidates", "selectors", "min_margin", "gate_required")
    MAX_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    MAX_HORIZON_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_IMAGE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    SESSION_IDLE_FIELD_NUMBER: _ClassVar[int]
    MAX_BUDGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    SELECTORS_FIELD_NUMBER: _ClassVar[int]
    MIN_MARGIN_FIELD_NUMBER: _ClassVar[int]
    GATE_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    max_candidates: int
    max_horizon: int
    max_message_bytes: int
    max_image_pixels: int
    session_idle: _duration_pb2.Duration
    max_budget: _duration_pb2.Duration
    expected_candidates: int
    selectors: _containers.RepeatedScalarFieldContainer[_types_pb2.Selector]
    min_margin: float
    gate_required: bool
    def __init__(self, max_candidates: _Optional[int] = ..., max_horizon: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., max_image_pixels: _Optional[int] = ..., session_idle: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max_budget: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., expected_candidates: _Optional[int] = ..., selectors: _Optional[_Iterable[_Union[_types_pb2.Selector, str]]] = ..., min_margin: _Optional[float] = ..., gate_required: bool = ...) -> None: ...

class OpenSessionRequest(_message.Message):
    __slots__ = ("embodiment", "critic", "policy", "selection", "robot")
    EMBODIMENT_FIELD_NUMBER: _ClassVar[int]
    CRITIC_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    embodiment: _types_pb2.Embodiment
    critic: str
    policy: str
    selection: _types_pb2.Selection
    robot: str
    def __init__(self, embodiment: _Optional[_Union[_types_pb2.Embodiment, _Mapping]] = ..., critic: _Optional[str] = ..., policy: _Optional[str] = ..., selection: _Optional[_Union[_types_pb2.Selection, _Mapping]] = ..., robot: _Optional[str] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("session", "server_epoch", "critic", "policy", "selection", "limits", "warnings")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SERVER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CRITIC_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    session: str
    server_epoch: str
    critic: CriticInfo
    policy: PolicyInfo
    selection: _types_pb2.Selection
    limits: Limits
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, session: _Optional[str] = ..., server_epoch: _Optional[str] = ..., critic: _Optional[_Union[CriticInfo, _Mapping]] = ..., policy: _Optional[_Union[PolicyInfo, _Mapping]] = ..., selection: _Optional[_Union[_types_pb2.Selection, _Mapping]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class CloseSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RankRequest(_message.Message):
    __slots__ = ("session", "sequence", "epoch", "budget", "observation", "candidates", "noise_seed")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    NOISE_SEED_FIELD_NUMBER: _ClassVar[int]
    session: str
    sequence: int
    epoch: int
    budget: _duration_pb2.Duration
    observation: _types_pb2.Observation
    candidates: _types_pb2.Candidates
    noise_seed: int
    def __init__(self, session: _Optional[str] = ..., sequence: _Optional[int] = ..., epoch: _Optional[int] = ..., budget: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., observation: _Optional[_Union[_types_pb2.Observation, _Mapping]] = ..., candidates: _Optional[_Union[_types_pb2.Candidates, _Mapping]] = ..., noise_seed: _Optional[int] = ...) -> None: ...

class RankResponse(_message.Message):
    __slots__ = ("decision",)
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: _types_pb2.Decision
    def __init__(self, decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ...) -> None: ...

class SteerRequest(_message.Message):
    __slots__ = ("session", "sequence", "epoch", "budget", "observations", "num_candidates", "noise_seed", "return_candidates", "frozen")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    NUM_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    NOISE_SEED_FIELD_NUMBER: _ClassVar[int]
    RETURN_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    session: str
    sequence: int
    epoch: int
    budget: _duration_pb2.Duration
    observations: _containers.RepeatedCompositeFieldContainer[_types_pb2.Observation]
    num_candidates: int
    noise_seed: int
    return_candidates: bool
    frozen: int
    def __init__(self, session: _Optional[str] = ..., sequence: _Optional[int] = ..., epoch: _Optional[int] = ..., budget: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., observations: _Optional[_Iterable[_Union[_types_pb2.Observation, _Mapping]]] = ..., num_candidates: _Optional[int] = ..., noise_seed: _Optional[int] = ..., return_candidates: bool = ..., frozen: _Optional[int] = ...) -> None: ...

class SteerResponse(_message.Message):
    __slots__ = ("decision",)
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: _types_pb2.Decision
    def __init__(self, decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ...) -> None: ...
