"""Where the server listens: TLS files, and the limits that gRPC itself keeps."""

import subprocess

import pytest

from steer.client import SteerClient, TlsFiles
from steer.errors import ConfigError, UnreachableError
from steer.serve.config import ServeConfig
from steer.serve.listening import _options


def tls(root):
    return {"tls_cert": root / "server.pem", "tls_key": root / "server.key"}


def test_a_tls_server_serves_who_trusts_it_and_refuses_plain_text(serving, certificates):
    """A plain-text client on the TLS port gets UNAVAILABLE, and the next client is served."""
    with serving(**tls(certificates)) as address:
        with SteerClient(address) as plain, pytest.raises(UnreachableError):
            plain.describe(budget_s=2)
        with SteerClient(address, tls=TlsFiles(ca=certificates / "server.pem")) as client:
            found = client.describe(budget_s=5)

    assert found.critics[0].name == "reach"


def test_with_a_client_ca_only_robots_with_a_certificate_are_served(serving, certificates):
    """Mutual TLS."""
    ca, robots = certificates / "server.pem", certificates / "robot.pem"
    robot = TlsFiles(ca=ca, certificate=robots, key=certificates / "robot.key")
    with serving(**tls(certificates), client_ca=robots) as address:
        stranger = SteerClient(address, tls=TlsFiles(ca=ca))
        with stranger, pytest.raises(UnreachableError):
            stranger.describe(budget_s=2)
        with SteerClient(address, tls=robot) as client:
            assert client.describe(budget_s=5).device == "cpu"


def test_a_pem_file_that_is_missing_or_is_none_is_named(serving, tmp_path):
    """The text has the option and the path."""
    (tmp_path / "bad.pem").write_text("hello")
    missing = {"tls_cert": tmp_path / "no.pem", "tls_key": tmp_path / "bad.pem"}

    with pytest.raises(ConfigError, match=r"--tls-key: .*bad\.pem"), serving(**missing):
        pass
    missing["tls_key"] = tmp_path / "no.pem"
    with pytest.raises(ConfigError, match=r"--tls-key: .*No such file"), serving(**missing):
        pass


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"tls_key": "robot.key"},
            r"--tls-cert and --tls-key: expected a certificate and its own key.*MISMATCH",
        ),
        ({"tls_key": "hollow.pem"}, "--tls-cert and --tls-key: expected a certificate and its own"),
        ({"tls_key": "locked.key"}, "--tls-cert and --tls-key: .* not encrypted, got"),
        ({"client_ca": "hollow.pem"}, "--client-ca: expected certificates, got"),
    ],
)
def test_tls_files_that_do_not_work_are_not_taken_for_a_bad_address(
    serving, certificates, changes, text
):
    """Else the operator looks for the fault in --listen. No terminal is asked for a password."""
    hollow = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"
    (certificates / "hollow.pem").write_text(hollow)
    words = ["ec", "-aes256", "-passout", "pass:secret", "-in", certificates / "server.key"]
    command = ["openssl", *words, "-out", certificates / "locked.key"]
    subprocess.run(command, check=True, capture_output=True)
    files = tls(certificates) | {name: certificates / value for name, value in changes.items()}

    with pytest.raises(ConfigError, match=text), serving(**files):
        pass


def test_grpc_is_told_every_limit():
    """One that is missing is a door left open, and nothing else would notice."""
    options = dict(_options(ServeConfig(critic=("c",), max_message_mib=3)))

    assert options == {
        "grpc.max_receive_message_length": 3 << 20,
        "grpc.max_send_message_length": 3 << 20,
        "grpc.max_concurrent_streams": 64,
        "grpc.http2.min_ping_interval_without_data_ms": 500,
        "grpc.http2.min_recv_ping_interval_without_data_ms": 500,
        "grpc.http2.max_ping_strikes": 0,
        "grpc.keepalive_time_ms": 10_000,
        "grpc.keepalive_timeout_ms": 5_000,
        "grpc.http2.ping_timeout_ms": 5_000,
        "grpc.max_connection_age_ms": 1_800_000,
        "grpc.max_connection_age_grace_ms": 10_000,
        "grpc.compression_enabled_algorithms_bitset": 1,
        "grpc.so_reuseport": 0,
    }
