"""A policy worker without a policy: it does what the instruction of a request says.

    python fake_worker.py [FILE]

Speaks the protocol of `steer.serve.sources.lerobot_worker`. Candidate i of request n is filled with
n + i / 100, where n counts the requests that have arrived. With FILE, each start appends a line to
it, and every start but the first fails while FILE has fewer than four lines.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from steer.serve.sources.framing import Message, encode_message, read_message

HORIZON, ACTION_DIM = 3, 2


def send(body, actions=None):
    """Answer with one message."""
    arrays = {} if actions is None else {"actions": actions}
    os.write(1, encode_message(Message(body, arrays)))


def answer(number, request):
    """Do what the instruction says."""
    verb, _, argument = request["instruction"].partition(" ")
    rows = np.arange(request["num_candidates"], dtype=np.float32)[:, None, None]
    actions = np.broadcast_to(number + rows / 100, (len(rows), HORIZON, ACTION_DIM)).copy()
    body = {"kind": "chunks", "id": request["id"], "is_last": False}
    last = {**body, "is_last": True}
    if verb == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "hang":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif verb == "babble":
        os.write(1, b"\xff" * 64)
    elif verb == "fail":
        send({"kind": "error", "id": request["id"], "text": "ValueError: no"})
        return
    elif verb == "mistake":
        body = last = {**last, "id": -5}
    elif verb == "nan":
        actions[int(argument), 1, 0] = np.nan
    elif verb == "shape":
        actions = actions[:, :1]
    elif verb == "wait":  # until the test opens the pipe's other end
        Path(argument).read_bytes()
    send(last if len(actions) == 1 else body, actions[:1])
    if len(actions) > 1:
        if verb == "stall":
            os.kill(os.getpid(), signal.SIGSTOP)
        send(last, actions[1:])


def main():
    """Load, then answer until the input closes."""
    load = read_message(sys.stdin.buffer).body
    sys.stderr.write("WARNING fake: loading\n")
    sys.stderr.flush()
    if len(sys.argv) > 1:
        starts = Path(sys.argv[1])
        with starts.open("a") as file:
            file.write("start\n")
        if 1 < len(starts.read_text().splitlines()) < 4:
            send({"kind": "failed", "text": "RuntimeError: not yet"})
            return
    probe = {
        "horizon": HORIZON,
        "action_dim": ACTION_DIM,
        "first_s": 0.0,
        "batch_s": 0.0,
    }
    policies = {name: {**probe, "is_stochastic": name != "same"} for name in load["checkpoints"]}
    send({"kind": "ready", "policies": policies})
    number = 0
    while (message := read_message(sys.stdin.buffer)) is not None:
        number += 1
        answer(number, message.body)


if __name__ == "__main__":
    main()
