"""Ways from one chunk to the next: what becomes of a chunk that is late."""

from dataclasses import replace

import numpy as np
import pytest

from sim.realtime.__main__ import main
from sim.realtime.bouts import PLAIN
from sim.realtime.methods import ALONE, METHODS, Transition, nearest
from steer.loop.chunks import Chunk


def chunk(values, *, consumed=0, frozen=0, commit=4, sequence=1):
    actions = np.float32(values)[:, None]
    return Chunk(
        actions=actions,
        consumed=consumed,
        frozen=frozen,
        commit=min(commit, len(actions)),
        captured_at_s=0.0,
        sequence=sequence,
    )


def rows(made, consumed):
    """Return the numbers that a robot would run which has consumed so many."""
    return made.actions[consumed - made.consumed :, 0].tolist()


NEW = chunk(range(100, 110), frozen=2)
RUNNING = np.float32([7, 8, 9])[:, None]


def test_an_aligned_chunk_is_left_as_it_is():
    """System 1 drops the rows that are gone."""
    assert Transition(NEW, RUNNING, 3).spliced("aligned") is NEW


def test_a_queue_runs_it_from_its_first_row_however_late():
    """Nothing is gone, and nothing is frozen."""
    made = Transition(NEW, RUNNING, 3).spliced("row0")

    assert rows(made, 3) == list(range(100, 110))
    assert made.frozen == 0


def test_a_fade_goes_over_in_equal_parts():
    """A fifth more a tick, as long as something runs; then the new chunk alone."""
    made = Transition(NEW, RUNNING, 3).spliced("fade")

    assert rows(made, 3) == pytest.approx(
        [0.2 * 103 + 0.8 * 7, 0.4 * 104 + 0.6 * 8, 0.6 * 105 + 0.4 * 9, 106, 107, 108, 109]
    )
    assert Transition(NEW, None, 3).spliced("fade") is NEW


def test_an_ensemble_is_the_mean_of_all_that_have_a_row():
    """The oldest weighs most, by e^0.01 a chunk."""
    older = chunk([0, 0, 0, 0, 0], sequence=0)
    made = Transition(NEW, RUNNING, 3, (older,)).spliced("ensemble")

    weights = np.exp([0.0, -0.01])
    expected = [value * weights[1] / weights.sum() for value in (103, 104)]
    assert rows(made, 3) == pytest.approx([*expected, 105, 106, 107, 108, 109])


def test_chunks_that_have_ended_have_no_part_in_an_ensemble():
    """And where none overlaps it is the new one."""
    ended = chunk([0, 0], sequence=0)

    assert rows(Transition(NEW, None, 3, (ended,)).spliced("ensemble"), 3) == list(range(103, 110))


@pytest.mark.parametrize("splice", ["fade", "ensemble"])
def test_a_chunk_that_is_over_is_handed_on_to_be_refused(splice):
    """It has no row left."""
    assert Transition(NEW, RUNNING, 10).spliced(splice) is NEW


def test_the_nearest_candidate_agrees_with_what_runs_in_its_first_rows():
    """Half of the weight a row; without anything that runs it is the policy's own."""
    candidates = np.float32([[5, 0, 0], [0, 9, 0], [4, 4, 4]])[..., None]

    assert nearest(candidates, np.zeros((3, 1), np.float32)) == 1
    assert nearest(candidates, np.full((2, 1), 4, np.float32)) == 2
    assert nearest(candidates, None) == 0


def test_methods_are_told_apart_by_their_names_and_wait_alone_does_not_ask_ahead():
    """The policy alone waits, too."""
    assert [name for name, item in METHODS.items() if item.name != name] == []
    assert [name for name, item in METHODS.items() if not item.asks_ahead] == ["wait"]
    assert not ALONE.asks_ahead


def test_methods_that_guide_run_where_they_are_named_and_the_policy_offers_it(tmp_path, capsys):
    """By default there is none of them; for another policy one is refused, before a server runs."""
    guiding = [name for name, item in METHODS.items() if item.guides]
    assert guiding == ["rtc", "rtc-steered", "ours-rtc"]
    assert not set(guiding) & set(PLAIN)

    cells = ["--cells", "smolvla/fetch-push", "dit/fetch-push"]
    words = ["bench", *cells, "--methods", "rtc", "--output", str(tmp_path)]
    assert main(words) == 2
    text = "offers real-time chunking for 'rtc', got 'dit/fetch-push'"
    assert f"--methods: expected a cell whose policy {text}" in capsys.readouterr().err


def test_rtc_is_the_policy_alone_and_the_robot_freezes_nothing_for_it():
    """Those that are steered differ from what they are compared with in nothing but the guiding."""
    assert METHODS["rtc"].is_alone
    assert not METHODS["rtc"].freezes
    for name, like in (("rtc-steered", "rtc"), ("ours-rtc", "ours")):
        same = {"name": "", "what": "", "guides": True, "is_alone": False}
        assert replace(METHODS[name], **same) == replace(METHODS[like], **same)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--cells", "nonsense"], "'nonsense', of POLICY/TASK: "),
        (["--cells", "foo/fetch-push"], "policy: expected for fetch-push one of "),
        (["--cells", "dit/fetch-push", "--candidates", "0"], "--candidates: expected >= 1, got 0"),
        (["--cells", "dit/fetch-push", "--first", "-1"], "--first: expected >= 0, got -1"),
    ],
)
def test_a_bench_of_nothing_that_there_is_is_refused(words, text, tmp_path, capsys):
    """Before anything is started, by the name of the option or the cell."""
    with pytest.raises(SystemExit) as caught:
        main(["bench", *words, "--output", str(tmp_path)])
    assert caught.value.code == 2
    assert text in capsys.readouterr().err
