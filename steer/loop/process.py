"""What a process can do to be in time: a core, a priority, no sleep of the core, no collection."""

import gc
import os
import struct
from pathlib import Path

from steer.errors import InvalidInputError

__all__ = ["cores", "settle"]

_PRIORITY = 40
"""Above all ordinary work and below the kernel's own threads, which have 50."""
_LATENCY = Path("/dev/cpu_dma_latency")
"""Linux keeps every core from sleeping deeper than a latency, while who wrote it has this open."""


def cores() -> tuple[int, ...]:
    """Return the cores that the calling thread may run on; none where the system does not say."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def settle(
    core: int | None = None, *, priority: int | None = None, is_kept_awake: bool = True
) -> str:
    """Make the calling thread as punctual as the machine lets it; return what was done, in words.

    Call it in the thread of the control loop, once everything is imported and made: processes and
    threads that are started afterwards would share the core. What exists by then is never again
    looked at by the garbage collector, whose longest pauses are over all objects.

    With a priority of real time (SCHED_FIFO) nothing without one runs on that core while the loop
    has something to do; without, whatever else is running there goes on for milliseconds first. A
    robot must not spin in `observe` or `act`: Linux leaves 5% of a core to all others.

    Args:
        core: To stay on, and best kept free of everything else; None for any.
        priority: Of real time, 1 to 99; 0 for none. None for one where this process may take it,
            as root may, or by `rtprio` in /etc/security/limits.conf.
        is_kept_awake: Whether cores wait awake for as long as this process lives, where it may ask
            for that, as root may: one that sleeps, above all a virtual one, can be milliseconds
            late. It costs power.

    Raises:
        InvalidInputError: The thread may not run on that core, or not with that priority.
    """
    done = ["what was made before is not looked at by the garbage collector"]
    gc.collect()
    gc.freeze()
    if not cores():
        return f"on any core, for this system has no call for another; {done[0]}"
    if core is not None:
        try:
            os.sched_setaffinity(0, {core})
        except OSError as error:
            contract = "one that this process may use"
            raise InvalidInputError.expected("core", contract, core) from error
        done.append(f"on core {core}")
    if is_kept_awake:
        done.append(_keep_awake())
    if priority != 0:
        done.append(_take(priority))
    return "; ".join(reversed(done))


def _take(priority: int | None) -> str:
    """Take a priority of real time, any that may be taken where it is None; return what was."""
    wanted = _PRIORITY if priority is None else priority
    policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK  # what it starts is as everything else
    try:
        os.sched_setscheduler(0, policy, os.sched_param(wanted))
    except OSError as error:
        if priority is None:
            return "no priority of real time, which this process may not take"
        contract = "one that this process may take"
        raise InvalidInputError.expected("priority", contract, priority) from error
    return f"priority {wanted} of real time"


def _keep_awake() -> str:
    """Keep the cores from sleeping until this process ends; return whether they are."""
    try:
        descriptor = os.open(_LATENCY, os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, struct.pack("=i", 0))  # and stays open: closing it would end it
    except OSError:
        return "cores may sleep, for this process may not keep them awake"
    return "cores kept awake"
