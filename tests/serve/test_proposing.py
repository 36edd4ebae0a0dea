"""More candidates than were drawn, and fewer than were asked for, over real gRPC."""

from dataclasses import replace

import numpy as np
import pytest

from steer.client import SteerClient
from steer.errors import ConfigError, InvalidInputError, LateError
from steer.rank.adaptive import AdaptiveN
from steer.rank.widen import fitted_perturbations
from steer.types import Candidates, Provenance, Reason, Selection


@pytest.fixture
def steer(address, robot, observation):
    """Ask for a decision with all candidates, under a selection."""

    def steer(count, running=None, frozen=0, **selection):
        with SteerClient(address) as client:
            client.open_session(robot, selection=Selection(**selection))
            return client.steer(
                [replace(observation, running=running)],
                budget_s=5.0,
                num_candidates=count,
                noise_seed=7,
                frozen=frozen,
                return_candidates=True,
            )

    return steer


@pytest.mark.parametrize("selection", [{}, {"adaptive": True}, {"paraphrases": ("push it",)}])
def test_each_draw_of_a_request_is_told_what_stays(steer, source, selection):
    """Whether all candidates are drawn at once, in rounds, or under several wordings."""
    source.frozen.clear()
    source.shown.clear()
    running = np.ones((3, 2), np.float32)

    steer(8, running, frozen=2, **selection)

    assert set(source.frozen) == {2}
    assert len(source.frozen) > len(selection) - 1
    for seen in source.shown:
        np.testing.assert_array_equal(seen[-1].running, running)


def test_fitted_candidates_come_after_those_that_were_drawn(steer, robot):
    """The first is the mean of what was drawn; all are scored, and say where they came from."""
    plain, found = steer(4), steer(4, num_fitted=3)

    assert found.provenance == (Provenance.POLICY,) * 4 + (Provenance.FITTED,) * 3
    np.testing.assert_array_equal(found.candidates.actions[:4], plain.candidates.actions)
    mean = fitted_perturbations(plain.candidates.actions, robot, num_perturbations=1, seed=0)
    np.testing.assert_array_equal(found.candidates.actions[4:5], mean)
    assert (found.num_scored, len(found.scores), found.budget_hit) == (7, 7, False)


def test_nothing_is_fitted_on_one_chunk(steer):
    """A single candidate has no spread: it alone is there."""
    assert steer(1, num_fitted=3).provenance == (Provenance.POLICY,)


def test_a_clear_decision_draws_few(steer, source):
    """Where the critic's members agree at once, four candidates are drawn of eight."""
    source.calls.clear()

    found = steer(8, adaptive=True, margin=0.0)

    counts = [call[1] for call in source.calls]
    assert counts in ([4], [4, 4])
    assert found.num_scored == sum(counts)
    assert not found.budget_hit


def test_adaptive_candidates_begin_with_those_of_a_small_request(steer):
    """Candidate 0 and its companions do not depend on what is drawn after them."""
    small, found = steer(4), steer(8, adaptive=True)

    np.testing.assert_array_equal(found.candidates.actions[:4], small.candidates.actions)


def test_the_end_of_the_budget_ends_the_drawing(steer, source, monkeypatch):
    """What was drawn before is decided on; the robot is not kept waiting."""
    draw, asked = source.draw, []

    async def late(observations, **wanted):
        asked.append(wanted["num_candidates"])
        if len(asked) > 1:
            raise LateError("no time")
        return await draw(observations, **wanted)

    monkeypatch.setattr(source, "draw", late)
    monkeypatch.setattr(AdaptiveN, "needs_more", lambda *_: 4)

    found = steer(8, adaptive=True)

    assert asked == [4, 4]
    assert (found.num_scored, found.budget_hit) == (4, True)


@pytest.mark.parametrize(("most", "reason"), [(1, Reason.BUDGET), (3, Reason.UNGATED)])
def test_a_budget_that_ends_in_the_first_round_is_said(steer, source, monkeypatch, most, reason):
    """Candidate 0 alone is no choice; of several one is, but more would have been drawn."""
    monkeypatch.setattr(source, "most", most)

    found = steer(8, adaptive=True, gated=False)

    assert (len(found.provenance), found.reason, found.budget_hit) == (most, reason, True)


def test_a_budget_that_ends_in_a_later_round_is_said(steer, source, monkeypatch):
    """Of four more that were wanted two came; what was made from draws does not hide it."""
    draw = source.draw

    async def short(observations, **wanted):
        found = await draw(observations, **wanted)
        is_first = len(source.calls) == 1
        return found if is_first else Candidates(found.actions[:2])

    source.calls.clear()
    monkeypatch.setattr(source, "draw", short)
    monkeypatch.setattr(AdaptiveN, "needs_more", lambda *_: 4)

    found = steer(6, adaptive=True, num_fitted=2)

    assert (found.num_scored, found.budget_hit) == (8, True)


def test_whether_more_are_needed_is_asked_of_those_that_the_robot_could_run(steer, monkeypatch):
    """A clear winner that is not feasible decides nothing."""
    told = []

    def needs_more(plan, values_KN, num_drawn, feasible_N):
        told.append(feasible_N.tolist())
        return 0

    monkeypatch.setattr(AdaptiveN, "needs_more", needs_more)

    found = steer(8, adaptive=True)

    assert told == [list(found.feasible)]


@pytest.mark.parametrize("count", [-1, 8])
def test_too_many_fitted_are_refused(steer, count):
    """As many as the server takes at all, or fewer than none, are no selection."""
    with pytest.raises((ConfigError, InvalidInputError), match=r"selection\.num_fitted: expected"):
        steer(4, num_fitted=count)


def test_drawn_and_fitted_together_keep_the_limit(steer):
    """Six that are drawn and three that are fitted are more than eight."""
    with pytest.raises(InvalidInputError, match=r"number of candidates: expected 1\.\.8, got 9"):
        steer(6, num_fitted=3)


def test_the_running_chunk_goes_on_as_a_candidate(steer):
    """Its rest comes last bit for bit, and its end is that of a drawn chunk."""
    running = np.full((2, 2), 0.25, np.float32)

    found = steer(4, running, continuation=True)

    last = found.candidates.actions[-1]
    assert found.provenance == (Provenance.POLICY,) * 4 + (Provenance.CONTINUATION,)
    np.testing.assert_array_equal(last[:2], running)
    assert any((last[2:] == chunk[2:]).all() for chunk in found.candidates.actions[:4])


def test_nothing_goes_on_where_nothing_runs(steer):
    """At the start of an episode there is no running chunk."""
    assert steer(4, continuation=True).provenance == (Provenance.POLICY,) * 4


def test_continuity_prefers_the_drawn_chunk_that_runs_already(steer):
    """With all the weight on it, the candidate equal to the running chunk is chosen."""
    drawn = steer(4).candidates.actions

    for index in range(1, 4):
        found = steer(4, drawn[index], weights={"continuity": 1e6}, margin=0.0)

        assert found.index == index


def test_a_running_chunk_of_another_robot_is_refused(steer):
    """Three dimensions an action are not two; nothing is ranked."""
    with pytest.raises(InvalidInputError, match=r"observation\.running: expected 2 dimensions"):
        steer(4, np.zeros((2, 3), np.float32))


def test_paraphrases_have_a_share_each_behind_the_policy_s_own(steer, source):
    """Candidate 0 is that of the instruction itself; noise differs between the wordings."""
    plain = steer(7)
    source.calls.clear()
    source.told.clear()

    found = steer(7, paraphrases=("push it", "shove it"))

    texts, seeds = zip(*source.told, strict=True)
    assert texts == ("", "push it", "shove it")
    assert [call[1] for call in source.calls] == [3, 2, 2]
    assert len(set(seeds)) == 3
    assert found.provenance == (Provenance.POLICY,) * 3 + (Provenance.PARAPHRASE,) * 4
    np.testing.assert_array_equal(found.candidates.actions[0], plain.candidates.actions[0])
    assert (found.num_scored, found.budget_hit) == (7, False)


def test_fewer_candidates_than_wordings_are_the_policy_s_own(steer):
    """Nothing is left for the paraphrases."""
    assert steer(2, paraphrases=("a", "b")).provenance == (Provenance.POLICY,) * 2


@pytest.mark.parametrize(
    "texts", [("",), ("a" * 2049,), ("same", "same"), tuple(map(str, range(17)))]
)
def test_unusable_paraphrases_are_refused(texts):
    """Before they travel."""
    with pytest.raises(InvalidInputError, match=r"selection\.paraphrases: expected"):
        Selection(paraphrases=texts)
