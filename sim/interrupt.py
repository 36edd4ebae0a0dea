"""What Ctrl-C does before a command's own `main` can catch it.

While modules are imported, a KeyboardInterrupt may be swallowed by C code, or come out as another
error. So until `main` begins, Ctrl-C ends the process by itself.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

__all__ = ["end_quietly_on_interrupt", "run"]


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


def _end(signum: int, frame: FrameType | None) -> None:
    del signum, frame  # Unused.
    os.write(2, b"interrupted\n")
    os._exit(130)
