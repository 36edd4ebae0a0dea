"""System 2's process: `python -m steer.loop.remote_worker DIR`, started by `RemotePlanner` alone.

It takes requests and observations out of the shared memory, sends the newest of them up a `Control`
stream, and puts back the chunks that come down. It has no queue: what was not sent when something
newer came is never sent. It ends when its standard input closes, so it does not outlive its robot.
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
    ArtefactError,
    ConfigError,
    EmbodimentMismatchError,
    InvalidInputError,
    SessionError,
    SteerError,
)
from steer.loop.foresee import read_forecast
from steer.loop.refusal import REFUSED, write_refusal
from steer.loop.remote import Remote
from steer.loop.talk import Talk, noted

__all__ = ["main"]

_POLL_S = 0.001
_RETRY_S = 0.05
"""Between two attempts at a server that does not answer."""
_FINAL = (
    ArtefactError,
    InvalidInputError,
    ConfigError,
    EmbodimentMismatchError,
    SessionError,
    AccessError,
)
"""What will be the same the next time, too."""


def main() -> int:
    """Serve one robot until its standard input closes."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    directory, told = Path(sys.argv[1]), sys.stdin.readline()
    if not told:  # the robot has gone before it said anything
        shutil.rmtree(directory, ignore_errors=True)
        return 0
    remote = Remote.from_json(told)
    threading.Thread(target=_end_with_input, args=(directory,), daemon=True).start()
    clock = MonotonicClock()
    with SteerClient(remote.target, tls=remote.tls) as client:
        try:
            forecast = read_forecast(remote.forecast, remote.embodiment)
            _open(client, remote, clock)
        except _FINAL as error:
            write_refusal(directory, str(error))
            return REFUSED
        talk = Talk(client.control(limits=remote.limits), remote, directory, clock, forecast)
        while True:
            try:
                is_idle = not talk.step()
            except SteerError as error:  # what is newer by then may be in order
                talk.note(str(error))
                is_idle = True
            if is_idle:
                clock.sleep(_POLL_S)


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
            trouble = noted(trouble, str(error))
            clock.sleep(_RETRY_S)


def _end_with_input(directory: Path) -> None:
    """End the process when its robot closes the pipe or is gone, and leave nothing behind."""
    try:
        sys.stdin.read()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
