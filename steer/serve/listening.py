"""Where and how the gRPC server listens: its options, its credentials, its address."""

import ssl
from pathlib import Path

import grpc
import grpc.aio

from steer.errors import ConfigError
from steer.serve.config import ServeConfig

__all__ = ["listen", "make_server"]


def make_server(config: ServeConfig) -> grpc.aio.Server:
    """Return a gRPC server that listens nowhere yet."""
    # A session may hold a stream for as long as it lives; that takes nothing from the calls.
    most = 4 * config.max_waiting + config.max_sessions
    return grpc.aio.server(options=_options(config), maximum_concurrent_rpcs=most)


def listen(server: grpc.aio.Server, config: ServeConfig) -> str:
    """Bind the configured address.

    Returns:
        `HOST:PORT` with the real port, where port 0 was asked for.

    Raises:
        ConfigError: The address is in use or not this machine's, a PEM file is missing or bad, or
            the key is not the certificate's.
    """
    credentials = _credentials(config)
    try:
        if credentials is None:
            port = server.add_insecure_port(config.listen)
        else:
            port = server.add_secure_port(config.listen, credentials)
    except RuntimeError as error:
        raise ConfigError(
            f"--listen: expected a free address of this machine, got {config.listen!r}, which is "
            "in use or not this machine's"
        ) from error
    return f"{config.listen.rpartition(':')[0]}:{port}"


def _options(config: ServeConfig) -> list[tuple[str, int]]:
    """Return the options of the gRPC server."""
    return [
        ("grpc.max_receive_message_length", config.max_message_mib << 20),
        # A reply may hold all candidates of its request.
        ("grpc.max_send_message_length", config.max_message_mib << 20),
        # Of one connection: room for a site's gateway that brings all its robots over one.
        ("grpc.max_concurrent_streams", 64),
        # Robots ping every second; gRPC's default calls that an attack after three.
        ("grpc.http2.min_ping_interval_without_data_ms", 500),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        # A peer whose kernel still acknowledges is found dead by this alone.
        ("grpc.http2.ping_timeout_ms", 5_000),
        # So that robots spread again over replicas, and take up new certificates.
        ("grpc.max_connection_age_ms", 30 * 60_000),
        ("grpc.max_connection_age_grace_ms", 10_000),
        # Identity only: nothing that is small on the wire and large in memory.
        ("grpc.compression_enabled_algorithms_bitset", 1),
        # Two servers on one port would share its robots silently.
        ("grpc.so_reuseport", 0),
    ]


def _credentials(config: ServeConfig) -> grpc.ServerCredentials | None:
    if config.tls_cert is None or config.tls_key is None:
        return None
    pair = (_pem(config.tls_key, "--tls-key"), _pem(config.tls_cert, "--tls-cert"))
    root = _pem(config.client_ca, "--client-ca") if config.client_ca else None
    _check(config.tls_cert, config.tls_key, config.client_ca)
    return grpc.ssl_server_credentials(
        [pair], root_certificates=root, require_client_auth=root is not None
    )


def _pem(path: Path, option: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{option}: expected a PEM file, got {path}: {error.strerror}") from error
    if b"-----BEGIN" not in data:
        raise ConfigError(f"{option}: expected a PEM file, got {path}, which is another kind")
    return data


def _check(cert: Path, key: Path, client_ca: Path | None) -> None:
    """Refuse what gRPC would refuse later, with no word why.

    Raises:
        ConfigError: A file does not hold what its option says, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password=lambda: "")  # never ask the terminal for one
    except ssl.SSLError as error:
        raise ConfigError(
            f"--tls-cert and --tls-key: expected a certificate and its own key, not encrypted, got "
            f"{cert} and {key}: {error.reason or error}"
        ) from error
    try:
        if client_ca is not None:
            context.load_verify_locations(client_ca)
    except ssl.SSLError as error:
        raise ConfigError(
            f"--client-ca: expected certificates, got {client_ca}: {error.reason or error}"
        ) from error
