"""Which OpenGL is taken, and what is said where none works."""

import sys

import pytest

from sim import opengl
from steer.errors import ConfigError


def test_the_choice_of_the_user_is_the_only_candidate(monkeypatch):
    """Who sets MUJOCO_GL means it."""
    monkeypatch.setenv("MUJOCO_GL", "glfw")

    assert list(opengl.candidates()) == ["glfw"]


@pytest.mark.parametrize(("system", "names"), [("linux", ["egl", "osmesa"]), ("darwin", ["cgl"])])
def test_without_a_choice_those_that_need_no_display_are_tried(monkeypatch, system, names):
    """An empty variable is no choice, as for MuJoCo."""
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setattr(sys, "platform", system)

    assert list(opengl.candidates()) == names


@pytest.mark.slow
def test_an_opengl_that_does_not_work_is_refused_with_its_complaint(monkeypatch):
    """And with what to install."""
    monkeypatch.setenv("MUJOCO_GL", "crayon")

    with pytest.raises(ConfigError) as caught:
        opengl.choose()

    text = str(caught.value)
    assert text.startswith("MUJOCO_GL: expected an OpenGL that can draw without a display")
    assert text.endswith(
        "got crayon (RuntimeError: invalid value for environment variable MUJOCO_GL: crayon)"
    )


def test_the_first_that_works_is_taken(monkeypatch):
    """The others are not tried."""
    tried = []

    def complain(name):
        tried.append(name)
        return None if name == "b" else "no"

    monkeypatch.setattr(opengl, "candidates", lambda: ("a", "b", "c"))
    monkeypatch.setattr(opengl, "_complaint", complain)

    assert opengl.choose() == "b"
    assert tried == ["a", "b"]


@pytest.mark.slow
def test_a_trial_that_hangs_is_ended(monkeypatch):
    """Drivers do that."""
    monkeypatch.setattr(opengl, "_TRIAL", "import threading; threading.Event().wait()")
    monkeypatch.setattr(opengl, "_TRIAL_S", 0.3)

    assert opengl._complaint("egl") == "no picture within 0.3 s"
