"""Watches whether a server says that it serves: its health, asked again and again."""

import threading

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from steer.clock import Clock
from steer.errors import LateError

__all__ = ["Watch"]

_EVERY_S, _CALL_S, _CLOSE_S = 0.01, 1.0, 5.0


class Watch:
    """Asks in a thread of its own; a context manager.

    Each time over a new connection: an old one would wait before it tries again.

    Args:
        target: `HOST:PORT`.
        clock: Of the instants.
    """

    def __init__(self, target: str, clock: Clock) -> None:
        self._target, self._clock = target, clock
        self._before_s = clock.now_s()
        self._is_serving, self._is_closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._ask, name="health", daemon=True)

    def __enter__(self) -> "Watch":
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask no more."""
        self._is_closed.set()
        self._thread.join(_CLOSE_S)

    def serving_s(self, *, budget_s: float) -> float:
        """Return the instant since which it serves, as early as it can have been.

        Raises:
            LateError: It does not serve within `budget_s` seconds.
        """
        if not self._is_serving.wait(budget_s):
            raise LateError(f"server: expected SERVING within {budget_s:g} s, got none")
        return self._before_s

    def _ask(self) -> None:
        while not self._is_closed.is_set():
            asked_s = self._clock.now_s()
            if _is_serving(self._target):
                self._is_serving.set()
                return
            self._before_s = asked_s
            self._is_closed.wait(_EVERY_S)


def _is_serving(target: str) -> bool:
    with grpc.insecure_channel(target) as channel:
        try:
            found = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=_CALL_S
            )
        except grpc.RpcError:
            return False
    return bool(found.status == health_pb2.HealthCheckResponse.SERVING)
