"""Who is let in, and whom a robot trusts."""

import grpc
import pytest

from steer.client import SteerClient, TlsFiles
from steer.errors import UnreachableError


@pytest.fixture
def secure(script, serve, certificates):
    """The address of a server that asks robots for a certificate."""
    read = {path.name: path.read_bytes() for path in certificates.iterdir()}
    credentials = grpc.ssl_server_credentials(
        [(read["server.key"], read["server.pem"])],
        root_certificates=read["robot.pem"],
        require_client_auth=True,
    )
    with serve(script, credentials=credentials) as address:
        yield address


def test_a_robot_with_its_certificate_is_served(secure, certificates):
    """Mutual TLS."""
    tls = TlsFiles(
        ca=certificates / "server.pem",
        certificate=certificates / "robot.pem",
        key=certificates / "robot.key",
    )

    with SteerClient(secure, tls=tls) as client:
        assert client.describe().device == "cpu"


@pytest.mark.parametrize("with_ca", [True, False], ids=["no certificate", "plain text"])
def test_a_robot_without_tls_or_without_its_certificate_reaches_nothing(
    secure, certificates, with_ca
):
    """UnreachableError, within the budget."""
    tls = TlsFiles(ca=certificates / "server.pem") if with_ca else None

    with SteerClient(secure, tls=tls) as client, pytest.raises(UnreachableError):
        client.describe(budget_s=5)


def test_a_server_that_nobody_vouches_for_is_not_trusted(secure, certificates):
    """Its certificate is not signed by the authority that the robot was given."""
    tls = TlsFiles(ca=certificates / "robot.pem")

    with SteerClient(secure, tls=tls) as client, pytest.raises(UnreachableError):
        client.describe(budget_s=5)
