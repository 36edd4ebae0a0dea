"""What a process can do to be in time: a core, a priority, no sleep of the core, no collection."""

import gc
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from steer.errors import InvalidInputError

__all__ = ["cores", "settled"]

_PRIORITY = 40
"""Above all ordinary work, the kernel's included, and below its interrupts, which have 50."""
_LATENCY = Path("/dev/cpu_dma_latency")
"""Linux keeps every core from sleeping deeper than a latency, while who wrote it has this open."""


def cores() -> tuple[int, ...]:
    """Return the cores that the calling thread may run on; none where the system does not say."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


@contextmanager
def settled(
    core: int | None = None, *, priority: int | None = None, is_kept_awake: bool = True
) -> Iterator[str]:
    """Make the calling thread as punctual as the machine lets it; give what was done, in words.

    Enter it in the thread of the control loop, once everything is imported and made: processes and
    threads that are started inside would share the core. Leaving it gives everything back. What
    exists on entering is not looked at by the garbage collector, whose longest pauses are over all
    objects.

    With a priority of real time (SCHED_FIFO) nothing without one runs on that core while the loop
    has something to do, ksoftirqd and kworkers among it: a robot must not spin in `observe` or
    `act` for what these bring. Without, whatever else runs there goes on for milliseconds first.
    Python's lock knows no priorities: another thread of the process that holds it is waited for.

    Args:
        core: To stay on, and best kept free of everything else; None for any.
        priority: Of real time, 1 to 99; 0 for none. None for 40, or what this process may take of
            that: root may, and who has `rtprio` in /etc/security/limits.conf.
        is_kept_awake: Whether all cores wait awake until this is left (or, once forked, until the
            children end, too), where this process may ask for it, as root may: a core that sleeps,
            above all a virtual one, can be milliseconds late. It costs power.

    Raises:
        InvalidInputError: The thread may not run on that core, or not with that priority.
    """
    done = ["what was made before is not looked at by the garbage collector"]
    with ExitStack() as undo:
        gc.collect()
        gc.freeze()
        undo.callback(gc.unfreeze)
        if not cores():
            yield f"on any core, for this system has no call for another; {done[0]}"
            return
        if core is not None:
            undo.callback(os.sched_setaffinity, 0, cores())
            try:
                os.sched_setaffinity(0, {core})
            except OSError as error:
                contract = "one that this process may use"
                raise InvalidInputError.expected("core", contract, core) from error
            done.append(f"on core {core}")
        if priority != 0:
            was = os.sched_getscheduler(0) | os.SCHED_RESET_ON_FORK
            undo.callback(os.sched_setscheduler, 0, was, os.sched_getparam(0))
            done.append(_take(priority))
        if is_kept_awake:
            done.append(_keep_awake(undo))
        yield "; ".join(reversed(done))


def _take(priority: int | None) -> str:
    """Take a priority of real time, 40 or less where it is None; return what was taken."""
    for wanted in (_PRIORITY, _allowed()) if priority is None else (priority,):
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK  # what it starts is as everything else
        try:
            os.sched_setscheduler(0, policy, os.sched_param(wanted))
        except OSError as error:
            if priority is None and isinstance(error, PermissionError):
                continue
            contract = "one that this process may take"
            raise InvalidInputError.expected("priority", contract, wanted) from error
        return f"priority {wanted} of real time"
    return "no priority of real time, which this process may not take"


def _allowed() -> int:
    """Return the largest priority that limits allow, 1 to 40; one above it is refused."""
    import resource  # not on every system

    return min(max(resource.getrlimit(resource.RLIMIT_RTPRIO)[0], 1), _PRIORITY)


def _keep_awake(undo: ExitStack) -> str:
    """Keep the cores from sleeping; return whether they are."""
    try:
        descriptor = os.open(_LATENCY, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return "cores may sleep, for this process may not keep them awake"
    undo.callback(os.close, descriptor)
    os.write(descriptor, struct.pack("=i", 0))
    return "cores kept awake"
