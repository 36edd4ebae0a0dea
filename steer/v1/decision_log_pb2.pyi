from steer.v1 import steering_pb2 as _steering_pb2
from steer.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClientReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLIENT_REASON_UNSPECIFIED: _ClassVar[ClientReason]
    CLIENT_REASON_LATE: _ClassVar[ClientReason]
    CLIENT_REASON_UNREACHABLE: _ClassVar[ClientReason]
    CLIENT_REASON_REFUSED: _ClassVar[ClientReason]
CLIENT_REASON_UNSPECIFIED: ClientReason
CLIENT_REASON_LATE: ClientReason
CLIENT_REASON_UNREACHABLE: ClientReason
CLIENT_REASON_REFUSED: ClientReason

class DecisionLogHeader(_message.Message):
    __slots__ = ("format", "embodiment", "session", "server_version", "robot_version")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    EMBODIMENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROBOT_VERSION_FIELD_NUMBER: _ClassVar[int]
    format: int
    embodiment: _types_pb2.Embodiment
    session: _steering_pb2.OpenSessionResponse
    server_version: str
    robot_version: str
    def __init__(self, format: _Optional[int] = ..., embodiment: _Optional[_Union[_types_pb2.Embodiment, _Mapping]] = ..., session: _Optional[_Union[_steering_pb2.OpenSessionResponse, _Mapping]] = ..., server_version: _Optional[str] = ..., robot_version: _Optional[str] = ...) -> None: ...

class LoggedDecision(_message.Message):
    __slots__ = ("number", "epoch", "noise_seed", "observation", "candidates", "decision", "client_reason", "detail")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    NOISE_SEED_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    CLIENT_REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    number: int
    epoch: int
    noise_seed: int
    observation: _types_pb2.Observation
    candidates: _types_pb2.Candidates
    decision: _types_pb2.Decision
    client_reason: ClientReason
    detail: str
    def __init__(self, number: _Optional[int] = ..., epoch: _Optional[int] = ..., noise_seed: _Optional[int] = ..., observation: _Optional[_Union[_types_pb2.Observation, _Mapping]] = ..., candidates: _Optional[_Union[_types_pb2.Candidates, _Mapping]] = ..., decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ..., client_reason: _Optional[_Union[ClientReason, str]] = ..., detail: _Optional[str] = ...) -> None: ...
