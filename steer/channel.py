"""The gRPC channel of a client: options, TLS, and gRPC's statuses as our errors.

Knows nothing of what is sent.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from steer import errors
from steer.errors import (
    AccessError,
    ConfigError,
    InvalidInputError,
    LateError,
    OverloadedError,
    ServerError,
    SessionError,
    SteerError,
    TooLargeError,
    UnreachableError,
)

__all__ = ["ERROR_KEY", "RETRY_KEY", "TlsFiles", "open_channel", "steer_error"]

ERROR_KEY = "steer-error"
"""Trailing metadata that names the class of the error."""
RETRY_KEY = "retry-after-ms"
"""Trailing metadata that says when an overloaded server may be asked again."""

MAX_MESSAGE_BYTES = 16 << 20
_OPTIONS = (
    # Found dead after 0.5 s without an answer, both where the link and where the peer hangs.
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.keepalive_timeout_ms", 500),
    ("grpc.http2.ping_timeout_ms", 500),
    ("grpc.keepalive_permit_without_calls", 0),
    # Back within half a second; the defaults take up to two minutes. What gRPC calls the least
    # back-off is how long one attempt may take: TCP, TLS and HTTP/2 are 3 or 4 round trips.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 500),
    # A newer observation is better than a second try with an old one.
    ("grpc.enable_retries", 0),
    # Arrays do not compress, and what is inflated escapes the caps.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)
_WITHOUT_PORT = ("unix:", "unix-abstract:", "vsock:", "xds:")
_RESOLVER = re.compile(r"^(dns:(//[^/]*/)?|ipv[46]:)")
_HOST_AND_PORT = re.compile(r"(\[[^\[\]\s]+\]|[^:/\[\]\s]+):[0-9]{1,5}")
_BY_CODE: dict[grpc.StatusCode, type[SteerError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInputError,
    grpc.StatusCode.DEADLINE_EXCEEDED: LateError,
    grpc.StatusCode.CANCELLED: UnreachableError,
    grpc.StatusCode.FAILED_PRECONDITION: SessionError,
    grpc.StatusCode.UNAUTHENTICATED: AccessError,
    grpc.StatusCode.PERMISSION_DENIED: AccessError,
    grpc.StatusCode.UNAVAILABLE: UnreachableError,
    grpc.StatusCode.UNIMPLEMENTED: UnreachableError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of a TLS connection.

    Attributes:
        ca: Certificates that the server's must be signed by; None for the system's.
        certificate: The robot's own, for servers that ask for one.
        key: Its private key.
        server_name: Name in the server's certificate, where it is not the target's.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ConfigError("tls: expected certificate and key together, got one of them")
        for path in (self.ca, self.certificate, self.key):
            if path is not None and not path.is_file():
                raise ConfigError(f"tls: expected a PEM file, got no such file: {path}")


def open_channel(target: str, tls: TlsFiles | None) -> grpc.Channel:
    """Return a channel to `target`; nothing is connected yet.

    Args:
        target: `HOST:PORT`, or one of gRPC's own names that needs no port, as `unix:PATH`.
        tls: PEM files, or None for plain text.

    Raises:
        ConfigError: The target has no port, where gRPC would silently take 443.
    """
    _check_target(target)
    if tls is None:
        return grpc.insecure_channel(target, options=_OPTIONS)
    options: tuple[tuple[str, int | str], ...] = _OPTIONS
    if tls.server_name:
        options = (*_OPTIONS, ("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(
        *(
            None if path is None else path.read_bytes()
            for path in (tls.ca, tls.key, tls.certificate)
        )
    )
    return grpc.secure_channel(target, credentials, options=options)


def _check_target(target: str) -> None:
    if target.startswith(_WITHOUT_PORT):
        return
    places = _RESOLVER.sub("", target).split(",")
    if not all(map(_HOST_AND_PORT.fullmatch, places)):
        raise ConfigError(f"target: expected HOST:PORT, got {target!r}")


def steer_error(what: str, error: grpc.RpcError, *, target: str, budget_s: float) -> SteerError:
    """Return our error for gRPC's.

    Args:
        what: The call, for example `rank`.
        error: What the stub raised.
        target: The server, for the text.
        budget_s: The call's deadline in seconds, for the text.
    """
    code, details = error.code(), error.details() or ""
    pairs: Any = error.trailing_metadata() or ()
    metadata = dict(pairs)
    kind = getattr(errors, str(metadata.get(ERROR_KEY, "")), None)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        if kind is not OverloadedError and "larger than max" in details:
            return TooLargeError(f"{what}: {details}")
        retry_s = _number(metadata.get(RETRY_KEY)) / 1000
        return OverloadedError(f"{what}: {details}", retry_after_s=retry_s)
    if isinstance(kind, type) and issubclass(kind, SteerError):
        return kind(f"{what}: {details}")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return LateError(
            f"{what}: expected an answer within {budget_s:.3f} s from {target}, got none"
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return UnreachableError(f"{what}: expected a steer server at {target}, got {details}")
    return _BY_CODE.get(code, ServerError)(f"{what}: {details or code.name}")


def _number(text: object) -> float:
    return float(text) if isinstance(text, str) and text.isdigit() else 0.0
