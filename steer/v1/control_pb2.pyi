from google.protobuf import duration_pb2 as _duration_pb2
from steer.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CommandLimit(_message.Message):
    __slots__ = ("low", "high", "first", "second", "third")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    THIRD_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    first: float
    second: float
    third: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ..., first: _Optional[float] = ..., second: _Optional[float] = ..., third: _Optional[float] = ...) -> None: ...

class ControlStart(_message.Message):
    __slots__ = ("session", "limits")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    session: str
    limits: _containers.RepeatedCompositeFieldContainer[CommandLimit]
    def __init__(self, session: _Optional[str] = ..., limits: _Optional[_Iterable[_Union[CommandLimit, _Mapping]]] = ...) -> None: ...

class ControlAsk(_message.Message):
    __slots__ = ("sequence", "frozen", "budget", "num_candidates", "noise_seed", "return_candidates", "history", "foreseen", "foreseen_after")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    NUM_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    NOISE_SEED_FIELD_NUMBER: _ClassVar[int]
    RETURN_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    FORESEEN_FIELD_NUMBER: _ClassVar[int]
    FORESEEN_AFTER_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    frozen: int
    budget: _duration_pb2.Duration
    num_candidates: int
    noise_seed: int
    return_candidates: bool
    history: _containers.RepeatedCompositeFieldContainer[_types_pb2.Observation]
    foreseen: _containers.RepeatedCompositeFieldContainer[_types_pb2.Observation]
    foreseen_after: int
    def __init__(self, sequence: _Optional[int] = ..., frozen: _Optional[int] = ..., budget: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., num_candidates: _Optional[int] = ..., noise_seed: _Optional[int] = ..., return_candidates: bool = ..., history: _Optional[_Iterable[_Union[_types_pb2.Observation, _Mapping]]] = ..., foreseen: _Optional[_Iterable[_Union[_types_pb2.Observation, _Mapping]]] = ..., foreseen_after: _Optional[int] = ...) -> None: ...

class ControlRequest(_message.Message):
    __slots__ = ("start", "epoch", "consumed", "observation", "sent", "sent_known", "ask", "number", "answers", "travelled")
    START_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CONSUMED_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    SENT_KNOWN_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    TRAVELLED_FIELD_NUMBER: _ClassVar[int]
    start: ControlStart
    epoch: int
    consumed: int
    observation: _types_pb2.Observation
    sent: _types_pb2.Tensor
    sent_known: _types_pb2.Tensor
    ask: ControlAsk
    number: int
    answers: int
    travelled: _types_pb2.Tensor
    def __init__(self, start: _Optional[_Union[ControlStart, _Mapping]] = ..., epoch: _Optional[int] = ..., consumed: _Optional[int] = ..., observation: _Optional[_Union[_types_pb2.Observation, _Mapping]] = ..., sent: _Optional[_Union[_types_pb2.Tensor, _Mapping]] = ..., sent_known: _Optional[_Union[_types_pb2.Tensor, _Mapping]] = ..., ask: _Optional[_Union[ControlAsk, _Mapping]] = ..., number: _Optional[int] = ..., answers: _Optional[int] = ..., travelled: _Optional[_Union[_types_pb2.Tensor, _Mapping]] = ...) -> None: ...

class ControlFailure(_message.Message):
    __slots__ = ("status", "error", "text", "retry_after")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    status: str
    error: str
    text: str
    retry_after: _duration_pb2.Duration
    def __init__(self, status: _Optional[str] = ..., error: _Optional[str] = ..., text: _Optional[str] = ..., retry_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ControlResponse(_message.Message):
    __slots__ = ("sequence", "epoch", "decision", "failure", "consumed", "frozen", "captured_at", "judged_again", "received")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CONSUMED_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    JUDGED_AGAIN_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    epoch: int
    decision: _types_pb2.Decision
    failure: ControlFailure
    consumed: int
    frozen: int
    captured_at: _duration_pb2.Duration
    judged_again: bool
    received: int
    def __init__(self, sequence: _Optional[int] = ..., epoch: _Optional[int] = ..., decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ..., failure: _Optional[_Union[ControlFailure, _Mapping]] = ..., consumed: _Optional[int] = ..., frozen: _Optional[int] = ..., captured_at: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., judged_again: bool = ..., received: _Optional[int] = ...) -> None: ...
