"""What a fitted model tells of itself: score, decisions, intervals; and that it is kept."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from strategies import NoIdeas

from autopipe import AutoClassifier, AutoRegressor, load
from autopipe.clock import Clock
from autopipe.conclusion import conclude
from autopipe.ensembles.members import Candidates, Selection
from autopipe.errors import OptionError
from autopipe.folds import make_folds
from autopipe.metrics import Metric, metric_for
from autopipe.operators.calibration import Temperature
from autopipe.seeds import Seeds
from autopipe.task import Target, TaskKind

QUICK = {"executor": "inline", "max_trials": 3, "cv": 3, "verbose": 0, "random_state": 0}
CHEAP = {**QUICK, "include": ["logistic", "ridge", "extra_trees"]}


def toy(seed: int, rows: int = 600) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A table, noisy numbers, and a class that is rare."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "c"])
    price = X["a"].to_numpy() + 0.5 * rng.normal(size=rows)
    return X, price, np.where(price > 1.3, "rare", "usual")


X, PRICE, KIND = toy(0)
NEW, NEW_PRICE, NEW_KIND = toy(1)


@pytest.fixture(scope="module")
def classifier() -> AutoClassifier:
    return AutoClassifier(**CHEAP, scoring="balanced_accuracy").fit(X, KIND)


@pytest.fixture(scope="module")
def regressor() -> AutoRegressor:
    return AutoRegressor(**CHEAP).fit(X, PRICE)


def test_a_metric_of_labels_moves_the_threshold_and_not_the_probabilities(classifier):
    share = classifier.predict_proba(NEW)[:, 1]  # of "usual"
    assert 0.5 < classifier.threshold_ < 1.0
    named = np.where(share >= classifier.threshold_, "usual", "rare")
    assert (classifier.predict(NEW) == named).all()
    plain = np.where(share > 0.5, "usual", "rare")
    ours = balanced_accuracy_score(NEW_KIND, classifier.predict(NEW))
    assert ours > balanced_accuracy_score(NEW_KIND, plain) + 0.05
    assert ours == pytest.approx(classifier.score_, abs=0.08)


def test_the_leaderboard_judges_the_labels_that_are_predicted(classifier):
    board = classifier.leaderboard(NEW, NEW_KIND)
    told = balanced_accuracy_score(NEW_KIND, classifier.predict(NEW))
    assert board["balanced_accuracy_new"].iloc[0] == pytest.approx(told)


def test_costs_decide_what_is_predicted():
    costs = {("rare", "usual"): 20, ("usual", "rare"): 1}
    dear = AutoClassifier(**{**CHEAP, "max_trials": 1}).fit(X, KIND, costs=costs)
    cheap = AutoClassifier(**{**CHEAP, "max_trials": 1}).fit(X, KIND)
    assert (dear.predict_proba(NEW) == cheap.predict_proba(NEW)).all()
    assert dear.score_ == cheap.score_  # ROC AUC does not look at labels
    assert dear.threshold_ == pytest.approx(20 / 21) and cheap.threshold_ == 0.5
    assert (dear.predict(NEW) == "rare").sum() > (cheap.predict(NEW) == "rare").sum()


def test_costs_are_refused_where_they_make_no_sense():
    with pytest.raises(OptionError, match="a regressor names no classes"):
        AutoRegressor(**CHEAP).fit(X, PRICE, costs=[[0, 1], [1, 0]])
    with pytest.raises(OptionError, match="leaves out"):
        AutoClassifier(**CHEAP).fit(X, KIND, costs={("rare", "usual"): 1})


def test_intervals_hold_new_truths_as_often_as_promised(regressor):
    for coverage in (0.5, 0.9):
        low, high = regressor.predict_interval(NEW, coverage).T
        inside = ((low <= NEW_PRICE) & (high >= NEW_PRICE)).mean()
        assert inside == pytest.approx(coverage, abs=0.06)
    predicted = regressor.predict(NEW)
    assert ((low <= predicted) & (predicted <= high)).all()


def test_sets_hold_new_classes_at_least_as_often_as_promised(classifier):
    sets = classifier.predict_set(NEW, coverage=0.8)
    place = (NEW_KIND == "usual").astype(int)  # in the order of classes_
    assert sets.shape == (600, 2) and sets.dtype == bool
    assert sets[np.arange(600), place].mean() > 0.76


def test_the_score_stands_beside_baselines_and_an_interval(regressor):
    score = regressor.score_
    assert score.corrected >= score  # an error
    low, high = score.interval(rows=600)
    assert low < np.sqrt(np.mean((regressor.predict(NEW) - NEW_PRICE) ** 2)) < high
    assert score.baselines["prior"] == pytest.approx(PRICE.std(), rel=0.05)
    assert score.baselines["linear"] >= score


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_all_of_it_survives_a_file_and_a_pickle(name, request, tmp_path):
    model = request.getfixturevalue(name)
    model.save(tmp_path / "model.autopipe")
    for copy in (load(tmp_path / "model.autopipe"), pickle.loads(pickle.dumps(model))):
        assert repr(copy.score_) == repr(model.score_)
        assert (copy.predict(NEW) == model.predict(NEW)).all()
        sure = "predict_set" if name == "classifier" else "predict_interval"
        assert (getattr(copy, sure)(NEW) == getattr(model, sure)(NEW)).all()
    assert not hasattr(clone(model), "score_")
    assert json.loads(json.dumps(model._model.facts)) == model._model.facts


def test_a_temperature_survives_a_file(tmp_path):
    model = AutoClassifier(**{**CHEAP, "max_trials": 1}).fit(X, KIND)
    plain = model.predict_proba(NEW)
    heat = Temperature().restore({"temperature": 2.0})
    predictor = replace(model._model.predictor, temperature=heat)
    model._model = replace(model._model, predictor=predictor)
    assert (model.predict_proba(NEW).max(axis=1) <= plain.max(axis=1)).all()
    model.save(tmp_path / "model.autopipe")
    copy = load(tmp_path / "model.autopipe")
    assert (copy.predict_proba(NEW) == model.predict_proba(NEW)).all()


def test_a_model_of_the_prior_alone_has_intervals_and_sets_too():
    nothing = {**CHEAP, "search": NoIdeas()}
    regressor = AutoRegressor(**nothing).fit(X, PRICE)
    low, high = regressor.predict_interval(NEW).T
    assert ((low <= NEW_PRICE) & (high >= NEW_PRICE)).mean() == pytest.approx(0.9, abs=0.05)
    assert np.isnan(regressor.score_) and np.isnan(regressor.score_.interval()).all()
    assert AutoClassifier(**nothing).fit(X, KIND).predict_set(NEW).any(axis=1).all()


def test_a_scorer_that_fails_on_some_rows_costs_a_number_and_not_the_model(caplog):
    def fussy(estimator, X, y):
        if len(X) > 500 and len(np.unique(X[:, 0])) < 450:  # a resample repeats rows
            raise ZeroDivisionError("too few")
        return float((estimator.predict(X) == y).mean())

    many, _, kinds = toy(2)
    model = AutoClassifier(**{**CHEAP, "include": ["logistic"]}, scoring=fussy).fit(many, kinds)
    assert model.score_ > 0.5 and "is left out: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("kind", [TaskKind.REGRESSION, TaskKind.MULTICLASS])
def test_a_slow_metric_is_asked_for_the_score_and_hardly_for_more(kind):
    now = [0.0]

    def slow(target, predictions):
        now[0] += 1.0
        return -float(np.mean(predictions[:, 0]))

    rng = np.random.default_rng(0)
    y = rng.integers(3, size=600)
    target = Target(kind, y.astype(np.int32 if kind is TaskKind.MULTICLASS else np.float64), 3)
    folds = make_folds(target, 4, Seeds(0))
    candidates = Candidates(target, folds, Metric("slow", slow))
    for number in range(6):
        candidates.add(number, str(number), 0.0, rng.dirichlet(np.ones(target.outputs), 600))
    clock = Clock(100.0, lambda: now[0])
    selection = Selection({0: 0.5, 1: 0.5}, 0.0)
    asked = (candidates, selection, [], target, folds, Metric("slow", slow), Seeds(0))
    estimate = conclude(*asked, clock).estimate
    assert now[0] <= len(folds) + 3  # of which two tell whether it looks at labels
    assert (estimate.corrected, estimate.baselines, estimate.best) == (None, {}, np.inf)


def test_a_quick_metric_has_its_baselines_though_time_is_up():
    target = Target(TaskKind.REGRESSION, np.arange(60.0), 0)
    folds, metric = make_folds(target, 3, Seeds(0)), metric_for(None, target.kind, None)
    candidates = Candidates(target, folds, metric)
    candidates.add(0, "ridge", 0.0, target.y[:, None] + 1.0)
    now = [0.0]
    late = Clock(1.0, lambda: now[0])
    now[0] = 50.0
    asked = (candidates, Selection({0: 1.0}, 0.0), [], target, folds, metric, Seeds(0))
    estimate = conclude(*asked, late).estimate
    assert set(estimate.baselines) == {"prior"} and estimate.best == 0.0
