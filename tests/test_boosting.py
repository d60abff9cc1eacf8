"""What the boosting libraries have in common, and that no learner finds what is not there."""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.random import default_rng
from sklearn.metrics import roc_auc_score
from trees import full

from autopipe.datasets.synthetic import toy_schema, toy_table
from autopipe.evolution.grammar import Grammar
from autopipe.execution.crossfit import crossfit
from autopipe.folds import Folds, make_folds
from autopipe.matrix import Matrix
from autopipe.operators import boosting
from autopipe.operators.boosting import bins_for, validation_loss
from autopipe.operators.catalogue import catalogue
from autopipe.operators.declaration import Limits
from autopipe.operators.own import default_tree
from autopipe.seeds import Seeds
from autopipe.space import defaults
from autopipe.task import Target, TaskKind
from autopipe.tree import parse

BOOSTERS = ("lightgbm", "xgboost", "catboost")
LEARNERS = sorted(op.name for op in catalogue().values() if op.is_learner)
REGRESSORS = [name for name in LEARNERS if TaskKind.REGRESSION in catalogue()[name].kinds]


def wavy(rows: int) -> tuple[Matrix, Target]:
    rng = default_rng(0)
    values = rng.normal(size=(rows, 4)).astype(np.float32)
    y = np.sin(2 * values[:, 0]) + values[:, 1] * values[:, 2] + 0.3 * rng.normal(size=rows)
    return Matrix(values, (0,) * 4, ("c0", "c1", "c2", "c3")), Target(TaskKind.REGRESSION, y, 0)


def built(name, **params):
    space = catalogue()[name].space
    return catalogue()[name].make({**defaults(space), "learning_rate": 0.1, **params})


@pytest.mark.parametrize("name", BOOSTERS)
def test_bins_of_all_rows_score_as_those_of_the_fold_do(name):
    X, target = wavy(6_000)
    new = np.arange(4_200, 6_000)
    losses = []
    for rows in (np.arange(6_000), np.arange(4_200)):
        learner = built(name)
        prepared = learner.prepare(X.take(rows), target.take(rows), Limits())
        learner.fit(prepared, np.arange(600), np.arange(600, 900), 0, Limits())
        losses.append(validation_loss(target.take(new), learner.predict(X.take(new))))
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


@pytest.mark.parametrize("name", ["xgboost", "catboost"])
def test_few_rows_have_few_bins(name):
    X, target = wavy(600)
    X = replace(X, values=X.values[:, :1], levels=(0,), names=("c0",))
    learner, rows = built(name), np.arange(600)
    learner.fit(learner.prepare(X, target, Limits()), rows[:400], rows[400:], 0, Limits())
    fine = replace(X, values=np.linspace(-4, 4, 20_000, dtype=np.float32)[:, None])
    assert 10 < len(np.unique(learner.predict(fine))) <= bins_for(600) < bins_for(6_000) == 256


@pytest.mark.parametrize("name", BOOSTERS)
def test_numbers_beyond_single_precision_are_large_ones(name):
    X, target = wavy(300)
    values = X.values.astype(np.float64)
    values[:, 0] = np.where(values[:, 0] > 0, 1e300, -1e300)
    X, rows, learner = replace(X, values=values), np.arange(300), built(name)
    prepared = learner.prepare(X, target, Limits())
    predictions = learner.fit(prepared, rows[:200], rows[200:], 0, Limits())
    np.testing.assert_allclose(learner.predict(X.take(rows[200:])), predictions, rtol=1e-5)
    assert np.isfinite(predictions).all()


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_late_booster_keeps_the_best_of_its_rounds(name, monkeypatch):
    X, target = wavy(300)
    rows = np.arange(300)
    learner = built(name, learning_rate=0.01)
    prepared = learner.prepare(X, target, Limits())
    ticks = count()  # one for every round
    monkeypatch.setattr(boosting, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    late = Limits(deadline=30)
    monkeypatch.setattr(f"autopipe.operators.{name}.check_deadline", lambda limits: None)
    predictions = learner.fit(prepared, rows[:200], rows[200:], 0, late)
    assert learner.is_truncated and next(ticks) < 40
    held_out = target.take(rows[200:])
    prior = np.tile(target.take(rows[:200]).prior(), (100, 1))
    assert validation_loss(held_out, predictions) < validation_loss(held_out, prior)


@pytest.mark.parametrize("name", BOOSTERS)
def test_where_nothing_was_missing_a_missing_number_is_the_median(name):
    X, target = wavy(400)
    X.values[7, 3] = np.nan  # a column that has a way for missing values
    learner, rows = built(name), np.arange(400)
    learner.fit(learner.prepare(X, target, Limits()), rows[:300], rows[300:], 0, Limits())
    learner = built(name).restore(learner.state())
    torn, filled = X.values.copy(), X.values.copy()
    torn[:, 0], filled[:, 0] = np.nan, np.median(X.values[:300, 0])
    expected = learner.predict(replace(X, values=filled))
    np.testing.assert_allclose(learner.predict(replace(X, values=torn)), expected, rtol=1e-6)
    torn[:, 3], filled[:, 3] = np.nan, np.median(X.values[8:300, 3])
    different = learner.predict(replace(X, values=torn)) != learner.predict(
        replace(X, values=filled)
    )
    assert different.any()


@pytest.mark.parametrize("name", BOOSTERS)
@pytest.mark.parametrize("levels", [0, 5])
def test_rows_held_out_are_told_what_predict_tells_them_where_they_alone_lack_numbers(
    name, levels
):
    X, target = wavy(600)
    X.values[400:500, 0] = np.nan  # as of a column that came to be missing late
    if levels:  # beside one of categories, one of which is new
        X.values[:, 3] = np.arange(600) % 4
        X.values[560:, 3] = 4
        X = replace(X, levels=(0, 0, 0, levels))
    learner, held_out = built(name), default_rng(1).permutation(np.arange(400, 600))
    prepared = learner.prepare(X, target, Limits())
    told = learner.fit(prepared, np.arange(400), held_out, 0, Limits())
    np.testing.assert_allclose(told, learner.predict(X.take(held_out)), atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(LEARNERS) - set(REGRESSORS)) + REGRESSORS)
@pytest.mark.parametrize("kind", [TaskKind.BINARY, TaskKind.MULTICLASS])
def test_training_rows_of_one_class_are_no_failure(name, kind):
    if kind not in catalogue()[name].kinds:
        pytest.skip("a learner of numbers")
    table, target = toy_table(kind, 120)
    y = np.where(np.arange(120) < 80, 1, target.y).astype(np.int32)
    folds = Folds(((np.arange(80), np.arange(80, 120)),), 120)
    tree = full(default_tree(catalogue()[name], toy_schema()))
    told = crossfit(tree, table, replace(target, y=y), folds, Seeds(0)).out_of_fold[80:]
    np.testing.assert_allclose(told.sum(axis=1), 1.0, atol=1e-5)
    assert told.mean(axis=0).argmax() == 1


def test_a_name_that_xgboost_has_not_seen_is_predicted_within_what_it_has():
    names = np.repeat(np.arange(50), 8)  # the first of which cost a hundred times as much
    y = np.where(names < 2, 100.0, 1.0) + default_rng(0).normal(size=400)
    X = Matrix(names[:, None].astype(np.float32), (50,), ("c0",))
    learner, rows = built("xgboost"), default_rng(1).permutation(400)
    prepared = learner.prepare(X, Target(TaskKind.REGRESSION, y, 0), Limits())
    learner.fit(prepared, rows[:300], rows[300:], 0, Limits())
    new = replace(X, values=np.full((1, 1), np.nan, np.float32))
    assert abs(learner.predict(new)[0, 0] - 1.0) < 2.0


def test_leaves_are_no_more_than_is_said():
    X, target = wavy(600)
    learner, rows = built("xgboost", grow_policy="lossguide", max_leaves=10), np.arange(600)
    learner.fit(learner.prepare(X, target, Limits()), rows[:400], rows[400:], 0, Limits())
    trees = learner._model.trees_to_dataframe().groupby("Tree")["Feature"]
    assert trees.agg(lambda feature: (feature == "Leaf").sum()).max() == 10


@pytest.mark.parametrize("name", LEARNERS)
def test_no_class_is_ruled_out(name):
    if TaskKind.MULTICLASS not in catalogue()[name].kinds:
        return
    X, target = wavy(300)
    y = np.digitize(target.y, [0.0]) + (np.arange(300) >= 290)  # a class that is new at the end
    target, rows = Target(TaskKind.MULTICLASS, y, 3), np.arange(300)
    learner = catalogue()[name].make(defaults(catalogue()[name].space))
    out = learner.fit(learner.prepare(X, target, Limits()), rows[:250], rows[250:], 0, Limits())
    again = learner.restore(learner.state()).predict(X.take(rows[250:]))
    for predictions in (out, again):
        assert predictions.min() > 1e-5
        np.testing.assert_allclose(predictions.sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", BOOSTERS)
def test_names_that_tell_nothing_spoil_no_booster(name):
    X, target = wavy(600)
    names = default_rng(1).integers(0, 200, 600)
    named = Matrix(np.column_stack([X.values, names]), (*X.levels, 200), (*X.names, "c4"))
    rows = np.arange(600)
    losses = []
    for matrix in (X, named):
        learner = built(name)
        prepared = learner.prepare(matrix, target, Limits())
        predictions = learner.fit(prepared, rows[:400], rows[400:], 0, Limits())
        losses.append(validation_loss(target.take(rows[400:]), predictions))
    assert losses[1] < 1.3 * losses[0]


@pytest.mark.parametrize("name", BOOSTERS)
def test_gains_are_those_of_the_columns_in_their_order(name):
    X, target = wavy(600)
    signal = (target.y > np.median(target.y)).astype(np.float32)  # a category in the middle
    values = np.column_stack([X.values[:, 3], signal, X.values[:, 0]])
    matrix = Matrix(values, (0, 2, 0), ("noise", "signal", "some"))
    learner = built(name)
    rows = np.arange(600)
    learner.fit(learner.prepare(matrix, target, Limits()), rows[:400], rows[400:], 0, Limits())
    for fitted in (learner, built(name).restore(learner.state())):
        assert fitted.gains(3).argmax() == 1 and fitted.gains(3).argmin() == 0


@pytest.mark.parametrize("name", REGRESSORS)
@pytest.mark.parametrize(("scale", "shift"), [(1e-4, 0.0), (1e6, 0.0), (1.0, 1e8)])
def test_the_unit_of_what_is_predicted_changes_nothing(name, scale, shift):
    X, target = wavy(300)
    space = catalogue()[name].space
    penalties = {key: 1.0 for key in ("lambda_l1", "reg_alpha") if key in space}
    predictions = []
    for unit, origin in ((1.0, 0.0), (scale, shift)):
        measured = replace(target, y=target.y * unit + origin)
        learner = catalogue()[name].make({**defaults(space), **penalties})
        rows = np.arange(300)
        prepared = learner.prepare(X, measured, Limits())
        held_out = learner.fit(prepared, rows[:200], rows[200:], 0, Limits())
        predictions.append((held_out - origin) / unit)
    apart = np.abs(predictions[0] - predictions[1]).mean()
    assert apart < 0.05 * target.y.std()


@pytest.mark.parametrize("name", BOOSTERS)
def test_numbers_far_from_zero_stay_apart(name):
    X, target = wavy(600)
    far = replace(X, values=X.values.astype(np.float64) + 1.7e9)
    losses = []
    for matrix in (X, far):
        learner, rows = built(name), np.arange(600)
        prepared = learner.prepare(matrix, target, Limits())
        predictions = learner.fit(prepared, rows[:400], rows[400:], 0, Limits())
        losses.append(validation_loss(target.take(rows[400:]), predictions))
        again = built(name).restore(learner.state()).predict(matrix.take(rows[400:]))
        np.testing.assert_allclose(again, predictions, rtol=1e-5, atol=1e-6)
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


def test_a_round_that_splits_nothing_does_not_end_boosting():
    X, target = wavy(150)
    params = {"extra_trees": True, "num_leaves": 5, "feature_fraction": 0.7}
    learner = built("lightgbm", **params, min_data_in_leaf=12, bagging_fraction=0.85)
    rows = np.arange(150)
    prepared = learner.prepare(X, target, Limits())
    held_out = learner.fit(prepared, rows[:120], rows[120:], 0, Limits())
    left = validation_loss(target.take(rows[120:]), held_out)
    assert learner.rounds > 20 and left < 0.7 * target.y.var()


def noise_trees() -> list[str]:
    """Every learner, and whatever looks at the target below one."""
    learners = [default_tree(catalogue()[name], toy_schema()) for name in LEARNERS]
    return [
        *learners,
        "lightgbm(target_encoding(table))",
        "lightgbm(codes(text_prediction(table)))",
        "logistic(standard_scaling(univariate_selection(impute(target_encoding(table)))))",
    ]


@pytest.mark.parametrize("text", noise_trees())
def test_what_is_pure_noise_stays_at_chance(text):
    table, target = toy_table(TaskKind.BINARY, 300)
    noise = Target(TaskKind.BINARY, default_rng(1).permutation(target.y), 2)
    grammar = Grammar(catalogue().values(), table.schema, noise.kind)
    if "ridge" in text:
        noise = Target(TaskKind.REGRESSION, noise.y.astype(float), 0)
        grammar = Grammar(catalogue().values(), table.schema, noise.kind)
    fit = crossfit(
        grammar.completed(parse(text)), table, noise, make_folds(noise, 3, Seeds(0)), Seeds(0)
    )
    # Four standard errors; means of the target that saw their own row come to 0.8 and more.
    assert roc_auc_score(noise.y, fit.out_of_fold[:, -1]) < 0.63
