"""Intervals and sets hold the truth as often as promised."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopipe.ensembles.intervals import Conformal
from autopipe.errors import OptionError
from autopipe.task import Target, TaskKind


def numbers(y: np.ndarray, weights: np.ndarray | None = None) -> Target:
    return Target(TaskKind.REGRESSION, y, 0, weights)


def skewed(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions, and truths whose errors are skewed and grow with the prediction."""
    predicted = rng.uniform(1.0, 10.0, size=rows)
    return predicted[:, None], predicted + predicted * (rng.exponential(size=rows) - 1.0)


def share_inside(intervals: np.ndarray, y: np.ndarray) -> float:
    return float(((intervals[:, 0] <= y) & (y <= intervals[:, 1])).mean())


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("rows", [30, 100, 1_000])
def test_exchangeable_rows_are_covered_as_often_as_promised(rows, coverage):
    rng = np.random.default_rng(rows)
    shares = []
    for _ in range(200):
        conformal = Conformal.of(*map_target(skewed(rng, rows)))
        new, truth = skewed(rng, 200)
        shares.append(share_inside(conformal.interval(new, coverage), truth))
    error = np.std(shares) / np.sqrt(len(shares))
    assert coverage - 3 * error <= np.mean(shares) <= coverage + 2 / (rows + 1) + 0.02


def map_target(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, Target]:
    return pair[0], numbers(pair[1])


def test_intervals_are_wider_where_errors_were_larger():
    rng = np.random.default_rng(0)
    conformal = Conformal.of(*map_target(skewed(rng, 2_000)))
    low, high = np.diff(conformal.interval(np.array([[2.0], [9.0]]), 0.9)).ravel()
    assert high > 2.5 * low


def test_the_ends_are_the_errors_that_the_formula_counts():
    # Of 39 errors -19 .. 19 the 38th from either end promises 95 % = 38 / 40.
    conformal = Conformal.of(np.zeros((39, 1)), numbers(np.arange(-19.0, 20.0)))
    assert conformal.interval(np.zeros((1, 1)), 0.9).tolist() == [
        [pytest.approx(-18.0), pytest.approx(18.0)]
    ]


def test_too_few_rows_promise_nothing():
    conformal = Conformal.of(np.zeros((18, 1)), numbers(np.arange(18.0)))
    assert np.isinf(conformal.interval(np.zeros((1, 1)), 0.9)).all()


def test_a_row_of_weight_two_counts_as_two():
    errors = np.arange(-50.0, 51.0)
    weights = np.ones(101)
    weights[90:] = 2.0
    twice = np.concatenate([errors, errors[90:]])
    at = np.zeros((1, 1))
    one = Conformal.of(np.zeros((101, 1)), numbers(errors, weights)).interval(at, 0.8)
    other = Conformal.of(np.zeros((112, 1)), numbers(twice)).interval(at, 0.8)
    np.testing.assert_allclose(one, other, atol=3.0)


@given(seed=st.integers(0, 1_000), low=st.floats(0.05, 0.9), more=st.floats(0.0, 0.09))
def test_more_coverage_never_makes_an_interval_narrower(seed, low, more):
    rng = np.random.default_rng(seed)
    conformal = Conformal.of(*map_target(skewed(rng, 60)))
    new, _ = skewed(rng, 5)
    narrow, wide = conformal.interval(new, low), conformal.interval(new, low + more)
    assert (wide[:, 0] <= narrow[:, 0]).all() and (wide[:, 1] >= narrow[:, 1]).all()


def labelled(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, Target]:
    shares = rng.dirichlet(np.ones(4), size=rows)
    y = (rng.random((rows, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(max=3)
    return shares, Target(TaskKind.MULTICLASS, y.astype(np.int32), 4)


@pytest.mark.parametrize("coverage", [0.6, 0.9])
def test_sets_hold_the_true_class_as_often_as_promised(coverage):
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(100):
        conformal = Conformal.of(*labelled(rng, 150))
        new, target = labelled(rng, 200)
        sets = conformal.sets(new, coverage)
        shares.append(sets[np.arange(200), target.y].mean())
    assert coverage - 0.01 <= np.mean(shares) <= coverage + 0.02


def test_no_set_is_empty_and_more_coverage_only_adds_classes():
    rng = np.random.default_rng(1)
    conformal = Conformal.of(*labelled(rng, 300))
    new, _ = labelled(rng, 100)
    former = np.zeros((100, 4), dtype=bool)
    for coverage in (0.1, 0.5, 0.9, 0.99):
        sets = conformal.sets(new, coverage)
        assert sets.any(axis=1).all() and (sets >= former).all()
        former = sets


@pytest.mark.parametrize("coverage", [0, 1, 90, -0.1, float("nan"), "0.9", None])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    conformal = Conformal.of(np.zeros((30, 1)), numbers(np.arange(30.0)))
    with pytest.raises(OptionError, match="between 0 and 1"):
        conformal.interval(np.zeros((1, 1)), coverage)


def test_errors_survive_json_and_many_rows_keep_a_part_of_them():
    rng = np.random.default_rng(0)
    conformal = Conformal.of(*map_target(skewed(rng, 50_000)))
    assert len(conformal.errors) == 5_000
    assert Conformal.restore(json.loads(json.dumps(conformal.state()))) == conformal
    new, truth = skewed(rng, 20_000)
    assert share_inside(conformal.interval(new, 0.9), truth) == pytest.approx(0.9, abs=0.01)
