from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW, generators

from autopipe.ensembles.greedy import bagged_weights, greedy_weights, without_light
from autopipe.errors import ShapeError
from autopipe.metrics import metric_for
from autopipe.task import Target, TaskKind

RMSE = metric_for(None, TaskKind.REGRESSION, None)
LABELS = {TaskKind.BINARY: np.arange(2), TaskKind.MULTICLASS: np.arange(3)}


def score(target, metric, predictions):
    """The score that the ensemble is chosen by."""
    reduction = metric.reduction
    return reduction.score(target, reduction.reduce(target, predictions))


def drawn(kind, members, rows, rng):
    """Predictions without ties, some better than others."""
    classes = len(LABELS.get(kind, ()))
    noise = rng.normal(size=(members, rows, max(1, classes)))
    if not classes:
        y = rng.normal(size=rows)
        return noise + y[:, None], Target(kind, y, 0)
    y = np.arange(rows, dtype=np.int32) % classes
    values = np.exp(noise + np.eye(classes)[y])
    return values / values.sum(axis=2, keepdims=True), Target(kind, y, classes)


CASES = {
    "kind": st.sampled_from(list(TaskKind)),
    "members": st.integers(1, 6),
    "rows": st.integers(4, 40),
    "rng": generators(),
}


@pytest.mark.parametrize("choose", [greedy_weights, bagged_weights])
@LAW
@given(**CASES)
def test_weights_are_not_negative_and_sum_to_one(choose, kind, members, rows, rng):
    predictions, target = drawn(kind, members, rows, rng)
    weights = choose(predictions, target, metric_for(None, kind, LABELS.get(kind)))
    assert weights.shape == (members,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


@LAW
@given(**CASES)
def test_the_ensemble_never_scores_below_its_best_member(kind, members, rows, rng):
    predictions, target = drawn(kind, members, rows, rng)
    metric = metric_for(None, kind, LABELS.get(kind))
    weights = greedy_weights(predictions, target, metric)
    best = max(score(target, metric, member) for member in predictions)
    average = np.tensordot(weights, predictions, axes=1)
    assert score(target, metric, average) >= best - 1e-9


@LAW
@given(members=CASES["members"], rows=CASES["rows"], rng=CASES["rng"])
def test_permuting_the_members_permutes_their_weights(members, rows, rng):
    predictions, target = drawn(TaskKind.REGRESSION, members, rows, rng)
    order = rng.permutation(members)
    weights = greedy_weights(predictions, target, RMSE)
    assert greedy_weights(predictions[order], target, RMSE) == pytest.approx(weights[order])


def test_errors_of_opposite_sign_are_weighed_against_each_other():
    target = Target(TaskKind.REGRESSION, np.zeros(2), 0)
    errors = np.array([[1.0, 1.0], [-2.0, -2.0], [9.0, 9.0]])
    weights = greedy_weights(errors[:, :, None], target, RMSE)
    assert weights == pytest.approx([2 / 3, 1 / 3, 0.0])


def test_a_member_that_adds_nothing_gets_nothing():
    target = Target(TaskKind.REGRESSION, np.zeros(3), 0)
    right, wrong = np.zeros((3, 1)), np.ones((3, 1))
    assert greedy_weights(np.stack([wrong, right]), target, RMSE).tolist() == [0.0, 1.0]


def test_of_equal_members_one_is_enough():
    predictions, target = drawn(TaskKind.REGRESSION, 1, 9, np.random.default_rng(0))
    weights = greedy_weights(np.repeat(predictions, 3, axis=0), target, RMSE)
    assert sorted(weights) == [0.0, 0.0, 1.0]


def test_a_metric_without_a_quick_form_is_served_too():
    metric = metric_for("neg_mean_absolute_error", TaskKind.REGRESSION, None)
    target = Target(TaskKind.REGRESSION, np.zeros(2), 0)
    errors = np.array([[1.0, 1.0], [-1.0, -1.0]])
    assert greedy_weights(errors[:, :, None], target, metric).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("shape", [(0, 3, 1), (2, 3), (2, 4, 1)])
def test_predictions_that_do_not_fit_the_target_are_refused(shape):
    with pytest.raises(ShapeError, match="rows"):
        greedy_weights(np.zeros(shape), Target(TaskKind.REGRESSION, np.zeros(3), 0), RMSE)


@given(**CASES, steps=st.integers(0, 50))
@LAW
def test_a_choice_that_is_cut_short_is_no_worse_than_its_best_member(
    kind, members, rows, rng, steps
):
    predictions, target = drawn(kind, members, rows, rng)
    metric = metric_for(None, kind, LABELS.get(kind))
    ticks = iter(range(100_000))
    weights = greedy_weights(
        predictions, target, metric, until=steps, now=lambda: float(next(ticks))
    )
    assert weights.any() == (steps >= members)
    best = max(score(target, metric, member) for member in predictions)
    average = np.tensordot(weights, predictions, axes=1)
    assert not weights.any() or score(target, metric, average) >= best - 1e-5 * abs(best)


def refusing(target, errors):
    raise ValueError("rows that are drawn twice")


def infinite(target, errors):
    return -np.inf


@pytest.mark.parametrize("of_samples", [refusing, infinite])
def test_samples_that_no_metric_can_score_give_no_weights(of_samples):
    predictions, target = drawn(TaskKind.REGRESSION, 5, 30, np.random.default_rng(0))
    metric = replace(RMSE, reduction=replace(RMSE.quick, score=of_samples))
    assert not bagged_weights(predictions, target, metric).any()


def broken(target, errors):
    raise ZeroDivisionError("of nothing")


@pytest.mark.parametrize("score", [refusing, broken, lambda target, errors: np.nan])
def test_a_metric_that_can_score_no_average_gives_no_weights(score):
    predictions, target = drawn(TaskKind.REGRESSION, 5, 30, np.random.default_rng(0))
    metric = replace(RMSE, reduction=replace(RMSE.quick, score=score))
    assert not greedy_weights(predictions, target, metric).any()


@pytest.mark.parametrize("divisor", [0, np.nan])
def test_averages_that_the_metric_cannot_score_are_left_out(divisor):
    target = Target(TaskKind.REGRESSION, np.arange(30.0), 0)

    def moody(target, predictions):
        mean = float(predictions.mean() - target.y.mean())
        return mean / (1 if mean < 3 else divisor)

    predictions = target.y[None, :, None] + np.array([-1.0, 1e6, 2.0])[:, None, None]
    metric = replace(RMSE, score=moody, reduction=None)
    assert greedy_weights(predictions, target, metric).tolist() == [0, 0, 1]


@pytest.mark.parametrize("samples", [3, 4, 9])
def test_a_mean_of_choices_takes_those_that_ended_in_time(samples):
    predictions, target = drawn(TaskKind.REGRESSION, 5, 30, np.random.default_rng(0))
    ticks = iter(range(100_000))
    until = samples * (5 * 20 + 1)  # a tick for each member and round, and one between
    weights = bagged_weights(
        predictions, target, RMSE, until=until, now=lambda: float(next(ticks))
    )
    assert weights.any() == (samples >= 4)
    assert (weights.sum() == pytest.approx(1)) == (samples >= 4)


@pytest.mark.parametrize(
    ("weights", "left"),
    [
        ([0.5, 0.05, 0.25, 0.2], [0, 2, 3]),
        ([1.0, 0.0], [0]),
        ([0.05] * 20, range(4, 20)),  # a fifth of the weight at most
    ],
)
def test_members_of_little_weight_are_left_out(weights, left):
    kept = without_light(np.array(weights))
    assert np.flatnonzero(kept).tolist() == list(left)
    assert kept.sum() == pytest.approx(1)
    ratios = kept[kept > 0] / np.array(weights)[kept > 0]
    assert ratios == pytest.approx(np.full(len(ratios), ratios[0]))
