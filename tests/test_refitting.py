"""The pipelines of a model fitted to other rows, without a search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from counted_runs import QUICK, fitted, toy
from sklearn.model_selection import TimeSeriesSplit
from trees import full

from autopipe import AutoClassifier, AutoRegressor, load
from autopipe.datasets.synthetic import toy_table
from autopipe.deployment import megabytes_of
from autopipe.errors import OptionError
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.folds import make_folds
from autopipe.metrics import metric_for
from autopipe.operators.boosting import rounds_for_all
from autopipe.refitting import Rows, on_all_rows
from autopipe.seeds import Seeds
from autopipe.task import TaskKind

BOOSTERS = ("lightgbm", "xgboost", "catboost")


def test_a_refit_on_the_same_rows_gives_the_same_members_and_weights() -> None:
    model = fitted(3)
    before = model.predict_proba(toy()[0])
    weights = [(one.number, one.weight) for one in model._model.predictor.members]
    model.refit(*toy())
    assert [(one.number, one.weight) for one in model._model.predictor.members] == weights
    np.testing.assert_allclose(model.predict_proba(toy()[0]), before, atol=0.02)


def test_a_refit_learns_the_new_rows_and_tells_their_score() -> None:
    model = fitted(3)
    frame, y = toy()
    before = float(model.score_)
    turned = np.where(y == "yes", "no", "yes")
    model.refit(frame, turned)
    assert (model.predict(frame) == turned).mean() > 0.7
    assert float(model.score_) == pytest.approx(before, abs=0.1)


def test_a_refit_on_all_rows_keeps_one_model_of_a_member() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = X[:, 0] + 0.1 * rng.normal(size=120)
    arguments = {**QUICK, "include": ["ridge", "lightgbm"], "scoring": None, "max_trials": 3}
    model = AutoRegressor(**arguments).fit(X, y)
    model.refit(X, y, bag=False)
    assert {len(one.models) for one in model._model.predictor.members} == {1}
    assert model.front_.query("is_chosen")["models"].tolist() == [1]
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.9


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_booster_takes_the_rounds_that_it_is_given(name: str) -> None:
    table, target = toy_table(TaskKind.BINARY)
    folds = make_folds(target, 2, Seeds(0))
    fit = crossfit(
        full(f"{name}(codes(table))"), table, target, folds, Seeds(0), rounds={(): 7}
    )
    learners = [model.estimators[()] for model in fit.models]
    assert [learner.rounds for learner in learners] == [7, 7]
    again = type(learners[0])(**learners[0].params).restore(learners[0].state())
    assert again.rounds == 7


def test_what_was_fitted_to_a_share_of_the_rows_gets_rounds_for_all_of_them() -> None:
    table, target = toy_table(TaskKind.BINARY)
    folds = make_folds(target, 2, Seeds(0))
    tree = full("lightgbm(codes(table))")
    models = crossfit(tree, table, target, folds, Seeds(0), rounds={(): 50}).models
    usual, more = (
        on_all_rows(models, table, target, folds, Seeds(0), train_share=share).estimators[()]
        for share in (1.0, 0.125)
    )
    assert 50 < usual.rounds < more.rounds == rounds_for_all([50], 16.0)


def test_more_rows_are_given_a_few_more_rounds() -> None:
    assert rounds_for_all([100, 200], 1.0) == 150
    assert 150 < rounds_for_all([100, 200], 8 / 7) < 150 * 8 / 7


def test_sizes_and_folds_after_a_refit_are_those_of_the_new_fit() -> None:
    model = fitted(3, cv=4)
    model.select(max_size_mb=model.front_["megabytes"].min())
    X, y = toy()
    model.set_params(cv=None).refit(pd.concat([X] * 8), np.tile(y, 8))
    numbers = {member.number for member in model._model.predictor.members}
    for trial in model._model.trials:
        if trial.number in numbers:
            assert len(trial.fold_scores) == 4
    members = model._model.predictor.members
    assert model.front_["megabytes"].max() == pytest.approx(megabytes_of(members), rel=0.1)


def test_pairs_of_the_rows_of_another_table_are_refused() -> None:
    pairs = [(np.arange(45), np.arange(45, 90)), (np.arange(45, 90), np.arange(45))]
    model = fitted(1, cv=pairs)
    X, y = toy()
    with pytest.raises(OptionError, match="a table of 90, and this one has 180"):
        model.refit(pd.concat([X, X], ignore_index=True), np.tile(y, 2))


def test_pairs_of_the_fit_are_good_for_as_many_rows_again() -> None:
    X, y = toy()
    half = np.arange(90) < 45
    masks = [(half, ~half), (~half, half & (np.arange(90) > 5))]
    rows = [(np.arange(40), np.arange(40, 80)), (np.arange(40, 80), np.arange(40))]
    for pairs in (masks, rows):
        model = fitted(1, cv=pairs).refit(X, y)
        assert len(model._model.trials[0].fold_scores) == 2
    with pytest.raises(OptionError, match="a table of 90, and this one has 180"):
        fitted(1, cv=masks).refit(pd.concat([X, X], ignore_index=True), np.tile(y, 2))


def test_scores_of_former_rows_are_no_longer_told() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = X[:, 0] + 0.3 * rng.normal(size=120)
    arguments = {**QUICK, "include": ["ridge", "lightgbm"], "scoring": None, "max_trials": 4}
    model = AutoRegressor(**arguments, ensemble="none").fit(X, y)
    assert {"linear", "lightgbm"} < set(model.score_.baselines)
    (member,) = model._model.predictor.members
    model.refit(X, 100 * y)
    assert model.leaderboard()["number"].dropna().tolist() == [member.number]
    assert min(model.score_.baselines.values()) > 0.9 * model.score_
    told = model.history_.set_index("number")["score"]
    assert len(told) == 4 and told.dropna().index.tolist() == [member.number]


def test_rows_without_weight_are_not_fitted_to() -> None:
    X, y = toy()
    weights = np.r_[np.zeros(20), np.ones(70)]
    model = fitted(3).refit(X, y, bag=False, sample_weight=weights)
    turned = np.r_[y[:20][::-1], y[20:]]
    again = fitted(3).refit(X, turned, bag=False, sample_weight=weights)
    np.testing.assert_allclose(model.predict_proba(X), again.predict_proba(X))


def test_after_splits_in_time_a_refit_delivers_one_model_of_all_rows() -> None:
    model = fitted(3, cv=TimeSeriesSplit(3)).refit(*toy())
    members = model._model.predictor.members
    assert {len(one.models) for one in members} == {1}
    grown = fitted(3).refit(*toy(), bag=False)._model.predictor.members
    alone = {one.models[0].tree: one.models[0] for one in grown}
    common = [one for one in members if one.models[0].tree in alone]
    table = model._model.coding.encode(toy()[0])
    for one in common:  # fitted to the same rows, all of them
        np.testing.assert_allclose(
            one.models[0].predict(table), alone[one.models[0].tree].predict(table), atol=1e-6
        )
    assert common


def test_folds_that_a_file_does_not_keep_have_to_be_set_again(tmp_path: Path) -> None:
    fitted(2, cv=TimeSeriesSplit(3)).save(tmp_path / "model")
    model = load(tmp_path / "model")
    with pytest.raises(OptionError, match="a TimeSeriesSplit, which files do not keep"):
        model.refit(*toy())
    model.set_params(cv=3).refit(*toy())
    model.set_params(cv=None).refit(*toy())  # as the last refit was


@pytest.mark.parametrize("constant", [{}, {"size": 1.0}, {"note": None}])
def test_columns_stay_what_they_were_in_the_fit(
    constant: dict[str, object], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    names = [f"house {place % 50}" for place in range(120)]
    notes = [f"{place % 70} steps from the old river" for place in range(120)]
    frame = pd.DataFrame({"name": names, "size": rng.normal(size=120), "note": notes})
    y = np.where(frame["size"] + rng.normal(size=120) > 0, "yes", "no")
    model = AutoClassifier(**QUICK, max_trials=3).fit(frame, y)
    before = [(one.name, one.role) for one in model._model.coding.schema.columns]
    assert [name for name, _ in before] == ["c0", "c0t", "c1", "c2", "c2t"]
    later = frame.assign(**constant)[["size", "note", "name"]]
    model.refit(later, y)
    assert [(one.name, one.role) for one in model._model.coding.schema.columns] == before
    model.save(tmp_path / "houses.autopipe")
    assert (load(tmp_path / "houses.autopipe").predict(later) == model.predict(later)).all()


def test_costs_of_other_classes_are_refused() -> None:
    X, y = toy()
    model = AutoClassifier(**QUICK, max_trials=1).fit(X, y, costs=[[0, 1], [9, 0]])
    with pytest.raises(OptionError, match=r"classes \['false', 'true'\], .* \['no', 'yes'\]"):
        model.refit(X, np.where(y == "yes", "true", "false"))
    assert model.refit(X, y).threshold_ == pytest.approx(0.1)


def test_more_classes_than_the_metric_is_for_are_refused() -> None:
    X, y = toy()
    model = AutoClassifier(**QUICK, max_trials=1).fit(X, y)
    with pytest.raises(
        OptionError, match=r"\['maybe', 'no', 'yes'\], and fit had \['no', 'yes'\]"
    ):
        model.refit(X, np.where(np.arange(len(y)) % 3, y, "maybe"))


def test_the_seconds_of_a_trial_are_those_of_its_fit() -> None:
    model, (X, y) = fitted(1)._model, toy()
    target = model.target_coding.target(y)
    folds = make_folds(target, 2, Seeds(0))
    metric = metric_for("neg_log_loss", target.kind, model.target_coding.classes)
    rows = Rows(model.coding.encode(X), target, folds, metric, Seeds(0), threads=1)
    fits: dict[int, CrossFit] = {}
    trials = {trial.number: trial for trial in model.trials}
    rows._member(model.predictor.members[0], True, fits, trials)
    first = dict(trials)
    rows._member(model.predictor.members[0], False, fits, trials)  # as an input, then itself
    assert trials == first


def test_a_model_of_groups_is_refitted_with_groups() -> None:
    groups = np.arange(90) // 3
    model = AutoClassifier(**QUICK, max_trials=2).fit(*toy(), groups=groups)
    with pytest.raises(OptionError, match="fitted with groups"):
        model.refit(*toy())
    model.refit(*toy(), groups=groups)
