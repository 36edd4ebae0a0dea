"""What `steer serve` can be told."""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from steer.errors import ConfigError
from steer.types import Selector

__all__ = ["BOUNDS", "ServeConfig"]

BOUNDS: Mapping[str, int] = {
    "threads": 256,
    "policy_workers": 64,
    "max_candidates": 1024,
    "max_horizon": 4096,
    "max_message_mib": 1024,
    "max_image_pixels": 1 << 28,
    "max_sessions": 1 << 20,
    "max_waiting": 1 << 16,
    "max_group": 256,
}
"""The most that each option may be; the least is 1."""


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """Serve critics, and policies if there are any, to robots."""

    critic: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """[NAME=]DIR of a critic that `steer train` wrote; may be given several times."""
    policy: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """[NAME=]lerobot:DIR of a LeRobot checkpoint; may be given several times. With `?rtc` behind
    DIR it guides its chunks by what runs (real-time chunking), where its architecture can."""
    sentence_encoder: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """DIR of the sentence encoder that a critic was trained with; may be given several times."""
    allow_unaudited: bool = False
    """Serve critics too whose audit failed or that were never audited, each with a warning."""
    device: str = "cpu"
    """`cpu` or `cuda`."""
    listen: str = "127.0.0.1:50051"
    """HOST:PORT; port 0 takes a free one and logs it."""
    tls_cert: Path | None = None
    """PEM certificate of the server."""
    tls_key: Path | None = None
    """PEM key of the server."""
    client_ca: Path | None = None
    """PEM certificates that clients' must be signed by; clients without one are refused."""
    insecure: bool = False
    """Listen beyond loopback without TLS."""
    threads: int = 1
    """Threads of the engine on a CPU."""
    policy_workers: int = 1
    """Processes that hold every policy; each draws for one robot at a time."""
    max_candidates: int = 64
    """Largest N."""
    max_horizon: int = 256
    """Largest H."""
    max_message_mib: int = 4
    """Largest request, in MiB."""
    max_image_pixels: int = 1920 * 1080
    """Largest height * width of an image."""
    max_sessions: int = 1024
    """Open sessions at a time."""
    max_waiting: int = 64
    """Requests that may wait for the engine before more are refused."""
    max_group: int = 16
    """Requests that are scored together at most; 1 makes equal requests equal to the last bit."""
    session_idle_s: float = 600.0
    """A session that nobody uses for so long expires, in seconds."""
    max_budget_s: float = 30.0
    """Larger budgets are cut to it, in seconds."""
    drain_s: float = 5.0
    """Time for open requests after SIGTERM, in seconds."""
    min_margin: float = 0.0
    """A smaller margin that a session asks for is raised to it, in discounted return."""
    gate_required: bool = False
    """Give a gate to sessions that ask for none."""
    selectors: tuple[Selector, ...] = (
        "argmax",
        "softmax",
        "implicit",
        "medoid",
        "random",
        "worst",
    )
    """What sessions may ask for."""
    expected_candidates: int = 16
    """N of the expected times, and of a Steer request that says none."""
    log_format: Literal["text", "json"] = "text"
    """How the log's lines are written."""

    def __post_init__(self) -> None:
        if not self.critic:
            raise ConfigError("--critic: expected at least one [NAME=]DIR, got none")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("--tls-cert and --tls-key: expected both or none, got one")
        if self.client_ca is not None and self.tls_cert is None:
            raise ConfigError("--client-ca: expected --tls-cert and --tls-key with it, got none")
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ConfigError(f"--listen: expected HOST:PORT, got {self.listen!r}")
        if self.tls_cert is None and not self.insecure and not _is_loopback(host):
            raise ConfigError(
                f"--listen: expected a loopback address without TLS, got {host!r}; give --tls-cert "
                "and --tls-key, or --insecure if the network is yours"
            )
        for name, most in {**BOUNDS, "expected_candidates": self.max_candidates}.items():
            if not 1 <= getattr(self, name) <= most:
                _refuse(name, f"1..{most}", getattr(self, name))
        for name in ("session_idle_s", "max_budget_s"):
            if not 0 < getattr(self, name) < math.inf:
                _refuse(name, "a finite number > 0", getattr(self, name))
        for name in ("drain_s", "min_margin"):
            if not 0 <= getattr(self, name) < math.inf:
                _refuse(name, "a finite number >= 0", getattr(self, name))
        if not self.selectors:
            _refuse("selectors", "at least one", "none")


def _refuse(name: str, contract: str, got: object) -> None:
    raise ConfigError(f"--{name.replace('_', '-')}: expected {contract}, got {got}")


def _is_loopback(host: str) -> bool:
    bare = host.strip("[]")
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
