"""How a command ends that is refused or interrupted.

While modules are imported, a KeyboardInterrupt may be swallowed by C code, or come out as another
error. So until `main` begins, Ctrl-C ends the process by itself.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from steer.errors import SteerError

__all__ = ["GOES_ON", "end_quietly_on_interrupt", "exit_code", "run"]

GOES_ON = "the same command goes on with what is missing"
"""What a command says that was interrupted and keeps what it did."""


def end_quietly_on_interrupt() -> None:
    """Have Ctrl-C end the process with exit code 130 and one line, until `run` is called.

    For the `__init__` of packages whose modules are commands: their imports take seconds. Does
    nothing unless `python -m` is just about to run a module, nor where Ctrl-C is ignored.
    """
    if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


_Result = TypeVar("_Result")


def run(main: Callable[[], _Result]) -> _Result:
    """Run a command's `main`, in which Ctrl-C is a KeyboardInterrupt again; return its result."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return main()


def exit_code(program: str, work: Callable[[], int], *, interrupted: str = "") -> int:
    """Do a command's work and return its exit code: its own, 2 refused, 130 interrupted.

    Args:
        program: Its name, before the text of an error.
        work: Returns an exit code, or raises SteerError or OSError with a text for the user.
        interrupted: What to say after Ctrl-C, beside that.
    """
    try:
        return work()
    except (SteerError, OSError) as error:
        sys.stderr.write(f"{program}: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; {interrupted}\n" if interrupted else "interrupted\n")
        return 130


def _end(signum: int, frame: FrameType | None) -> None:
    del signum, frame  # Unused.
    os.write(2, b"interrupted\n")
    os._exit(130)
