"""What Ctrl-C does before a command's own `main` can catch it."""

import sys
from types import TracebackType

__all__ = ["end_quietly_on_interrupt"]


def end_quietly_on_interrupt() -> None:
    """Have Ctrl-C end the process with exit code 130 and one line, wherever nobody catches it.

    For the `__init__` of packages whose modules are commands: their imports take seconds. Does
    nothing unless `python -m` is just about to run a module.
    """
    if sys.argv[:1] == ["-m"]:
        sys.excepthook = _end


def _end(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    origin: BaseException | None = error
    while origin is not None:  # C extensions report it as the cause of an ImportError
        if isinstance(origin, KeyboardInterrupt):
            sys.stderr.write("interrupted\n")
            raise SystemExit(130)
        origin = origin.__cause__ or origin.__context__
    sys.__excepthook__(kind, error, traceback)
