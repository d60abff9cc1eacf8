from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference
from strategies import LAW

from autopipe.confusion import OF_LABELS
from autopipe.errors import OptionError
from autopipe.metrics import metric_for
from autopipe.task import Target, TaskKind

LABELS = {
    TaskKind.BINARY: np.array(["no", "yes"], dtype=object),
    TaskKind.MULTICLASS: np.array(["a", "b", "c"], dtype=object),
    TaskKind.REGRESSION: None,
}
OWN = [
    ("roc_auc", TaskKind.BINARY),
    ("roc_auc_ovr", TaskKind.MULTICLASS),
    ("neg_log_loss", TaskKind.BINARY),
    ("neg_log_loss", TaskKind.MULTICLASS),
    ("neg_root_mean_squared_error", TaskKind.REGRESSION),
]
# Some of scikit-learn's scorers, by what they suit.
FOR_LABELS = {"accuracy", "balanced_accuracy", "f1_macro", "matthews_corrcoef", "recall_micro"}
FOR_PROBABILITIES = {"roc_auc", "roc_auc_ovo", "neg_brier_score", "average_precision"}
FOR_TWO = {
    "f1",
    "precision",
    "recall",
    "jaccard",
    "positive_likelihood_ratio",
    "top_k_accuracy",
}
FOR_NUMBERS = {"r2", "neg_max_error", "neg_median_absolute_error", "neg_mean_gamma_deviance"}
SUITED = [
    *((name, TaskKind.BINARY) for name in FOR_LABELS | FOR_PROBABILITIES | FOR_TWO),
    *((name, TaskKind.MULTICLASS) for name in FOR_LABELS | FOR_PROBABILITIES),
    *((name, TaskKind.REGRESSION) for name in FOR_NUMBERS),
]


def own(name, kind):
    return metric_for(name, kind, LABELS[kind])


def shares(values):
    return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


@st.composite
def judged(draw, kind, most_rows=30):
    """A target in which every class occurs, with predictions that hold many ties."""
    classes = 0 if LABELS[kind] is None else len(LABELS[kind])
    rows = draw(st.integers(max(2, classes), most_rows))
    weights = draw(st.none() | arrays(float, rows, elements=st.integers(1, 4)))
    if not classes:
        numbers = st.floats(-100, 100, width=32)
        y = draw(arrays(float, rows, elements=numbers))
        return Target(kind, y, 0, weights), draw(
            arrays(np.float32, (rows, 1), elements=numbers)
        )
    drawn = draw(arrays(np.int32, rows - classes, elements=st.integers(0, classes - 1)))
    y = np.append(np.arange(classes, dtype=np.int32), drawn)
    values = draw(arrays(float, (rows, classes), elements=st.integers(1, 6)))
    return Target(kind, y, classes, weights), shares(values)


@pytest.mark.parametrize(("name", "kind"), OWN)
@LAW
@given(data=st.data())
def test_our_own_metrics_equal_those_of_scikit_learn(name, kind, data):
    target, predictions = data.draw(judged(kind))
    exact = predictions.astype(float)
    exact = exact / exact.sum(axis=1, keepdims=True) if target.is_classification else exact
    by_name = {
        "roc_auc": lambda: reference.roc_auc_score(
            target.y, exact[:, 1], sample_weight=target.weights
        ),
        "roc_auc_ovr": lambda: reference.roc_auc_score(
            target.y, predictions, multi_class="ovr", sample_weight=target.weights
        ),
        "neg_log_loss": lambda: (
            -reference.log_loss(target.y, exact, sample_weight=target.weights)
        ),
        "neg_root_mean_squared_error": lambda: (
            -reference.root_mean_squared_error(
                target.y, exact[:, 0], sample_weight=target.weights
            )
        ),
    }
    assert own(name, kind).score(target, predictions) == pytest.approx(
        by_name[name](), abs=1e-6
    )


def test_a_sure_mistake_costs_what_it_costs_in_scikit_learn():
    target = Target(TaskKind.BINARY, np.array([1, 0]), 2)
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    expected = -reference.log_loss(target.y, sure)
    assert own("neg_log_loss", TaskKind.BINARY).score(target, sure) == pytest.approx(expected)


REDUCED = [pair for pair in OWN if own(*pair).reduction is not None]


@pytest.mark.parametrize(("name", "kind"), REDUCED)
@LAW
@given(data=st.data())
def test_the_quick_score_equals_the_metric(name, kind, data):
    target, predictions = data.draw(judged(kind))
    metric = own(name, kind)
    quick = metric.reduction.score(target, metric.reduction.reduce(target, predictions))
    assert quick == pytest.approx(metric.score(target, predictions), abs=1e-4)


@pytest.mark.parametrize(("name", "kind"), REDUCED)
@LAW
@given(data=st.data(), share=st.floats(0, 1))
def test_an_average_of_reduced_predictions_is_the_reduced_average(name, kind, data, share):
    target, one = data.draw(judged(kind))
    other = np.roll(one, 1, axis=0)
    reduce = own(name, kind).reduction.reduce
    average = share * one.astype(float) + (1 - share) * other
    mixed = share * reduce(target, one) + (1 - share) * reduce(target, other)
    assert np.allclose(mixed, reduce(target, average), atol=1e-5)


@pytest.mark.parametrize("kind", [TaskKind.BINARY, TaskKind.MULTICLASS])
@pytest.mark.parametrize("name", [name for name in OF_LABELS if name != "f1"])
@LAW
@given(data=st.data())
def test_a_metric_of_labels_has_a_quick_form_that_equals_it(name, kind, data):
    target, predictions = data.draw(judged(kind))
    metric = metric_for(name, kind, np.arange(target.n_classes))
    quick = metric.reduction.score(target, metric.reduction.reduce(target, predictions))
    assert quick == pytest.approx(metric.score(target, predictions), abs=1e-9)


@pytest.mark.parametrize("name", ["mae", "mse", "mape", "r2"])
@LAW
@given(data=st.data())
def test_a_metric_of_errors_has_a_quick_form_that_equals_it(name, data):
    target, predictions = data.draw(judged(TaskKind.REGRESSION))
    metric = metric_for(name, TaskKind.REGRESSION, None)
    quick = metric.reduction.score(target, metric.reduction.reduce(target, predictions))
    assert quick == pytest.approx(metric.score(target, predictions), rel=1e-6, abs=1e-9)


@LAW
@given(data=st.data())
def test_the_quick_f1_is_that_of_the_second_class(data):
    target, predictions = data.draw(judged(TaskKind.BINARY))
    metric = metric_for("f1", TaskKind.BINARY, np.array(["a", "b"]))
    quick = metric.reduction.score(target, metric.reduction.reduce(target, predictions))
    assert quick == pytest.approx(metric.score(target, predictions), abs=1e-9)


@pytest.mark.parametrize("spread", [3.0, 1e-3])
def test_the_quick_roc_auc_of_many_rows_is_exact_to_four_digits(spread):
    rng = np.random.default_rng(0)
    y = (rng.random(30_000) < 0.05).astype(np.int32)
    positive = 1 / (1 + np.exp(3 - spread * (rng.normal(size=len(y)) + y)))
    target = Target(TaskKind.BINARY, y, 2, rng.random(len(y)))
    predictions = np.stack([1 - positive, positive], axis=1)
    metric = own("roc_auc", TaskKind.BINARY)
    quick = metric.reduction.score(target, metric.reduction.reduce(target, predictions))
    assert quick == pytest.approx(metric.score(target, predictions), abs=1e-4)


def test_many_equal_probabilities_are_worth_a_half():
    target = Target(TaskKind.BINARY, np.arange(30_000, dtype=np.int32) % 2, 2)
    quick = own("roc_auc", TaskKind.BINARY).reduction
    assert quick.score(target, np.full(30_000, 0.3)) == 0.5


@pytest.mark.parametrize("kind", TaskKind)
def test_larger_is_better_for_every_default(kind):
    y = np.arange(12) % 3 + 0.5 if LABELS[kind] is None else np.arange(12) % len(LABELS[kind])
    target = Target(kind, y, 0 if LABELS[kind] is None else len(LABELS[kind]))
    right = y[:, None] if LABELS[kind] is None else shares(np.eye(target.n_classes)[y] + 0.1)
    metric = metric_for(None, kind, LABELS[kind])
    assert metric.score(target, right) > metric.score(target, np.roll(right, 1, axis=0))


@pytest.mark.parametrize(("name", "kind"), sorted(SUITED))
def test_a_scorer_that_suits_the_kind_is_taken_with_and_without_weights(name, kind):
    y = np.arange(12) + 0.5 if LABELS[kind] is None else np.arange(12) % len(LABELS[kind])
    target = Target(kind, y, 0 if LABELS[kind] is None else len(LABELS[kind]))
    values = y[:, None] if LABELS[kind] is None else shares(np.eye(target.n_classes)[y] + 0.3)
    weighted = Target(kind, y, target.n_classes, np.ones(12))
    metric = metric_for(name, kind, LABELS[kind])
    assert metric.score(target, values) == pytest.approx(metric.score(weighted, values))


def test_f1_of_text_labels_takes_the_second_class_as_positive():
    target = Target(TaskKind.BINARY, np.array([0, 1, 1, 0]), 2)
    predictions = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    metric = own("f1", TaskKind.BINARY)
    assert metric.score(target, predictions) == pytest.approx(2 / 3)


def test_a_users_scorer_sees_the_users_labels():
    labels = LABELS[TaskKind.BINARY]
    scorer = reference.make_scorer(reference.f1_score, pos_label="no")
    target = Target(TaskKind.BINARY, np.array([0, 1, 1]), 2)
    predictions = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    metric = metric_for(scorer, TaskKind.BINARY, labels)
    assert metric.score(target, predictions) == pytest.approx(2 / 3)


def test_a_users_function_of_estimator_rows_and_labels_is_a_scorer():
    def share_right(estimator, X, y):
        return np.mean(estimator.predict(X) == y)

    metric = metric_for(share_right, TaskKind.BINARY, LABELS[TaskKind.BINARY])
    target = Target(TaskKind.BINARY, np.array([0, 1]), 2, np.array([1.0, 9.0]))
    assert metric.name == "share_right"
    assert metric.score(target, np.array([[0.9, 0.1], [0.9, 0.1]])) == 0.5


def test_probabilities_in_single_precision_add_up_to_one_for_scorers():
    scorer = reference.make_scorer(reference.log_loss, response_method="predict_proba")
    values = shares(np.random.default_rng(0).random((12, 3)) + 0.1)
    target = Target(TaskKind.MULTICLASS, np.arange(12) % 3, 3)
    metric = metric_for(scorer, TaskKind.MULTICLASS, LABELS[TaskKind.MULTICLASS])
    expected = -own("neg_log_loss", TaskKind.MULTICLASS).score(target, values)
    assert metric.score(target, values) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["neg_brier_score", "roc_auc_ovo", "top_k_accuracy"])
def test_a_scorer_that_refuses_rows_without_a_class_is_shown_the_others(name):
    y = np.arange(12) % 2
    values = shares(np.random.default_rng(0).random((12, 3)) + 0.1)
    metric = own(name, TaskKind.MULTICLASS)
    two = Target(TaskKind.MULTICLASS, y, 3)
    right, wrong = shares(np.eye(3)[y] + 0.1), shares(np.eye(3)[1 - y] + 0.1)
    assert np.isfinite(metric.score(two, values))
    if name != "top_k_accuracy":  # of two classes, one is always the right one
        assert metric.score(two, wrong) < metric.score(two, values) < metric.score(two, right)


def test_roc_auc_of_many_classes_leaves_out_a_class_that_is_absent():
    target = Target(TaskKind.MULTICLASS, np.array([0, 0, 1]), 3)
    right = shares(np.eye(3)[target.y] + 0.1)
    assert own("roc_auc", TaskKind.MULTICLASS).score(target, right) == 1.0


def test_an_error_is_shown_without_its_sign():
    metric = own("rmse", TaskKind.REGRESSION)
    assert (metric.shown_name, metric.shown(-2.0)) == ("root_mean_squared_error", 2.0)


@pytest.mark.parametrize(
    ("scoring", "kind", "message"),
    [
        ("roc_acu", TaskKind.BINARY, "Did you mean 'roc_auc'"),
        ("nothing like it", TaskKind.BINARY, "get_scorer_names"),
        (0.5, TaskKind.BINARY, "scoring=0.5: give a scorer's name, or a scorer"),
        ("f1", TaskKind.MULTICLASS, "'f1' cannot score multiclass: .*average"),
        ("r2", TaskKind.MULTICLASS, "'r2' cannot score multiclass"),
        ("accuracy", TaskKind.REGRESSION, "'accuracy' cannot score regression"),
        (lambda *_: float("nan"), TaskKind.REGRESSION, "no finite score for regression"),
        (lambda *_: {}["x"], TaskKind.REGRESSION, "cannot score regression: KeyError: 'x'"),
    ],
)
def test_what_cannot_score_is_refused_at_the_door(scoring, kind, message):
    with pytest.raises(OptionError, match=message):
        metric_for(scoring, kind, LABELS[kind])


@pytest.mark.parametrize(
    "name", ["neg_brier_score", "d2_log_loss_score", "d2_brier_score", "top_k_accuracy"]
)
def test_belief_in_a_class_that_a_fold_lacks_costs_what_it_does_elsewhere(name):
    metric = metric_for(name, TaskKind.MULTICLASS, np.array(["a", "b", "c"]))
    y = np.arange(200, dtype=np.int32) % 2
    wrong = np.where(np.arange(2) == y[:, None], 0.2, 0.3)
    wrong = np.column_stack([wrong, np.full(200, 0.5)])  # in a class that no row has

    def score(rows):
        return metric.score(Target(TaskKind.MULTICLASS, rows, 3), wrong[: len(rows)])

    with_one = y.copy()
    with_one[0] = 2
    assert score(y) == pytest.approx(score(with_one), abs=0.12)


def test_classes_that_a_part_of_the_rows_lacks_are_no_warning(recwarn):
    metric = metric_for("balanced_accuracy", TaskKind.MULTICLASS, np.array(["a", "b", "c"]))
    target = Target(TaskKind.MULTICLASS, np.array([0, 1, 0, 1], np.int32), 3)
    assert metric.score(target, np.eye(3)[[0, 1, 2, 1]]) == 0.75
    assert not recwarn.list


@pytest.mark.parametrize("spread", [1.0, 0.01, 0.001])
def test_the_quick_area_is_near_however_close_the_predictions_are(spread):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=20_000).astype(np.int32)
    odds = spread * (y + rng.normal(size=len(y)))
    odds[:5] = -16.0  # which make the bins wide
    positive = 1 / (1 + np.exp(-odds))
    target = Target(TaskKind.BINARY, y, 2)
    metric = metric_for("roc_auc", TaskKind.BINARY, np.array([0, 1]))
    exact = metric.score(target, np.stack([1 - positive, positive], axis=1))
    assert metric.quick.score(target, positive) == pytest.approx(exact, abs=1e-4)
