"""A server serves critics that passed their audit, and others only where it is told to."""

import logging

import pytest

from steer.critics.artefact import save_critic
from steer.errors import ConfigError

FAILED = {"failed": ["explained"], "explained": {"value": 0.312}, "thresholds": {"explained": 0.4}}


@pytest.fixture
def saved(make_critic, tmp_path):
    """Save the small critic with an audit."""

    def saved(name, audit):
        save_critic(make_critic(audit=audit), tmp_path / name)
        return str(tmp_path / name)

    return saved


def test_a_critic_that_was_never_audited_is_refused(serving, saved, tmp_path):
    """The text has the critic, the command that audits it, and the flag."""
    with (
        pytest.raises(ConfigError) as caught,
        serving(critic=(saved("reach", None),), allow_unaudited=False),
    ):
        pass

    assert str(caught.value) == (
        "critic 'reach': expected an audit that it passed, got none; "
        f"type: steer audit --critic {tmp_path / 'reach'} --dataset DATA; "
        "or serve all the same with --allow-unaudited"
    )


def test_every_critic_without_a_passed_audit_is_named(serving, saved):
    """With the thresholds that it missed; one that passed is not."""
    critics = (
        saved("good", {"failed": [], "is_held_out": True}),
        saved("bad", FAILED),
        saved("new", None),
    )

    with (
        pytest.raises(ConfigError) as caught,
        serving(critic=critics, allow_unaudited=False),
    ):
        pass

    text = str(caught.value)
    assert "critic 'bad': expected an audit that it passed, got one that failed: explained" in text
    assert "explained 0.312 (at least 0.4); type: steer audit --critic " in text
    assert "critic 'new': expected an audit that it passed, got none" in text
    assert "good" not in text
    assert "\n" not in text


def test_a_critic_that_passed_serves_without_a_word(serving, saved, caplog):
    """That is what an audit is for."""
    critic = (saved("reach", {"failed": [], "is_held_out": True}),)

    with caplog.at_level(logging.WARNING), serving(critic=critic, allow_unaudited=False):
        pass

    assert "audit" not in caplog.text


def test_the_flag_lets_all_serve_with_one_warning_each(serving, saved, caplog):
    """The operator was told."""
    critics = (
        saved("good", {"failed": [], "is_held_out": True}),
        saved("bad", FAILED),
        saved("new", None),
    )

    with caplog.at_level(logging.WARNING), serving(critic=critics, allow_unaudited=True):
        pass

    warnings = [record.getMessage() for record in caplog.records if "audit" in record.getMessage()]
    assert warnings == [
        "critic=bad: expected an audit that it passed, got one that failed: explained 0.312 "
        "(at least 0.4)",
        "critic=new: expected an audit that it passed, got none",
    ]
