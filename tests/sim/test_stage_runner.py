"""Running stages: what is skipped, what is begun anew, and how a run ends."""

import os
import signal
import subprocess
import sys

import pytest

from sim.stage_runner import StageError, StageRunner
from sim.stages import Stage
from sim.tasks import DEMO
from steer.errors import ConfigError

# Two stages; the first says `ready`, waits for a signal, and ends in order.
STOPPED = """
import sys
from pathlib import Path
from sim.stage_runner import StageRunner
from sim.stages import Stage
home = Path(sys.argv[1])
first = (
    "import pathlib, signal, sys, threading\\n"
    "stop = threading.Event()\\n"
    "signal.signal(signal.SIGINT, lambda *_: stop.set())\\n"
    "sys.stdout.write('ready\\\\n'); sys.stdout.flush()\\n"
    "stop.wait(30)\\n"
    f"pathlib.Path({str(home / 'ended')!r}).touch(); sys.exit(130)\\n"
)
second = f"import pathlib; pathlib.Path({str(home / 'begun')!r}).touch()"
plan = [Stage("a/data", ("-c", first), "none"), Stage("b/data", ("-c", second), "none")]
runner = StageRunner(home / "work")
try:
    with runner.opened():
        runner.run(plan, jobs=1)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.slow
def test_a_stage_whose_input_has_changed_is_run_again_from_nothing(tmp_path):
    """That its output exists does not mean that it is the output of these data."""
    data, output = tmp_path / "data.txt", tmp_path / "critic" / "critic.safetensors"
    program = (
        f"import pathlib, shutil; p = pathlib.Path({str(output)!r}); p.parent.mkdir()\n"
        f"shutil.copyfile({str(data)!r}, p)"
    )
    stage = Stage("push/critic", ("-c", program), "training 0", (output,), (data,))
    state = tmp_path / "critic-training" / "state.safetensors"

    for text in ("old", "new"):
        state.parent.mkdir(exist_ok=True)
        state.write_text("of a run on other data")
        data.write_text(text)
        StageRunner(tmp_path / "work").run([stage], jobs=1)
        assert output.read_text() == text
        assert not state.exists()


@pytest.mark.slow
def test_stages_that_run_together_have_logs_of_their_own(tmp_path):
    """Two progress bars on one terminal cannot be read."""
    plan = [Stage(f"{task}/critic", ("-c", f"print({task!r})"), "training 0") for task in DEMO]

    StageRunner(tmp_path).run(plan, jobs=2)

    for task in DEMO:
        assert (tmp_path / "logs" / f"{task}-critic.log").read_text() == f"{task}\n"


@pytest.mark.slow
def test_a_stage_that_failed_goes_on_where_it_was(tmp_path):
    """Its training state stays: only other inputs begin anew."""
    state = tmp_path / "critic-training" / "state.safetensors"
    output = tmp_path / "critic" / "critic.safetensors"
    program = (
        f"import pathlib, sys; state = pathlib.Path({str(state)!r})\n"
        f"output = pathlib.Path({str(output)!r})\n"
        "if state.exists(): output.parent.mkdir(); output.touch()\n"
        "else: state.parent.mkdir(); state.touch(); sys.exit(1)"
    )
    stage = Stage("push/critic", ("-c", program), "training 0", (output,))
    with pytest.raises(StageError):
        StageRunner(tmp_path / "work").run([stage], jobs=1)

    StageRunner(tmp_path / "work").run([stage], jobs=1)

    assert output.exists()


@pytest.mark.slow
def test_after_a_failure_no_other_stage_is_begun(tmp_path):
    """The text names the one that failed."""
    mark = tmp_path / "begun"
    plan = [
        Stage("push/audit", ("-c", "raise SystemExit(1)"), "held-out"),
        Stage("cube/audit", ("-c", f"import pathlib; pathlib.Path({str(mark)!r}).touch()"), "none"),
    ]

    with pytest.raises(StageError, match=r"^stage 'push/audit': expected exit code 0, got 1$"):
        StageRunner(tmp_path / "work").run(plan, jobs=1)

    assert not mark.exists()


@pytest.mark.slow
def test_a_stage_that_runs_again_voids_those_that_judged_it(tmp_path):
    """An audit is of the critic that was there then."""
    log = tmp_path / "audit" / "log"
    program = (
        f"import pathlib; p = pathlib.Path({str(log)!r}); p.parent.mkdir(exist_ok=True)\n"
        "p.open('a').write('audited ')"
    )
    audit = Stage("push/audit", ("-c", program), "none", (log,))
    critic = Stage("push/critic", ("-c", "pass"), "none", voids=("push/audit",))
    runner = StageRunner(tmp_path / "work")

    for stage in (audit, audit):
        runner.run([stage], jobs=1)
    assert log.read_text() == "audited "
    runner.run([critic], jobs=1)
    assert not (tmp_path / "work" / "stages" / "push-audit.json").exists()


def test_one_build_at_a_time(tmp_path):
    """Two would write to the same training state."""
    other = StageRunner(tmp_path).opened()

    with (
        StageRunner(tmp_path).opened(),
        pytest.raises(ConfigError, match="that no other build uses"),
        other,
    ):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_in_order_and_begins_no_other(tmp_path, number):
    """Ctrl-C, or whoever stops the build: nothing of it runs on."""
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout.readline() == "ready\n"

    os.killpg(process.pid, number)
    process.communicate(timeout=30)

    assert process.returncode == 130
    assert (tmp_path / "ended").exists()
    assert not (tmp_path / "begun").exists()
