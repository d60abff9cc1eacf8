"""From probabilities to labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    make_scorer,
    precision_score,
    recall_score,
)

from autopipe.ensembles.decisions import Decision, costs_of, decided, is_of_labels
from autopipe.errors import OptionError
from autopipe.intake.labels import named_costs
from autopipe.metrics import metric_for
from autopipe.task import Target, TaskKind

NAMES = np.array(["no", "yes"])


def binary(name: str):
    return metric_for(name, TaskKind.BINARY, np.arange(2))


def rare(rows: int, seed: int = 0) -> tuple[np.ndarray, Target]:
    """Calibrated probabilities of a class that is seldom likely, and the target."""
    rng = np.random.default_rng(seed)
    positive = 1 / (1 + np.exp(-rng.normal(-2.5, 1.5, size=rows)))
    y = (rng.random(rows) < positive).astype(np.int32)
    return np.stack([1 - positive, positive], axis=1), Target(TaskKind.BINARY, y, 2)


@given(
    st.integers(0, 10_000),
    arrays(float, 3, elements=st.floats(-4, 4, allow_nan=False)),
)
def test_weights_name_the_class_whose_weighted_probability_is_largest(seed, log_weights):
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(3), 20)
    chosen = Decision.weighing(log_weights).choose(probabilities)
    assert (chosen == (probabilities * np.exp(log_weights)).argmax(axis=1)).all()


def test_costs_move_the_threshold_to_where_both_mistakes_cost_the_same():
    # A miss costs nine false alarms: worth an alarm from 1 / (1 + 9) on (Elkan, section 1).
    decision = Decision(costs_of({("no", "yes"): 1, ("yes", "no"): 9}, NAMES))
    assert decision.threshold == pytest.approx(0.1)
    positive = np.array([0.05, 0.09, 0.11, 0.5])
    chosen = decision.choose(np.stack([1 - positive, positive], axis=1))
    assert chosen.tolist() == [0, 0, 1, 1]


def test_costs_come_as_an_array_too():
    pairs = {("no", "yes"): 1, ("yes", "no"): 9, ("yes", "yes"): -2}
    assert costs_of(pairs, NAMES).tolist() == [[0, 1], [9, -2]]
    assert costs_of([[0, 1], [9, -2]], NAMES).tolist() == [[0, 1], [9, -2]]


def test_costs_in_a_frame_go_by_its_names():
    turned = pd.DataFrame([[-2, 9], [1, 0]], index=["yes", "no"], columns=["yes", "no"])
    for costs in (turned, pd.DataFrame([[0, 1], [9, -2]])):
        assert costs_of(named_costs(costs), NAMES).tolist() == [[0, 1], [9, -2]]
    with pytest.raises(OptionError, match=r"'si'.* is no pair of classes"):
        costs_of(named_costs(turned.set_axis(["si", "no"])), NAMES)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({("no", "yes"): 1}, r"leaves out \('yes', 'no'\)"),
        ({("no", "maybe"): 1}, "is no pair of classes"),
        ([[0, 1]], r"shape \(1, 2\)"),
        ([[0, 1], [np.nan, 0]], "a finite number is wanted"),
        ([["a", "b"], ["c", "d"]], "give numbers"),
    ],
)
def test_costs_that_say_too_little_are_refused(costs, message):
    with pytest.raises(OptionError, match=message):
        costs_of(costs, NAMES)


def test_the_threshold_is_the_best_one_where_it_can_be_worked_out():
    # Of 1,000 rows at each probability so many are positive as it says.
    shares = np.array([0.05, 0.2, 0.4, 0.6, 0.9])
    y = np.concatenate([np.arange(1_000) < 1_000 * share for share in shares])
    positive = np.repeat(shares, 1_000)
    predictions = np.stack([1 - positive, positive], axis=1)
    target = Target(TaskKind.BINARY, y.astype(np.int32), 2)
    # F1 = 2 * hits / (named + 2,150), with the classes from so many shares on:
    # from .9: .590, from .6: .723, from .4: .738, from .2: .683
    decision = decided(predictions, target, np.arange(5_000) % 5, binary("f1")).decision
    assert decision is not None
    assert decision.choose(predictions[::1_000]).tolist() == [0, 0, 1, 1, 1]
    assert 0.2 < decision.threshold <= 0.4


def test_balanced_accuracy_names_a_class_from_its_share_on():
    predictions, target = rare(8_000)
    result = decided(predictions, target, np.arange(8_000) % 5, binary("balanced_accuracy"))
    assert result.decision is not None
    assert result.decision.threshold == pytest.approx(target.y.mean(), abs=0.06)


@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro"])
def test_weights_of_many_classes_help_on_rows_they_were_not_chosen_on(name):
    def drawn(seed):
        rng = np.random.default_rng(seed)
        probabilities = rng.dirichlet([8.0, 1.5, 0.5], size=6_000)
        draws = rng.random((6_000, 1))
        y = (draws > probabilities.cumsum(axis=1)).sum(axis=1).astype(np.int32)
        return probabilities, Target(TaskKind.MULTICLASS, y, 3)

    metric = metric_for(name, TaskKind.MULTICLASS, np.arange(3))
    (old, target), (new, fresh) = drawn(0), drawn(1)
    decision = decided(old, target, np.arange(6_000) % 4, metric).decision
    assert decision is not None
    certain = np.eye(3)[decision.choose(new)]
    assert metric.score(fresh, certain) > metric.score(fresh, new) + 0.02


def test_no_row_is_decided_by_weights_that_knew_it():
    predictions, target = rare(4_000)
    parts = np.arange(4_000) % 4
    flipped = Target(TaskKind.BINARY, np.where(parts == 0, 1 - target.y, target.y), 2)
    metric = binary("balanced_accuracy")
    one, other = (decided(predictions, t, parts, metric) for t in (target, flipped))
    assert one.decision is not None
    assert (one.predictions[parts == 0] == other.predictions[parts == 0]).all()


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall"])
def test_some_metrics_are_left_alone(name):
    predictions, target = rare(2_000)
    result = decided(predictions, target, np.arange(2_000) % 5, binary(name))
    assert result.decision is None
    assert result.predictions is predictions


def test_where_nothing_is_to_be_gained_the_most_probable_class_is_named():
    rng = np.random.default_rng(0)
    positive = rng.random(2_000)
    y = (rng.random(2_000) < positive).astype(np.int32)
    predictions = np.stack([1 - positive, positive], axis=1)
    target = Target(TaskKind.BINARY, y, 2)
    parts = np.arange(2_000) % 5
    assert decided(predictions, target, parts, binary("balanced_accuracy")).decision is None


def test_without_time_the_most_probable_class_is_named():
    predictions, target = rare(2_000)
    result = decided(
        predictions, target, np.arange(2_000) % 5, binary("f1"), deadline=0.0, now=lambda: 1.0
    )
    assert result.decision is None


def test_a_scorer_without_weights_is_shown_all_rows():
    def f1(y, predicted):
        return f1_score(y, predicted, pos_label="yes")

    metric = metric_for(make_scorer(f1), TaskKind.BINARY, NAMES)
    predictions, target = rare(2_000)
    parts = np.arange(2_000) % 5
    ours = decided(predictions, target, parts, metric).decision
    usual = decided(predictions, target, parts, binary("f1")).decision
    assert ours.threshold == usual.threshold


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f1", True), ("accuracy", True), ("matthews_corrcoef", True),
        ("roc_auc", False), ("average_precision", False), ("neg_log_loss", False),
        ("neg_brier_score", False),
    ],
)  # fmt: skip
def test_metrics_of_labels_are_told_from_others(name, expected):
    assert is_of_labels(binary(name), 2) is expected


def own_f1(y, said):
    """F1, without weights."""
    return f1_score(y, said, pos_label=1)


def test_a_users_metric_of_rare_positives_has_the_threshold_of_ours():
    predictions, target = rare(4_000)
    parts = np.arange(4_000) % 4
    own = metric_for(make_scorer(own_f1), target.kind, np.arange(2))
    found = [decided(predictions, target, parts, metric) for metric in (own, binary("f1"))]
    assert found[0].decision.threshold == pytest.approx(found[1].decision.threshold)


@pytest.mark.parametrize("unit", [1e-5, 1e6])
def test_the_unit_of_a_metric_does_not_move_the_threshold(unit):
    predictions, target = rare(2_000)
    parts, plain = np.arange(2_000) % 4, binary("f1")
    scaled = replace(plain, score=lambda *given: unit * plain.score(*given))
    found = [decided(predictions, target, parts, metric) for metric in (plain, scaled)]
    assert found[0].decision.threshold == pytest.approx(found[1].decision.threshold)


@pytest.mark.parametrize("function", [recall_score, precision_score, accuracy_score])
def test_a_scorer_of_a_function_is_left_alone_as_its_name_is(function):
    predictions, target = rare(2_000)
    metric = metric_for(make_scorer(function), target.kind, np.arange(2))
    assert decided(predictions, target, np.arange(2_000) % 4, metric).decision is None


@pytest.mark.parametrize("name", ["accuracy", "f1"])
def test_rows_in_step_with_the_sample_do_not_mislead(name):
    """Every other row is a case, as in tables of matched pairs."""
    rng = np.random.default_rng(0)
    y = np.tile([1, 0], 20_000).astype(np.int32)
    sure = 1 / (1 + np.exp(-rng.normal(1.5 * (y - 0.5), 1.0) * 1.5))
    predictions = np.stack([1 - sure, sure], axis=1)
    metric = metric_for(name, TaskKind.BINARY, np.array([0, 1]))
    target = Target(TaskKind.BINARY, y, 2)
    found = decided(predictions, target, np.arange(len(y)) // 5_000, metric)
    chosen = predictions if found.decision is None else found.predictions
    assert metric.score(target, chosen) > metric.score(target, predictions) - 0.005
