from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DataType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DATA_TYPE_UNSPECIFIED: _ClassVar[DataType]
    DATA_TYPE_BOOL: _ClassVar[DataType]
    DATA_TYPE_UINT8: _ClassVar[DataType]
    DATA_TYPE_UINT16: _ClassVar[DataType]
    DATA_TYPE_INT32: _ClassVar[DataType]
    DATA_TYPE_INT64: _ClassVar[DataType]
    DATA_TYPE_FLOAT16: _ClassVar[DataType]
    DATA_TYPE_FLOAT32: _ClassVar[DataType]
    DATA_TYPE_FLOAT64: _ClassVar[DataType]

class ImageEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMAGE_ENCODING_UNSPECIFIED: _ClassVar[ImageEncoding]
    IMAGE_ENCODING_JPEG: _ClassVar[ImageEncoding]
    IMAGE_ENCODING_PNG: _ClassVar[ImageEncoding]

class Provenance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROVENANCE_UNSPECIFIED: _ClassVar[Provenance]
    PROVENANCE_POLICY: _ClassVar[Provenance]
    PROVENANCE_PERTURBATION: _ClassVar[Provenance]
    PROVENANCE_FITTED: _ClassVar[Provenance]
    PROVENANCE_CONTINUATION: _ClassVar[Provenance]
    PROVENANCE_PARAPHRASE: _ClassVar[Provenance]
    PROVENANCE_EDIT: _ClassVar[Provenance]

class Selector(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SELECTOR_UNSPECIFIED: _ClassVar[Selector]
    SELECTOR_ARGMAX: _ClassVar[Selector]
    SELECTOR_SOFTMAX: _ClassVar[Selector]
    SELECTOR_IMPLICIT: _ClassVar[Selector]
    SELECTOR_MEDOID: _ClassVar[Selector]
    SELECTOR_RANDOM: _ClassVar[Selector]
    SELECTOR_WORST: _ClassVar[Selector]

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_UNSPECIFIED: _ClassVar[Reason]
    REASON_ADVANTAGE: _ClassVar[Reason]
    REASON_SINGLE: _ClassVar[Reason]
    REASON_MARGIN: _ClassVar[Reason]
    REASON_INFEASIBLE: _ClassVar[Reason]
    REASON_UNGATED: _ClassVar[Reason]
    REASON_BUDGET: _ClassVar[Reason]
    REASON_CRITIC: _ClassVar[Reason]
DATA_TYPE_UNSPECIFIED: DataType
DATA_TYPE_BOOL: DataType
DATA_TYPE_UINT8: DataType
DATA_TYPE_UINT16: DataType
DATA_TYPE_INT32: DataType
DATA_TYPE_INT64: DataType
DATA_TYPE_FLOAT16: DataType
DATA_TYPE_FLOAT32: DataType
DATA_TYPE_FLOAT64: DataType
IMAGE_ENCODING_UNSPECIFIED: ImageEncoding
IMAGE_ENCODING_JPEG: ImageEncoding
IMAGE_ENCODING_PNG: ImageEncoding
PROVENANCE_UNSPECIFIED: Provenance
PROVENANCE_POLICY: Provenance
PROVENANCE_PERTURBATION: Provenance
PROVENANCE_FITTED: Provenance
PROVENANCE_CONTINUATION: Provenance
PROVENANCE_PARAPHRASE: Provenance
PROVENANCE_EDIT: Provenance
SELECTOR_UNSPECIFIED: Selector
SELECTOR_ARGMAX: Selector
SELECTOR_SOFTMAX: Selector
SELECTOR_IMPLICIT: Selector
SELECTOR_MEDOID: Selector
SELECTOR_RANDOM: Selector
SELECTOR_WORST: Selector
REASON_UNSPECIFIED: Reason
REASON_ADVANTAGE: Reason
REASON_SINGLE: Reason
REASON_MARGIN: Reason
REASON_INFEASIBLE: Reason
REASON_UNGATED: Reason
REASON_BUDGET: Reason
REASON_CRITIC: Reason

class Tensor(_message.Message):
    __slots__ = ("dtype", "shape", "data")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    dtype: DataType
    shape: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    def __init__(self, dtype: _Optional[_Union[DataType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Image(_message.Message):
    __slots__ = ("encoding", "data")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    encoding: ImageEncoding
    data: bytes
    def __init__(self, encoding: _Optional[_Union[ImageEncoding, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Observation(_message.Message):
    __slots__ = ("tensors", "images", "captured_at", "instruction", "running")
    class TensorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Tensor
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Tensor, _Mapping]] = ...) -> None: ...
    class ImagesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Image
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Image, _Mapping]] = ...) -> None: ...
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTION_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    tensors: _containers.MessageMap[str, Tensor]
    images: _containers.MessageMap[str, Image]
    captured_at: _duration_pb2.Duration
    instruction: str
    running: Tensor
    def __init__(self, tensors: _Optional[_Mapping[str, Tensor]] = ..., images: _Optional[_Mapping[str, Image]] = ..., captured_at: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., instruction: _Optional[str] = ..., running: _Optional[_Union[Tensor, _Mapping]] = ...) -> None: ...

class Candidates(_message.Message):
    __slots__ = ("actions", "provenance")
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    actions: Tensor
    provenance: _containers.RepeatedScalarFieldContainer[Provenance]
    def __init__(self, actions: _Optional[_Union[Tensor, _Mapping]] = ..., provenance: _Optional[_Iterable[_Union[Provenance, str]]] = ...) -> None: ...

class ActionDim(_message.Message):
    __slots__ = ("name", "unit", "scale", "low", "high", "max_step")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    MAX_STEP_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    scale: float
    low: float
    high: float
    max_step: float
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[str] = ..., scale: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., max_step: _Optional[float] = ...) -> None: ...

class ObservationField(_message.Message):
    __slots__ = ("name", "dtype", "shape", "unit")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    unit: str
    def __init__(self, name: _Optional[str] = ..., dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., unit: _Optional[str] = ...) -> None: ...

class Embodiment(_message.Message):
    __slots__ = ("name", "control_hz", "actions", "observations", "mode", "frame", "rotation", "gripper", "out_of_range")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTROL_HZ_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_RANGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    control_hz: float
    actions: _containers.RepeatedCompositeFieldContainer[ActionDim]
    observations: _containers.RepeatedCompositeFieldContainer[ObservationField]
    mode: str
    frame: str
    rotation: str
    gripper: str
    out_of_range: str
    def __init__(self, name: _Optional[str] = ..., control_hz: _Optional[float] = ..., actions: _Optional[_Iterable[_Union[ActionDim, _Mapping]]] = ..., observations: _Optional[_Iterable[_Union[ObservationField, _Mapping]]] = ..., mode: _Optional[str] = ..., frame: _Optional[str] = ..., rotation: _Optional[str] = ..., gripper: _Optional[str] = ..., out_of_range: _Optional[str] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("selector", "gated", "margin", "beta", "temperature", "tau", "weights", "num_fitted", "adaptive", "continuation", "paraphrases", "commit_horizon")
    class WeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SELECTOR_FIELD_NUMBER: _ClassVar[int]
    GATED_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TAU_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    NUM_FITTED_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_FIELD_NUMBER: _ClassVar[int]
    CONTINUATION_FIELD_NUMBER: _ClassVar[int]
    PARAPHRASES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_HORIZON_FIELD_NUMBER: _ClassVar[int]
    selector: Selector
    gated: bool
    margin: float
    beta: float
    temperature: float
    tau: float
    weights: _containers.ScalarMap[str, float]
    num_fitted: int
    adaptive: bool
    continuation: bool
    paraphrases: _containers.RepeatedScalarFieldContainer[str]
    commit_horizon: int
    def __init__(self, selector: _Optional[_Union[Selector, str]] = ..., gated: bool = ..., margin: _Optional[float] = ..., beta: _Optional[float] = ..., temperature: _Optional[float] = ..., tau: _Optional[float] = ..., weights: _Optional[_Mapping[str, float]] = ..., num_fitted: _Optional[int] = ..., adaptive: bool = ..., continuation: bool = ..., paraphrases: _Optional[_Iterable[str]] = ..., commit_horizon: _Optional[int] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("decode", "policy", "queue", "encode", "score", "total")
    DECODE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    ENCODE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    decode: _duration_pb2.Duration
    policy: _duration_pb2.Duration
    queue: _duration_pb2.Duration
    encode: _duration_pb2.Duration
    score: _duration_pb2.Duration
    total: _duration_pb2.Duration
    def __init__(self, decode: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., policy: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., queue: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., encode: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., score: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., total: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("sequence", "index", "chunk", "commit_horizon", "reason", "overrode", "scores", "values", "provenance", "feasible", "num_scored", "budget_hit", "timings", "critic_digest", "policy", "candidates", "left_out")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    COMMIT_HORIZON_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OVERRODE_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    FEASIBLE_FIELD_NUMBER: _ClassVar[int]
    NUM_SCORED_FIELD_NUMBER: _ClassVar[int]
    BUDGET_HIT_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    CRITIC_DIGEST_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    index: int
    chunk: Tensor
    commit_horizon: int
    reason: Reason
    overrode: bool
    scores: Tensor
    values: Tensor
    provenance: _containers.RepeatedScalarFieldContainer[Provenance]
    feasible: _containers.RepeatedScalarFieldContainer[bool]
    num_scored: int
    budget_hit: bool
    timings: Timings
    critic_digest: str
    policy: str
    candidates: Candidates
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sequence: _Optional[int] = ..., index: _Optional[int] = ..., chunk: _Optional[_Union[Tensor, _Mapping]] = ..., commit_horizon: _Optional[int] = ..., reason: _Optional[_Union[Reason, str]] = ..., overrode: bool = ..., scores: _Optional[_Union[Tensor, _Mapping]] = ..., values: _Optional[_Union[Tensor, _Mapping]] = ..., provenance: _Optional[_Iterable[_Union[Provenance, str]]] = ..., feasible: _Optional[_Iterable[bool]] = ..., num_scored: _Optional[int] = ..., budget_hit: bool = ..., timings: _Optional[_Union[Timings, _Mapping]] = ..., critic_digest: _Optional[str] = ..., policy: _Optional[str] = ..., candidates: _Optional[_Union[Candidates, _Mapping]] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...
