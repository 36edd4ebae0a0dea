"""The `steer` command: parse, build, run, and clear words where something is wrong."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from steer import __version__, cli
from steer.errors import ArtefactError


def fake_modules(monkeypatch, **modules):
    """Let the command find these in the place of what it would import."""
    real = cli.importlib.import_module
    found = {name.replace("__", "."): module for name, module in modules.items()}
    stand_in = SimpleNamespace(import_module=lambda name: found.get(name) or real(name))
    monkeypatch.setattr(cli, "importlib", stand_in)


@dataclass(frozen=True, kw_only=True)
class FakeConfig:
    critic: str = ""
    policy: str | None = None
    margins: list[int] = field(default_factory=list)


def test_help_lists_the_commands_without_loading_torch():
    """`steer --help` is quick, and works without the extras."""
    code = (
        "import sys; from steer.cli import main; code = main(['--help']); "
        "sys.exit(code or bool({'torch', 'tyro', 'lerobot', 'grpc'} & set(sys.modules)))"
    )

    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stderr) == (0, "")
    names = "serve label train audit candidates frames novelty head card replay version"
    for command in names.split():
        assert f"  {command} " in found.stdout


def test_version_says_which(capsys):
    """Both spellings."""
    assert [cli.main(["version"]), cli.main(["--version"])] == [0, 0]
    assert capsys.readouterr().out == f"steer {__version__}\n" * 2


def test_an_unknown_command_says_which_there_are(capsys):
    """Exit code 2."""
    assert cli.main(["srve"]) == 2
    assert capsys.readouterr().err == (
        "steer: error: expected one of the commands serve, label, train, audit, candidates, "
        "frames, novelty, head, card, replay, version, got 'srve'\n"
    )


def test_a_typo_in_an_option_says_which_options_there_are(capsys):
    """Exit code 2, and the option that was meant."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["serve", "--critic", "x", "--devise", "cpu"])

    assert caught.value.code == 2
    text = capsys.readouterr()
    assert "--devise" in text.err + text.out
    assert "--device" in text.err + text.out


def test_help_that_nobody_reads_to_its_end_leaves_no_traceback():
    """As in `steer train --help | head -1`."""
    code = "import sys; from steer.cli import main; sys.exit(main(['train', '--help']))"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()

    assert (process.wait(60), error) == (141, b"")


def test_options_may_be_given_several_times(monkeypatch):
    """`--critic A --critic B`."""
    configs = []
    fake_modules(
        monkeypatch, steer__serve__server=SimpleNamespace(serve=lambda c: configs.append(c) or 130)
    )

    words = "--critic a=x --critic y --policy p=lerobot:z --insecure --tls-cert c --tls-key k"

    code = cli.main(["serve", *words.split(), "--selectors", "argmax", "random"])

    assert code == 130
    assert configs[0].critic == ("a=x", "y")
    assert configs[0].policy == ("p=lerobot:z",)
    assert configs[0].insecure
    assert configs[0].selectors == ("argmax", "random")


def test_an_option_that_makes_no_sense_is_one_line(capsys):
    """Exit code 2, no traceback."""
    assert cli.main(["serve", "--critic", "x", "--listen", "0.0.0.0:1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("steer: error: --listen: expected a loopback address without TLS")
    assert error.count("\n") == 1


def test_an_error_of_ours_is_one_line(monkeypatch, capsys):
    """Exit code 2."""

    def serve(config):
        raise ArtefactError("card.json: expected a critic's card, got nothing")

    fake_modules(monkeypatch, steer__serve__server=SimpleNamespace(serve=serve))

    assert cli.main(["serve", "--critic", "x"]) == 2
    assert capsys.readouterr().err == (
        "steer: error: card.json: expected a critic's card, got nothing\n"
    )


def test_ctrl_c_is_130(monkeypatch, capsys):
    """Whatever the command was doing."""

    def serve(config):
        raise KeyboardInterrupt

    fake_modules(monkeypatch, steer__serve__server=SimpleNamespace(serve=serve))

    assert cli.main(["serve", "--critic", "x"]) == 130
    assert capsys.readouterr().err == "steer: stopped\n"


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [("serve", "torch", "server"), ("train", "lerobot", "train"), ("card", "tyro", "server")],
)
def test_a_missing_package_says_what_to_type(monkeypatch, capsys, command, module, extra):
    """The extra that brings it."""

    def missing(name):
        raise ModuleNotFoundError(f"No module named '{module}'", name=f"{module}.nn")

    monkeypatch.setattr(cli, "importlib", SimpleNamespace(import_module=missing))

    assert cli.main([command]) == 2
    assert capsys.readouterr().err == (
        f"steer: error: `steer {command}` needs the package '{module}', which is not installed; "
        f"type: pip install 'vla-steer[{extra}]'\n"
    )


def test_a_module_of_ours_that_is_missing_is_a_bug(monkeypatch):
    """It is not blamed on an extra."""

    def missing(name):
        raise ModuleNotFoundError("No module named 'steer.x'", name="steer.x")

    monkeypatch.setattr(cli, "importlib", SimpleNamespace(import_module=missing))

    with pytest.raises(ModuleNotFoundError):
        cli.main(["serve"])


@pytest.mark.parametrize(("passes", "code"), [(True, 0), (False, 1)])
def test_a_failed_audit_is_1(monkeypatch, passes, code):
    """So that a script can ask."""
    module = SimpleNamespace(AuditConfig=FakeConfig, run=lambda config: passes)
    fake_modules(monkeypatch, steer__train__audit=module)

    assert cli.main(["audit", "--critic", "x"]) == code


def test_train_runs_its_configuration(monkeypatch):
    """`cli` only parses, builds and runs."""
    trained = []
    fake_modules(
        monkeypatch,
        steer__train__config=SimpleNamespace(TrainConfig=FakeConfig),
        steer__train__run=SimpleNamespace(train=trained.append),
    )

    assert cli.main(["train", "--critic", "x", "--margins", "1", "2"]) == 0
    assert trained == [FakeConfig(critic="x", margins=[1, 2])]


@pytest.fixture
def critic_dir(tmp_path):
    """A tiny critic on disk."""
    from steer.critics.artefact import save_critic
    from steer.critics.card import CriticCard, NetworkConfig
    from steer.critics.critic import Critic
    from steer.embodiment import ActionDim, Embodiment, ObservationField

    robot = Embodiment(
        name="arm",
        control_hz=10.0,
        actions=(ActionDim(name="x"),),
        observations=(ObservationField(name="observation.state", dtype="float32", shape=(2,)),),
    )
    network = NetworkConfig(encoder_hidden=4, context_dim=4, member_hidden=(4,))
    card = CriticCard(algorithm="iql", embodiment=robot, horizon=2, num_members=2, network=network)
    save_critic(Critic(card), tmp_path / "reach")
    return tmp_path / "reach"


def test_card_shows_the_card(critic_dir, capsys):
    """As JSON."""
    assert cli.main(["card", "--critic", str(critic_dir)]) == 0
    found = json.loads(capsys.readouterr().out)["selection"]
    assert found == {"beta": 1.0, "margin": 0.5, "weights": {}}


def test_card_writes_the_selection_and_why(critic_dir, capsys):
    """Margin and reason; what is not given stays, and the critic still loads."""
    from steer.critics.artefact import load_critic

    arguments = ["--critic", str(critic_dir), "--margin", "2.5", "--because", "tune seeds, N=16"]

    assert cli.main(["card", *arguments]) == 0

    card = load_critic(critic_dir).card
    assert (card.selection.margin, card.selection.beta) == (2.5, 1.0)
    assert card.training["selection_because"] == "tune seeds, N=16"


def test_card_writes_what_was_measured(critic_dir, tmp_path, capsys):
    """For this no reason is needed; the numbers are one."""
    row = {"task": "push", "policy": "dit", "alone": 0.2, "steered": 0.5, "difference": 0.3}
    path = tmp_path / "measured.json"
    path.write_text(json.dumps({"rows": [{**row, "interval": [0.1, 0.5], "n": 20}]}))

    assert cli.main(["card", "--critic", str(critic_dir), "--measured", str(path)]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert shown["measured"]["rows"][0]["policy"] == "dit"
    assert json.loads((critic_dir / "card.json").read_text()) == shown
    assert "| push | dit | 0.20 | 0.50 |" in (critic_dir / "README.md").read_text()


def test_card_writes_weights_of_scorers(critic_dir, capsys):
    """One by one: those that are not named stay."""
    from steer.critics.artefact import load_critic

    for name, weight in (("consensus", "2"), ("tournament", "0.5"), ("consensus", "0")):
        words = ["--weights", name, weight, "--because", "the bank"]
        assert cli.main(["card", "--critic", str(critic_dir), *words]) == 0

    weights = load_critic(critic_dir).card.selection.weights
    assert weights == {"consensus": 0.0, "tournament": 0.5}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--margin", "2"], "--because: expected the reason"),
        (["--margin", "-2", "--because", "x"], "selection.margin: expected"),
    ],
)
def test_card_refuses_a_selection_without_reason_or_sense(critic_dir, capsys, options, text):
    """Nothing is written."""
    before = (critic_dir / "card.json").read_bytes()

    assert cli.main(["card", "--critic", str(critic_dir), *options]) == 2

    assert text in capsys.readouterr().err
    assert (critic_dir / "card.json").read_bytes() == before
