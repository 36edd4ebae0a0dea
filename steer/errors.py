"""Every error that steer raises, robot side and server side.

    SteerError
    ├── InvalidInputError        a tensor, image, record or option breaks its contract
    │   └── TooLargeError        a message or an image is over the cap
    ├── EmbodimentMismatchError  robot, critic and policy do not describe the same body
    ├── SessionError             the session is unknown or has expired; open a new one
    ├── LateError                no answer within the budget
    ├── OverloadedError          the server refuses more work for now
    ├── UnreachableError         the server is gone, draining or not ready
    ├── AccessError              the credentials are missing, wrong or not enough
    ├── PolicyError              the policy source died or hung
    │   └── UnusableChunkError   it drew a chunk that is not finite or of another shape
    ├── ServerError              the server failed; its log has the id that the text names
    ├── ConfigError              an option or a combination of options makes no sense
    ├── ArtefactError            a critic on disk is damaged, foreign or too new
    ├── CheckpointError          a policy checkpoint is missing or does not fit
    ├── DecisionLogError         a decision log is damaged, of a newer format, or cannot be written
    └── DatasetError             a dataset cannot be read, or cannot teach what was asked

A message reads `<what>: expected <contract>, got <value>`. `grpc_code` is the name of the gRPC
status that carries the error over the wire; this module does not import grpc.
"""

__all__ = [
    "AccessError",
    "ArtefactError",
    "CheckpointError",
    "ConfigError",
    "DatasetError",
    "DecisionLogError",
    "EmbodimentMismatchError",
    "InvalidInputError",
    "LateError",
    "OverloadedError",
    "PolicyError",
    "ServerError",
    "SessionError",
    "SteerError",
    "TooLargeError",
    "UnreachableError",
    "UnusableChunkError",
]


class SteerError(Exception):
    """Base of all errors of this package."""

    grpc_code = "INTERNAL"


class InvalidInputError(SteerError):
    """A tensor, image, record or option breaks its contract; sending it again cannot help."""

    grpc_code = "INVALID_ARGUMENT"

    @classmethod
    def expected(cls, what: str, contract: str, got: object) -> "InvalidInputError":
        """Build the error whose text is `<what>: expected <contract>, got <value>`.

        Args:
            what: The field or option, as its user knows it, for example `candidates.actions`.
            contract: What would have been accepted.
            got: What came instead; strings are shown as they are.
        """
        return cls(f"{what}: expected {contract}, got {got}")


class TooLargeError(InvalidInputError):
    """A message or an image is over the cap that `Describe` states."""


class EmbodimentMismatchError(SteerError):
    """Robot, critic and policy do not describe the same body; the text names the field."""

    grpc_code = "FAILED_PRECONDITION"


class SessionError(SteerError):
    """The session is unknown to the server or has expired; open a new one."""

    grpc_code = "FAILED_PRECONDITION"


class LateError(SteerError):
    """No answer came within the budget."""

    grpc_code = "DEADLINE_EXCEEDED"


class OverloadedError(SteerError):
    """The server refuses more work for now.

    Attributes:
        retry_after_s: How long to wait before trying again, in seconds; 0 when the server said
            nothing.
    """

    grpc_code = "RESOURCE_EXHAUSTED"

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnreachableError(SteerError):
    """The server is gone, draining or not ready."""

    grpc_code = "UNAVAILABLE"


class AccessError(SteerError):
    """The credentials are missing, wrong or not enough."""

    grpc_code = "UNAUTHENTICATED"


class PolicyError(SteerError):
    """The policy source died, hung or drew an unusable chunk; the server restarts it."""

    grpc_code = "UNAVAILABLE"


class UnusableChunkError(PolicyError):
    """The policy drew a chunk that cannot run; the same observation and seed give it again."""

    grpc_code = "INTERNAL"


class ServerError(SteerError):
    """The server failed in a way it did not foresee; its log has the id that the text names."""

    grpc_code = "INTERNAL"


class ConfigError(SteerError):
    """An option, or a combination of options, makes no sense."""

    grpc_code = "FAILED_PRECONDITION"


class ArtefactError(SteerError):
    """A critic on disk is damaged, does not match its card, or is of a newer format."""

    grpc_code = "FAILED_PRECONDITION"


class CheckpointError(SteerError):
    """A policy checkpoint is missing, cannot be read, or does not fit the embodiment."""

    grpc_code = "FAILED_PRECONDITION"


class DecisionLogError(SteerError):
    """A decision log is damaged, of a newer format, or the disk refuses."""

    grpc_code = "FAILED_PRECONDITION"


class DatasetError(SteerError):
    """A dataset cannot be read, or cannot teach what was asked of it."""

    grpc_code = "FAILED_PRECONDITION"
