"""What a server tells of itself, and what holds of what a session wants."""

from dataclasses import replace

import pytest

from steer.errors import ConfigError
from steer.serve.catalogue import Catalogue, resolve
from steer.types import Selection
from steer.wire.session import Limits


def limits(**changes):
    fields = {
        "max_candidates": 8,
        "max_horizon": 8,
        "max_message_bytes": 1 << 20,
        "max_image_pixels": 100,
        "session_idle_s": 1.0,
        "max_budget_s": 1.0,
        "expected_candidates": 4,
        "selectors": ("argmax", "random"),
        "min_margin": 0.0,
        "is_gate_required": False,
    }
    return Limits(**{**fields, **changes})


def test_what_a_session_leaves_open_comes_from_the_card(make_critic):
    """Margin and beta are the critic's own."""
    rule = resolve(Selection(), make_critic(), limits())

    assert (rule.selector, rule.gated, rule.margin, rule.beta) == ("argmax", True, 0.05, 1.0)


def test_a_session_may_choose_for_itself(make_critic):
    """Control arms are ordinary selections."""
    wanted = Selection(selector="random", gated=False, margin=2.0, beta=3.0, tau=0.9)

    rule = resolve(wanted, make_critic(), limits())

    assert (rule.selector, rule.gated, rule.margin, rule.beta) == ("random", False, 2.0, 3.0)
    assert rule.tau == 0.9


def test_weights_take_the_place_of_the_cards_one_by_one(make_critic):
    """A session that sets one scorer keeps the card's others, and 0 switches one off."""
    critic = make_critic()
    defaults = replace(critic.card.selection, weights={"consensus": 2.0, "tournament": 1.0})
    critic.card = replace(critic.card, selection=defaults)

    rule = resolve(Selection(weights={"consensus": 0.0}), critic, limits())

    assert rule.weights == {"consensus": 0.0, "tournament": 1.0}


def test_a_weight_of_a_scorer_that_there_is_not_is_refused(make_critic):
    """The text has those that there are."""
    with pytest.raises(
        ConfigError, match=r"selection.weights: expected of consensus, .* got 'luc'"
    ):
        resolve(Selection(weights={"luc": 1.0}), make_critic(), limits())


def test_the_server_clamps(make_critic):
    """A margin is raised to the smallest allowed one, and a gate is given where it must be."""
    wanted = Selection(gated=False, margin=0.1)

    rule = resolve(wanted, make_critic(), limits(min_margin=0.5, is_gate_required=True))

    assert (rule.gated, rule.margin) == (True, 0.5)


def test_a_selector_that_the_server_does_not_allow_is_refused(make_critic):
    """The text has the allowed ones."""
    with pytest.raises(ConfigError, match="expected one of argmax, random, got worst"):
        resolve(Selection(selector="worst"), make_critic(), limits())


def test_a_policy_s_expected_time_includes_ranking(make_critic, source):
    """Where the critic is not known yet, the slowest one counts."""
    catalogue = Catalogue(
        critics={"a": make_critic(), "b": make_critic()},
        sources={"noise": source},
        expected_rank_s={"a": 0.25, "b": 0.5},
        expected_draw_s={"noise": 1.0},
    )

    assert catalogue.policy_info("noise", critic="a").expected_steer_s == 1.25
    assert catalogue.policy_info("noise").expected_steer_s == 1.5
