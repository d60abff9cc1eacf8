"""A weight of 2 is a row that counts twice; a weight of 0 is one that does not count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_classification
from sklearn.model_selection import KFold

from autopipe import AutoClassifier
from autopipe.ensembles.members import Candidates, fold_scores
from autopipe.errors import OptionError
from autopipe.folds import Folds, make_folds
from autopipe.metrics import metric_for
from autopipe.seeds import Seeds
from autopipe.task import Target, TaskKind

SCORERS = [
    ("roc_auc", TaskKind.BINARY),
    ("neg_log_loss", TaskKind.BINARY),
    ("accuracy", TaskKind.BINARY),
    ("neg_log_loss", TaskKind.MULTICLASS),
    ("f1_macro", TaskKind.MULTICLASS),
    ("neg_root_mean_squared_error", TaskKind.REGRESSION),
    ("neg_mean_absolute_error", TaskKind.REGRESSION),
    ("r2", TaskKind.REGRESSION),
]
N_CLASSES = {TaskKind.BINARY: 2, TaskKind.MULTICLASS: 3, TaskKind.REGRESSION: 0}
ROWS = 24
PAIRS = Folds(
    tuple(
        (np.flatnonzero(np.arange(ROWS) % 2 != k), np.flatnonzero(np.arange(ROWS) % 2 == k))
        for k in (0, 1)
    ),
    ROWS,
)


def toy_target(kind: TaskKind) -> Target:
    y = np.arange(ROWS) // 2 % (N_CLASSES[kind] or ROWS)
    dtype = np.float64 if kind is TaskKind.REGRESSION else np.int32
    return Target(kind, y.astype(dtype), N_CLASSES[kind])


def made_up(target: Target, seed: int) -> np.ndarray:
    """Predictions with something in them, shape (rows, outputs)."""
    rng = np.random.default_rng(seed)
    if not target.is_classification:
        return (target.y + rng.normal(size=ROWS))[:, None].astype(np.float32)
    shares = rng.uniform(0.1, 1.0, (ROWS, target.outputs)) + np.eye(target.outputs)[target.y]
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def metric_of(name: str, target: Target):
    classes = np.arange(target.n_classes) if target.is_classification else None
    return metric_for(name, target.kind, classes)


def repeated(folds: Folds, counts: np.ndarray) -> Folds:
    """The folds of a table in which each row stands so often."""
    origin = np.repeat(np.arange(folds.rows), counts)
    pairs = tuple(
        tuple(np.flatnonzero(np.isin(origin, part)) for part in pair) for pair in folds.pairs
    )
    return Folds(pairs, len(origin))


@pytest.mark.parametrize(("name", "kind"), SCORERS, ids=str)
@given(
    doubled=st.lists(st.booleans(), min_size=ROWS, max_size=ROWS), seed=st.integers(0, 2**16)
)
@settings(max_examples=15)
def test_a_row_of_weight_two_counts_in_a_fold_as_if_it_stood_there_twice(
    name, kind, doubled, seed
):
    target, counts = toy_target(kind), 1 + np.array(doubled)
    predictions, metric = made_up(target, seed), metric_of(name, target)
    weighted = fold_scores(
        predictions, replace(target, weights=counts.astype(float)), PAIRS, metric
    )
    rows = np.repeat(np.arange(ROWS), counts)
    twice = fold_scores(predictions[rows], target.take(rows), repeated(PAIRS, counts), metric)
    np.testing.assert_allclose(weighted, twice, rtol=1e-6)


@pytest.mark.parametrize(("name", "kind"), SCORERS, ids=str)
def test_rows_without_weight_do_not_matter_for_scores(name, kind):
    target = toy_target(kind)
    weights = np.where(np.arange(ROWS) < 6, 0.0, 1.0)
    metric, weighted = metric_of(name, target), replace(target, weights=weights)
    told = made_up(target, 0)
    other = np.where(weights[:, None] == 0, told[::-1], told)
    assert fold_scores(told, weighted, PAIRS, metric) == pytest.approx(
        fold_scores(other, weighted, PAIRS, metric)
    )


@given(counts=st.lists(st.integers(1, 3), min_size=ROWS, max_size=ROWS))
@settings(max_examples=15)
def test_weights_choose_the_ensemble_that_repeated_rows_would_choose(counts):
    target, counts = toy_target(TaskKind.BINARY), np.array(counts)
    metric = metric_of("neg_log_loss", target)
    members = [made_up(target, seed) for seed in range(4)]
    rows = np.repeat(np.arange(ROWS), counts)

    def selected(target, folds, rows):
        candidates = Candidates(target, folds, metric)
        for number, member in enumerate(members):
            candidates.add(number, f"family {number}", 0.0, member[rows])
        return candidates.select()

    weighted = selected(replace(target, weights=counts.astype(float)), PAIRS, np.arange(ROWS))
    twice = selected(target.take(rows), repeated(PAIRS, counts), rows)
    assert weighted.score == pytest.approx(twice.score, rel=1e-5)
    assert dict(weighted.weights) == pytest.approx(dict(twice.weights))


@pytest.mark.parametrize(
    "learner", ["logistic", "extra_trees", "lightgbm", "xgboost", "catboost"]
)
def test_weights_reach_every_learner(learner):
    """Where the two halves of the rows disagree, the heavy half is believed.

    Without the weights the score would be near a half: the halves are of one size.
    """
    X, y = make_classification(500, 5, class_sep=2.0, random_state=0)
    old, new = slice(0, 300), slice(300, None)
    is_light = np.arange(300) < 150
    weights = np.where(is_light, 1.0, 30.0)
    arguments = {"executor": "inline", "max_trials": 1, "time_budget": 4.0, "cv": 2}
    model = AutoClassifier(**arguments, verbose=0, random_state=0, include=[learner])
    model.fit(X[old], np.where(is_light, 1 - y[old], y[old]), sample_weight=weights)
    assert model.score(X[new], y[new]) > 0.7
    assert model.score_ > 0.6  # the folds are scored with the weights too


@pytest.mark.parametrize("cv", [3, KFold(4), [(np.arange(16), np.arange(16, ROWS))]], ids=str)
def test_rows_without_weight_are_in_no_fold(cv):
    target = toy_target(TaskKind.BINARY)
    weights = np.where(np.arange(ROWS) % 3, 1.0, 0.0)
    folds = make_folds(replace(target, weights=weights), cv, Seeds(0))
    for pair in folds.pairs:
        assert all(len(rows) and weights[rows].all() for rows in pair)


def test_a_fold_without_weight_is_left_out_and_at_least_one_is_needed():
    weights = np.where(np.arange(ROWS) < 12, 1.0, 0.0)
    target = replace(toy_target(TaskKind.REGRESSION), weights=weights)
    assert len(make_folds(target, KFold(4), Seeds(0))) == 2
    with pytest.raises(OptionError, match="no fold with weight"):
        make_folds(target, [(np.arange(12), np.arange(12, ROWS))], Seeds(0))


def test_groups_without_weight_are_in_no_fold():
    groups = np.arange(ROWS) // 4
    weights = np.where(groups < 3, 1.0, 0.0)
    target = replace(toy_target(TaskKind.BINARY), weights=weights)
    folds = make_folds(replace(target, groups=groups), 5, Seeds(0))
    assert sorted(set(groups[rows]).pop() for _, rows in folds.pairs) == [0, 1, 2]
