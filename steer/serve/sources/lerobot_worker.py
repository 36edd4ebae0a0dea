"""The policy worker: `python -m steer.serve.sources.lerobot_worker`, started by the server alone.

It holds all checkpoints, so that their Python, threads and prints never touch the server. It reads
messages from its standard input and answers on what was its standard output; everything that a
library prints goes to the standard error, which the server passes on to its log.

The conversation:

1. The server sends `{device, checkpoints: {name: {directory, observations, is_guided}}}`.
2. The worker answers `{kind: "ready", policies: {name: probe}}`, or `{kind: "failed", text}` and
   ends.
3. The server sends `{id, policy, num_candidates, noise_seed, budget_s, instruction}` with the
   observations as arrays [t, …]; for a policy that guides its chunks by what runs with that, as
   `running` [R, A], and `frozen`, too.
4. The worker answers `{kind: "chunks", id, is_last}` with `actions`: candidate 0 as soon as it is
   there, then the rest; or `{kind: "error", id, text}`. Back to 3.

It ends at once when its standard input closes, in the middle of a draw too: no orphan outlives its
server.
"""

import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from steer.clock import Clock, MonotonicClock
from steer.errors import PolicyError, SteerError
from steer.serve.sources.framing import Message, read_message, write_message

__all__ = ["main"]

logger = logging.getLogger("policy_worker")

_MAX_TEXT = 500
_NOISY = ("lerobot", "transformers", "diffusers", "huggingface_hub", "datasets", "PIL")


def main() -> int:
    """Serve until the standard input closes; returns 1 where the checkpoints cannot be loaded."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server decides
    incoming, outgoing = _take_pipes()
    faulthandler.enable()
    _configure_logging()
    clock = MonotonicClock()
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(incoming, messages), daemon=True).start()
    body, name = messages.get().body, ""
    drawers: dict[str, Any] = {}
    probes: dict[str, Any] = {}
    try:
        import torch

        torch.set_num_threads(1)
        for name, item in body["checkpoints"].items():
            drawers[name], probes[name] = _load(name, item, body["device"], clock)
    except Exception as error:
        logger.exception("loading failed policy=%s", name)
        text = f"policy {name!r}: {_one_line(error)}"
        write_message(outgoing, Message({"kind": "failed", "text": text}))
        return 1
    write_message(outgoing, Message({"kind": "ready", "policies": probes}))
    while True:
        message = messages.get()
        try:
            _answer(message, drawers, clock, outgoing)
        except Exception as error:
            logger.exception("draw failed")
            body = {"kind": "error", "id": message.body["id"], "text": _one_line(error)}
            write_message(outgoing, Message(body))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes for messages alone: libraries read nothing, and what they print is logged."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, outgoing


def _receive(incoming: BinaryIO, messages: "queue.SimpleQueue[Message]") -> None:
    """Queue what comes; end the process when the server closes the pipe or is gone."""
    try:
        while (message := read_message(incoming)) is not None:
            messages.put(message)
    except (PolicyError, OSError):
        logger.exception("the pipe from the server is broken")
    finally:
        os._exit(0)


def _configure_logging() -> None:
    """Write one line a record, level first, for the server to pass on."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.captureWarnings(capture=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)


def _load(
    name: str, item: Mapping[str, Any], device: str, clock: Clock
) -> tuple[Any, dict[str, Any]]:
    """Load and try a checkpoint; return its drawer and what was found."""
    from steer.serve.sources.drawing import Drawer
    from steer.serve.sources.loading import load_policy

    begun_s = clock.now_s()
    loaded = load_policy(Path(item["directory"]), device=device, is_guided=item["is_guided"])
    drawer = Drawer(loaded, clock)
    zeros = {
        key: np.zeros((1, *shape), np.dtype(dtype)) for key, dtype, shape in item["observations"]
    }
    probe = drawer.probe(zeros)
    logger.info(
        "loaded policy=%s load_s=%.1f first_ms=%.1f four_more_ms=%.1f",
        name,
        clock.now_s() - begun_s,
        1000 * probe.first_s,
        1000 * probe.batch_s,
    )
    return drawer, asdict(probe)


def _answer(message: Message, drawers: Mapping[str, Any], clock: Clock, outgoing: BinaryIO) -> None:
    """Answer one request: candidate 0 first, then the rest if there is time."""
    body = message.body
    deadline_s = clock.now_s() + body["budget_s"]
    drawer = drawers[body["policy"]]
    arrays = dict(message.arrays)
    running, frozen = arrays.pop("running", None), body["frozen"]
    batch = drawer.observe(arrays, body["instruction"], running=running, frozen=frozen)
    first = drawer.draw_first(batch, noise_seed=body["noise_seed"])
    more = body["num_candidates"] - 1
    answer = {"kind": "chunks", "id": body["id"], "is_last": more == 0}
    write_message(outgoing, Message(answer, {"actions": first}))
    if more:
        rest = drawer.draw_rest(
            batch, num_chunks=more, noise_seed=body["noise_seed"], deadline_s=deadline_s
        )
        drawn = {} if rest is None else {"actions": rest}
        write_message(outgoing, Message({**answer, "is_last": True}, drawn))


def _one_line(error: Exception) -> str:
    if isinstance(error, SteerError):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_TEXT]


if __name__ == "__main__":
    # Not sys.exit: the receiving thread sits in a read, which the interpreter's end would wait for.
    os._exit(main())
