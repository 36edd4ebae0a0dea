"""The documents: their links lead somewhere, their commands exist, their code is code."""

import ast
import contextlib
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WITH_COMMANDS = {"sim.realtime"}
"""Modules whose first word is a command with options of its own."""
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def blocks(path, language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(path):
    """Links are relative to the document, as a reader of the repository follows them."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def anchors(path):
    """Return what can be linked to in a document: its headings, as they are shown on the web."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_heading_leads_to_one(path):
    """Of the same document or of another."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", path.read_text())

    there = [(file, name, (path.parent / file) if file else path) for file, name in links]
    assert [(file, name) for file, name, found in there if name not in anchors(found)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_command_exists(path):
    """What a document tells to type after `make` is a target."""
    named = set(re.findall(r"`make ([a-z-]+)", path.read_text()))
    named |= {
        name
        for block in blocks(path, "sh")
        for name in re.findall(r"^make ([a-z-]+)", block, re.MULTILINE)
    }

    assert named - TARGETS == set()


def commands():
    """Return the commands of this project that the documents tell to type, with their options."""
    found = {}
    for path in DOCUMENTS:
        for block in blocks(path, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = line.partition("#")[0].split()
                if words[:2] == ["python", "-m"] and words[2].startswith(("sim.", "benchmarks.")):
                    size = 4 if words[2] in WITH_COMMANDS else 3
                    name, rest = " ".join(words[:size]), words[size:]
                elif words[:1] == ["steer"] and len(words) > 1:
                    name, rest = " ".join(words[:2]), words[2:]
                else:
                    continue
                options = {word.partition("=")[0] for word in rest if word.startswith("--")}
                found.setdefault(name, set()).update(options)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(commands()))
def test_every_documented_option_exists(name, capsys):
    """As the command's own help says."""
    words = name.split()
    if words[0] == "steer":
        main, arguments = importlib.import_module("steer.cli").main, [words[1], "--help"]
    else:
        module = importlib.import_module(words[2])
        if not hasattr(module, "main"):
            module = importlib.import_module(f"{words[2]}.__main__")
        main, arguments = module.main, [*words[3:], "--help"]
    with contextlib.suppress(SystemExit):
        main(arguments)

    told = capsys.readouterr().out
    assert {option for option in commands()[name] if option not in told} == set()


def test_the_readmes_python_is_python():
    """The example parses; what it does is tested with the client."""
    assert [ast.parse(block) for block in blocks(ROOT / "README.md", "python")]


def test_every_dependency_has_its_line_in_the_decisions():
    """What `pyproject.toml` asks for, `0003-dependencies.md` gives a reason for."""
    project = (ROOT / "pyproject.toml").read_text()
    reasons = (ROOT / "docs/decisions/0003-dependencies.md").read_text()
    listed = re.search(r"^dependencies = .*?^\[project\.scripts\]", project, re.M | re.S).group()
    names = set(re.findall(r"^\s*\"([a-zA-Z0-9-]+)", listed, re.MULTILINE)) - {"vla-steer"}

    assert {name for name in names if f"`{name}" not in reasons} == set()
    assert len(names) > 10
