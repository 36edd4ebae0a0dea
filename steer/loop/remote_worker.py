"""System 2's process: `python -m steer.loop.remote_worker DIR`, started by `RemotePlanner` alone.

It takes the newest request out of the shared memory, asks the server, and puts the chunk back. It
has no queue: what was not begun when something newer came is never asked. It ends when its standard
input closes, so it does not outlive its robot.
"""

import logging
import os
import shutil
import sys
import threading
from pathlib import Path

from steer.client import SteerClient
from steer.clock import Clock, MonotonicClock
from steer.errors import (
    AccessError,
    ConfigError,
    EmbodimentMismatchError,
    InvalidInputError,
    SessionError,
    SteerError,
)
from steer.loop.asking import asked
from steer.loop.handover import (
    chunk_from_bytes,
    chunk_to_bytes,
    request_from_bytes,
    sensed_from_bytes,
)
from steer.loop.latest import Latest
from steer.loop.monitors import Monitors
from steer.loop.planner import Sensed
from steer.loop.remote import CHUNKS, REFUSED, REQUESTS, SENSED, Remote, write_refusal

__all__ = ["main"]

logger = logging.getLogger(__name__)

_POLL_S = 0.001
_RETRY_S = 0.05
"""Between two attempts at a server that does not answer."""
_FINAL = (
    InvalidInputError,
    ConfigError,
    EmbodimentMismatchError,
    SessionError,
    AccessError,
)
"""What a server says to a session that it will refuse the next time, too."""


def main() -> int:
    """Serve one robot until its standard input closes."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    directory = Path(sys.argv[1])
    told = sys.stdin.readline()
    if not told:  # the robot has gone before it said anything
        shutil.rmtree(directory, ignore_errors=True)
        return 0
    remote = Remote.from_json(told)
    threading.Thread(target=_end_with_input, args=(directory,), daemon=True).start()
    requests, chunks = Latest(directory / REQUESTS), Latest(directory / CHUNKS)
    sensed = Latest(directory / SENSED) if remote.rescore_s else None
    limits = remote.thresholds
    monitors = None if limits is None else Monitors(limits.scale, limits)
    clock = MonotonicClock()
    with SteerClient(remote.target, tls=remote.tls) as client:
        try:
            _open(client, remote, clock)
        except _FINAL as error:
            write_refusal(directory, str(error))
            return REFUSED
        done, trouble, answered = 0, "", _answered(chunks)
        while True:
            found = requests.read(after=done)
            if found is None:
                clock.sleep(_POLL_S)
                continue
            try:
                request = request_from_bytes(found[1])
                if (request.epoch, request.sequence) <= answered:  # by the process before this one
                    done = found[0]
                    continue
                chunk = asked(
                    client,
                    remote,
                    request,
                    newest=lambda: _newest(sensed),
                    clock=clock,
                    monitors=monitors,
                )
                chunks.write(chunk_to_bytes(chunk))
                done, trouble = found[0], ""
            except SteerError as error:  # asked again, or what is newer by then
                trouble = _noted(trouble, str(error))
                clock.sleep(_RETRY_S)


def _open(client: SteerClient, remote: Remote, clock: Clock) -> None:
    """Open the session, however long the server takes to be there.

    Raises:
        SteerError: One of `_FINAL`: it will never be opened.
    """
    trouble = ""
    while True:
        try:
            client.open_session(
                remote.embodiment,
                critic=remote.critic,
                policy=remote.policy,
                selection=remote.selection,
                robot=remote.robot,
            )
            return
        except _FINAL:
            raise
        except SteerError as error:
            trouble = _noted(trouble, str(error))
            clock.sleep(_RETRY_S)


def _answered(chunks: Latest) -> tuple[int, int]:
    """Return epoch and sequence of the last request that was answered; less than any for none."""
    found = chunks.read()
    if found is None:
        return (-1, -1)
    chunk = chunk_from_bytes(found[1])
    return (chunk.epoch, chunk.sequence)


def _newest(sensed: Latest | None) -> Sensed | None:
    found = None if sensed is None else sensed.read()
    return None if found is None else sensed_from_bytes(found[1])


def _noted(before: str, text: str) -> str:
    """Log a trouble where it is another than the last one."""
    if text != before:
        logger.warning("no chunk: %s", text)
    return text


def _end_with_input(directory: Path) -> None:
    """End the process when its robot closes the pipe or is gone, and leave nothing behind."""
    try:
        sys.stdin.read()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
