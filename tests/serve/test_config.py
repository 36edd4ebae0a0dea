"""What `steer serve` refuses before it loads anything."""

from pathlib import Path

import pytest

from steer.errors import ConfigError
from steer.serve.config import ServeConfig

PEM = Path("x.pem")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"critic": ()}, "--critic: expected at least one"),
        ({"listen": "50051"}, "--listen: expected HOST:PORT, got '50051'"),
        ({"listen": "localhost:99999"}, "--listen: expected HOST:PORT"),
        ({"listen": "0.0.0.0:1"}, "expected a loopback address without TLS, got '0.0.0.0'"),
        ({"listen": "robots.example:1"}, "expected a loopback address without TLS"),
        ({"tls_cert": PEM}, "--tls-cert and --tls-key: expected both or none"),
        ({"client_ca": PEM}, "--client-ca: expected --tls-cert and --tls-key with it"),
        ({"threads": 0}, "--threads: expected 1..256, got 0"),
        ({"policy_workers": 0}, "--policy-workers: expected 1..64, got 0"),
        ({"max_candidates": 8}, "--expected-candidates: expected 1..8, got 16"),
        ({"session_idle_s": 0}, "--session-idle-s: expected a finite number > 0, got 0"),
        ({"min_margin": float("nan")}, "--min-margin: expected a finite number >= 0, got nan"),
        ({"selectors": ()}, "--selectors: expected at least one, got none"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options, text):
    """The text has the option as its user types it."""
    with pytest.raises(ConfigError, match=text):
        ServeConfig(**{"critic": ("c",), **options})


@pytest.mark.parametrize(
    "options",
    [
        {"listen": "localhost:0"},
        {"listen": "[::1]:0"},
        {"listen": "127.0.0.2:0"},
        {"listen": "0.0.0.0:0", "insecure": True},
        {"listen": "0.0.0.0:0", "tls_cert": PEM, "tls_key": PEM},
    ],
)
def test_loopback_tls_or_a_clear_wish_may_listen(options):
    """Beyond loopback it takes TLS, or --insecure."""
    assert ServeConfig(critic=("c",), **options).listen == options["listen"]
