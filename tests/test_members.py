"""The candidates of an ensemble, and the predictor made of them."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.ensembles import predictor
from autopipe.ensembles.members import Candidates, Selection, capacity, fold_scores
from autopipe.ensembles.predictor import Member, Predictor, pipelines_of
from autopipe.execution.crossfit import crossfit
from autopipe.folds import Folds, make_folds
from autopipe.metrics import metric_for
from autopipe.operators.catalogue import estimator_for
from autopipe.operators.declaration import Limits
from autopipe.operators.fitted import FittedTree
from autopipe.seeds import Seeds
from autopipe.task import Target, TaskKind

METRIC = metric_for(None, TaskKind.REGRESSION, None)


def regression(rows: int = 200) -> tuple[Target, Folds]:
    y = np.random.default_rng(0).normal(size=rows)
    target = Target(TaskKind.REGRESSION, y, 0)
    return target, make_folds(target, 4, Seeds(0))


def noisy(target: Target, noise: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (target.y + rng.normal(scale=noise, size=len(target.y)))[:, None].astype(np.float32)


def added(candidates: Candidates, target, folds, number, family, predictions) -> float:
    score = float(np.mean(fold_scores(predictions, target, folds, METRIC)))
    candidates.add(number, family, score, predictions)
    return score


def test_more_rows_allow_more_candidates() -> None:
    sizes = [
        capacity(Target(TaskKind.REGRESSION, np.zeros(rows), 0))
        for rows in (10, 100, 800, 5_000, 50_000, 500_000)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] >= 2


def test_the_ensemble_is_no_worse_than_its_best_member() -> None:
    target, folds = regression()
    candidates = Candidates(target, folds, METRIC)
    scores = [
        added(candidates, target, folds, n, "one", noisy(target, 0.5 + 0.1 * n, n))
        for n in range(4)
    ]
    selection = candidates.select()
    assert selection is not None
    assert selection.score >= max(scores) - 1e-6
    assert sum(selection.weights.values()) == pytest.approx(1.0)
    assert all(weight > 0 for weight in selection.weights.values())


def test_weights_of_several_choices_learn_less_of_the_luck() -> None:
    target, folds = regression()
    candidates = Candidates(target, folds, METRIC)
    for n in range(8):  # alike, so that equal weights are best
        added(candidates, target, folds, n, f"f{n}", noisy(target, 1.0, n))
    one, several = candidates.select(), candidates.bagged()
    assert one is not None and several is not None
    assert several == candidates.bagged()
    assert sum(several.weights.values()) == pytest.approx(1.0)
    unevenness = [sum(w**2 for w in chosen.weights.values()) for chosen in (one, several)]
    assert unevenness[1] < unevenness[0]
    looks = count()
    assert candidates.bagged(1.0, lambda: float(next(looks) > 200)) is None


def test_where_the_metric_cannot_score_an_average_the_best_trial_is_left() -> None:
    target, folds = regression()

    def of_whole_numbers(target, predictions):
        if (predictions % 1).any():
            raise ZeroDivisionError
        return METRIC.score(target, predictions)

    candidates = Candidates(target, folds, replace(METRIC, score=of_whole_numbers))
    for n in range(4):
        added(candidates, target, folds, n, f"f{n}", noisy(target, 1.0, n).round())
    assert candidates.select() == Selection(
        {candidates.ranked()[0].number: 1.0}, candidates.ranked()[0].score
    )
    assert candidates.bagged() is None


def test_the_order_of_arrival_does_not_matter() -> None:
    target, folds = regression()
    selections = []
    for order in ((0, 1, 2, 3, 4), (4, 2, 0, 3, 1)):
        candidates = Candidates(target, folds, METRIC)
        for n in order:
            added(candidates, target, folds, n, f"f{n % 2}", noisy(target, 1.0, n))
        selections.append(candidates.select())
    assert selections[0] == selections[1]


def test_the_best_of_a_weak_family_stays_and_the_surplus_of_a_strong_one_goes() -> None:
    target, folds = regression(120)
    candidates = Candidates(target, folds, METRIC)
    for n in range(12):
        added(candidates, target, folds, n, "strong", noisy(target, 0.1, n))
    added(candidates, target, folds, 12, "weak", noisy(target, 2.0, 12))
    assert 12 in candidates.numbers
    assert len(candidates) == capacity(target) < 13


def test_a_single_member_is_the_best_trial() -> None:
    target, folds = regression()
    candidates = Candidates(target, folds, METRIC, single=True)
    for n, noise in enumerate((1.0, 0.2, 0.6)):
        added(candidates, target, folds, n, f"f{n}", noisy(target, noise, n))
    selection = candidates.select()
    assert selection is not None
    assert dict(selection.weights) == {1: 1.0}


def test_without_candidates_there_is_no_selection() -> None:
    target, folds = regression()
    assert Candidates(target, folds, METRIC).select() is None


def test_rows_that_are_never_held_out_do_not_count() -> None:
    target, _ = regression()
    half = Folds(((np.arange(100), np.arange(100, 200)),), 200)
    predictions = noisy(target, 0.5, 1)
    predictions[:100] = np.nan
    candidates = Candidates(target, half, METRIC)
    score = added(candidates, target, half, 0, "one", predictions)
    selection = candidates.select()
    assert selection is not None
    assert selection.score == pytest.approx(score)


def test_without_members_the_prior_is_predicted() -> None:
    table, target = toy_table(TaskKind.MULTICLASS)
    predictor = Predictor((), target.prior())
    predicted = predictor.predict(table)
    assert predicted.shape == (len(table), target.n_classes)
    np.testing.assert_allclose(predicted.sum(axis=1), 1.0)
    assert predictor.predict(table.take(slice(0, 0))).shape == (0, target.n_classes)


def test_the_predictor_is_the_weighted_mean_of_all_fold_models() -> None:
    table, target = toy_table(TaskKind.BINARY)
    node = full("logistic(standard_scaling(impute(codes(table))))")
    models = []
    for rows in (np.arange(30), np.arange(30, 60)):
        estimators = {}
        data = table.take(rows)
        for path in ((0, 0, 0), (0, 0), (0,)):
            estimators[path] = estimator_for(node.at(path))
            data = estimators[path].fit_transform(data, target.take(rows), 0)
        learner = estimator_for(node)
        limits = Limits()
        prepared = learner.prepare(data, target.take(rows), limits)
        learner.fit(prepared, np.arange(30), np.arange(30), 0, limits)
        models.append(FittedTree(node, {(): learner, **estimators}))
    predictor = Predictor(
        (Member(0, 0.25, (models[0],)), Member(1, 0.75, tuple(models))), target.prior()
    )
    one, two = (model.predict(table) for model in models)
    expected = 0.25 * one + 0.75 * (one + two) / 2
    np.testing.assert_allclose(predictor.predict(table), expected, atol=1e-9)


def test_threads_are_for_the_cores_that_the_process_may_use(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert predictor._core_count() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert predictor._core_count() == os.cpu_count()


def test_a_pipeline_that_is_an_input_too_stands_once_by_its_own_weight() -> None:
    both, read = Member(0, 0.5, ()), Member(1, 1.0, ())
    stacked = Member(2, 0.5, (), (replace(both, weight=1.0), read))
    for members in ((both, stacked), (stacked, both)):
        assert pipelines_of(members) == {0: both, 1: read, 2: stacked}


def test_a_row_alone_is_predicted_as_among_others() -> None:
    table, target = toy_table(TaskKind.BINARY, rows=120)
    folds = make_folds(target, 2, Seeds(0))
    texts = "text_prediction(text_topics(table, topics=5))"
    members = tuple(
        Member(number, 0.5, crossfit(full(tree), table, target, folds, Seeds(0)).models)
        for number, tree in enumerate(
            (f"lightgbm(codes({texts}))", f"extra_trees(impute(one_hot({texts})))")
        )
    )
    predictor = Predictor(members, target.prior())
    alone = [predictor.predict(table.take(slice(row, row + 1))) for row in range(len(table))]
    np.testing.assert_array_equal(np.concatenate(alone), predictor.predict(table))


def test_without_time_to_choose_the_ensemble_is_the_best_trial() -> None:
    target, folds = regression()
    candidates = Candidates(target, folds, METRIC)
    for n, noise in enumerate((1.0, 0.2, 0.6)):
        added(candidates, target, folds, n, f"f{n}", noisy(target, noise, n))
    selection = candidates.select(until=0.0, now=lambda: 1.0)
    assert selection is not None
    assert dict(selection.weights) == {1: 1.0}


def test_a_lone_candidate_is_not_scored_again() -> None:
    def asked(target, predictions):
        raise AssertionError("its score is known")

    target, folds = regression()
    candidates = Candidates(target, folds, replace(METRIC, score=asked))
    candidates.add(3, "linear", -0.5, noisy(target, 0.1, 0))
    assert candidates.select() == Selection({3: 1.0}, -0.5)
