"""gRPC's statuses as our errors, and TLS files that are not there."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from steer import errors
from steer.channel import TlsFiles, open_channel, steer_error
from steer.client import SteerClient
from steer.errors import ConfigError


class Failure(grpc.RpcError):
    """What a stub raises."""

    def __init__(self, code, details="", **metadata):
        self._code, self._details, self._metadata = grpc.StatusCode[code], details, metadata

    def code(self):
        return self._code

    def details(self):
        return self._details

    def trailing_metadata(self):
        return tuple((name.replace("_", "-"), value) for name, value in self._metadata.items())


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        (Failure("INVALID_ARGUMENT", "a"), "InvalidInputError", "rank: a"),
        (Failure("FAILED_PRECONDITION", "a"), "SessionError", "rank: a"),
        (Failure("UNAUTHENTICATED", "a"), "AccessError", "rank: a"),
        (Failure("PERMISSION_DENIED", "a"), "AccessError", "rank: a"),
        (Failure("UNIMPLEMENTED", "a"), "UnreachableError", "rank: a"),
        (Failure("CANCELLED", "a"), "UnreachableError", "rank: a"),
        (Failure("DATA_LOSS"), "ServerError", "rank: DATA_LOSS"),
        (
            Failure("DEADLINE_EXCEEDED", "Deadline Exceeded"),
            "LateError",
            "rank: expected an answer within 0.500 s from h:1, got none",
        ),
        (
            Failure("UNAVAILABLE", "refused"),
            "UnreachableError",
            "rank: expected a steer server at h:1, got refused",
        ),
        (
            Failure("UNAVAILABLE", "a", steer_error="PolicyError"),
            "PolicyError",
            "rank: a",
        ),
        (
            Failure("RESOURCE_EXHAUSTED", "Received message larger than max (9 vs. 8)"),
            "TooLargeError",
            "rank: Received message larger than max (9 vs. 8)",
        ),
        (Failure("RESOURCE_EXHAUSTED", "queue"), "OverloadedError", "rank: queue"),
    ],
    ids=lambda value: "" if not isinstance(value, Failure) else value.code().name,
)
def test_a_status_becomes_one_of_our_errors(failure, kind, text):
    """The name in the trailing metadata decides, then the code."""
    found = steer_error("rank", failure, target="h:1", budget_s=0.5)

    assert type(found).__name__ == kind
    assert str(found) == text


@pytest.mark.parametrize("name", ["", "annotations", "__all__", "Exception", "NoSuchError"])
def test_a_name_that_is_none_of_our_errors_is_ignored(name):
    """A server cannot make the client raise anything else."""
    failure = Failure("INTERNAL", "a", steer_error=name)

    assert type(steer_error("rank", failure, target="", budget_s=1)) is errors.ServerError


@pytest.mark.parametrize(("text", "seconds"), [("1500", 1.5), ("soon", 0.0), ("-1", 0.0)])
def test_a_time_to_wait_that_is_no_number_is_none(text, seconds):
    """What was not said is 0."""
    failure = Failure("RESOURCE_EXHAUSTED", "queue", retry_after_ms=text)

    assert steer_error("rank", failure, target="", budget_s=1).retry_after_s == seconds


def test_a_pem_file_that_is_missing_is_named(tmp_path):
    """At construction, not at the first call."""
    with pytest.raises(ConfigError) as caught:
        TlsFiles(ca=tmp_path / "ca.pem")

    expected = f"tls: expected a PEM file, got no such file: {tmp_path / 'ca.pem'}"
    assert str(caught.value) == expected


def test_a_certificate_without_its_key_is_refused(tmp_path):
    """One is of no use without the other."""
    (tmp_path / "a.pem").touch()

    with pytest.raises(ConfigError, match=r"^tls: expected certificate and key together"):
        TlsFiles(certificate=tmp_path / "a.pem")


@pytest.mark.parametrize(
    "target",
    [
        "host",
        "host:",
        ":50051",
        "host:https",
        "10.0.0.7",
        "::1",
        "[::1]",
        "http://host:50051",
        "dns:///host",
        "ipv4:10.0.0.7",
        "",
    ],
)
def test_a_target_without_a_port_is_refused(target):
    """Else gRPC would take 443, and nobody would know why no server answers there."""
    with pytest.raises(ConfigError) as caught:
        SteerClient(target)

    assert str(caught.value) == f"target: expected HOST:PORT, got {target!r}"


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1:{port}",
        "localhost:{port}",
        "dns:localhost:{port}",
        "dns:///localhost:{port}",
        "ipv4:127.0.0.1:{port},127.0.0.1:{port}",
        "unix:{path}",
        "unix://{path}",
    ],
)
def test_every_way_to_name_a_server_finds_it(name, tmp_path):
    """Sockets have no port."""
    path = tmp_path / "s"
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.add_insecure_port(f"unix:{path}")
    server.start()

    with open_channel(name.format(port=port, path=path), None) as channel:
        grpc.channel_ready_future(channel).result(timeout=10)

    server.stop(None).wait(10)
