"""Heads: what they make of a window, in NumPy alone; files of anything else are refused."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.errors import ArtefactError, InvalidInputError
from steer.heads import EDITORS, Head, HeadCard, NumpyHead, load_head, save_head
from steer.types import Observation

WINDOW, ACTION, OBSERVED, HIDDEN, GONE = 3, 2, 4, 8, 5
KEY = "observation.state"


def card(kind="edit", **changes):
    some = {"window": WINDOW, "action_dim": ACTION, "most_gone": GONE, "about": {"seed": 0}}
    own = {"edit": {"beta": 0.1}, "cascade": {"steps": 4}}.get(kind, {})
    return HeadCard(kind=kind, keys=(KEY,), **{**some, **own, **changes})


def head(kind="edit", *, scale=1.0, seed=0):
    """Return a head of random weights."""
    rng = np.random.default_rng(seed)
    size = WINDOW * ACTION
    sizes = [OBSERVED + 2 + (kind == "cascade") + size, HIDDEN, size]
    arrays = {
        "observation_mean": rng.normal(size=OBSERVED),
        "observation_std": rng.uniform(0.5, 2, size=OBSERVED),
        "action_mean": np.zeros(ACTION),
        "action_std": np.full(ACTION, 0.5),
        "low": np.full(ACTION, -1.0),
        "high": np.full(ACTION, 1.0),
        "gain_0": np.ones(HIDDEN),
        "shift_0": np.zeros(HIDDEN),
    }
    for layer in range(2):
        arrays[f"weight_{layer}"] = scale * rng.normal(size=sizes[layer : layer + 2])
        arrays[f"bias_{layer}"] = scale * rng.normal(size=sizes[layer + 1])
    return Head(card(kind), {name: np.float32(item) for name, item in arrays.items()})


def seen(seed=1):
    return Observation({KEY: np.random.default_rng(seed).normal(size=OBSERVED).astype(np.float32)})


def windows(count=5, seed=2):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, WINDOW, ACTION)).astype(np.float32)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99), scale=st.floats(0, 50), gone=st.integers(0, 9))
def test_an_edit_is_bounded_and_within_the_range(seed, scale, gone):
    """By a tenth of the range, however wild the weights are."""
    made = NumpyHead(head(scale=scale, seed=seed)).windows(seen(), windows(), gone=gone)

    assert np.abs(made - windows()).max() <= 0.1 * 2 + 1e-6
    assert np.abs(made).max() <= 1.0


@pytest.mark.parametrize("kind", EDITORS)
def test_a_head_that_says_nothing_leaves_the_window_as_it_is(kind):
    """Weights of zero: as heads begin to learn."""
    made = NumpyHead(head(kind, scale=0.0)).windows(seen(), windows(), gone=2)

    np.testing.assert_allclose(made, windows(), atol=1e-6)


@pytest.mark.parametrize("kind", EDITORS)
def test_each_window_is_made_by_itself_from_what_is_seen_and_gone(kind):
    """Neither those beside it nor their order change it; observation and rows gone do."""
    runs = NumpyHead(head(kind))
    whole = runs.windows(seen(), windows(), gone=2)

    np.testing.assert_allclose(runs.windows(seen(), windows()[3:4], gone=2)[0], whole[3], atol=1e-6)
    assert not np.allclose(runs.windows(seen(7), windows(), gone=2), whole)
    assert not np.allclose(runs.windows(seen(), windows(), gone=0), whole)
    assert whole.dtype == np.float32


def test_what_the_head_does_not_see_is_refused():
    """A key that is missing, another length, windows of another shape."""
    runs = NumpyHead(head())
    short = Observation({KEY: np.zeros(3, np.float32)})
    for observation, given_windows, message in (
        (Observation({}), windows(), "observation 'observation.state': expected a vector"),
        (short, windows(), "observation: expected 4 numbers of observation.state, got 3"),
        (seen(), windows()[:, :2], r"windows: expected shape \[N, 3, 2\]"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            runs.windows(observation, given_windows, gone=0)


@pytest.mark.parametrize("kind", EDITORS)
def test_a_head_comes_back_as_it_was_written(kind, tmp_path):
    """Card and weights, and no partial file beside it."""
    written = head(kind)
    save_head(tmp_path / "head.npz", written)
    found = load_head(tmp_path / "head.npz")

    assert found.card == written.card
    assert found.arrays.keys() == written.arrays.keys()
    for name, item in written.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], item)
    assert [path.name for path in tmp_path.iterdir()] == ["head.npz"]


def broken(tmp_path, arrays, tree):
    path = tmp_path / "head.npz"
    np.savez(path, card=np.array(json.dumps(tree)), **arrays)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays, tree: arrays.pop("weight_1"), "expected arrays of shapes"),
        (lambda arrays, tree: arrays["low"].fill(np.nan), "expected finite float32 in low"),
        (lambda arrays, tree: tree.update(format=2), "expected format 1"),
        (lambda arrays, tree: tree.pop("kind"), "expected a card with"),
        (lambda arrays, tree: tree.update(kind="oracle"), "head.kind: expected one of edit"),
        (lambda arrays, tree: tree.update(window=4), "expected arrays of shapes"),
    ],
)
def test_a_damaged_head_is_refused(change, message, tmp_path):
    """With what is wrong in it."""
    whole = head()
    arrays, tree = dict(whole.arrays), {**asdict(whole.card), "format": 1}
    change(arrays, tree)

    with pytest.raises(ArtefactError, match=message):
        load_head(broken(tmp_path, arrays, tree))


def test_a_file_that_would_run_code_is_not_read(tmp_path):
    """Objects are never unpacked; neither is what is no file of arrays."""
    np.savez(tmp_path / "objects.npz", card=np.array([{}], dtype=object))
    (tmp_path / "text.npz").write_text("no head")
    for name in ("objects.npz", "text.npz", "missing.npz"):
        with pytest.raises(ArtefactError, match="expected a head"):
            load_head(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 0}, "head.window: expected >= 1"),
        ({"beta": 0.0}, r"head.beta: expected in \(0, 1\]"),
        ({"most_gone": -1}, "head.most_gone: expected >= 0"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(changes, message):
    """By the name of the field."""
    with pytest.raises(InvalidInputError, match=message):
        replace(card(), **changes)
