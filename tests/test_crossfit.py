"""Cross-fitting: honest, repeatable, and on time."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.errors import DeadlineReached, TreeError
from autopipe.execution.cache import Cache
from autopipe.execution.crossfit import crossfit
from autopipe.execution.executor import Job
from autopipe.execution.files import data_path, fitted_path, oof_path, read_oof
from autopipe.execution.judging import judge
from autopipe.execution.run_data import RunData
from autopipe.folds import Folds, make_folds
from autopipe.intake.coding import Coding
from autopipe.operators.catalogue import catalogue
from autopipe.operators.fitted import read_fitted, write_fitted
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import Target, TaskKind
from autopipe.tree import TABLE_NAME
from autopipe.trial import Status

TREES = (
    "lightgbm(codes(table), learning_rate=0.2)",
    "xgboost(target_encoding(table), learning_rate=0.2)",
    "logistic(quantile_scaling(impute(one_hot(table))))",
    "temperature(logistic(standard_scaling(impute(target_encoding(table)))))",
)


def toy(rows: int = 60, folds: int = 3) -> tuple[Table, Target, Folds]:
    table, target = toy_table(TaskKind.BINARY, rows)
    return table, target, make_folds(target, folds, Seeds(0))


@pytest.mark.parametrize("text", TREES)
def test_held_out_rows_are_predicted_by_the_model_of_their_fold(text: str) -> None:
    table, target, folds = toy()
    fit = crossfit(full(text), table, target, folds, Seeds(1))
    for model, (_, held_out) in zip(fit.models, folds.pairs, strict=True):
        expected = model.predict(table.take(held_out))
        np.testing.assert_allclose(fit.out_of_fold[held_out], expected, atol=1e-6)


@pytest.mark.parametrize("text", TREES)
def test_the_target_of_held_out_rows_does_not_reach_the_transformers(text: str) -> None:
    """Flipping the held-out labels of one fold changes no fitted transformer of that fold."""
    table, target, folds = toy()
    first = folds.pairs[0][1]
    y = target.y.copy()
    y[first] = 1 - y[first]
    flipped = Target(target.kind, y, target.n_classes)
    before = crossfit(full(text), table, target, folds, Seeds(1)).models[0]
    after = crossfit(full(text), table, flipped, folds, Seeds(1)).models[0]
    for path, node in before.tree.walk():
        if node.op == TABLE_NAME or catalogue()[node.op].family in ("lightgbm", "xgboost"):
            continue  # boosting may stop at another round
        if node.op == "temperature":
            continue  # learns from the other folds, whose models saw these rows
        old, new = before.estimators[path].state(), after.estimators[path].state()
        for name, value in old.items():
            np.testing.assert_array_equal(value, new[name])


def test_threads_over_folds_change_nothing() -> None:
    table, target, folds = toy()
    for text in TREES:
        alone = crossfit(full(text), table, target, folds, Seeds(1))
        together = crossfit(full(text), table, target, folds, Seeds(1), fold_threads=3)
        np.testing.assert_array_equal(alone.out_of_fold, together.out_of_fold)


def test_rows_that_are_never_held_out_have_no_prediction() -> None:
    table, target, _ = toy()
    half = Folds(((np.arange(40), np.arange(40, 60)),), 60)
    fit = crossfit(full(TREES[0]), table, target, half, Seeds(1))
    assert np.isnan(fit.out_of_fold[:40]).all()
    assert np.isfinite(fit.out_of_fold[40:]).all()


def test_a_calibrator_needs_a_second_fold() -> None:
    table, target, _ = toy()
    half = Folds(((np.arange(40), np.arange(40, 60)),), 60)
    with pytest.raises(TreeError, match="needs two folds"):
        crossfit(full(TREES[3]), table, target, half, Seeds(1))


@pytest.mark.parametrize("text", TREES)
def test_a_share_of_the_training_rows_predicts_the_same_held_out_rows(text: str) -> None:
    table, target, folds = toy()
    fit = crossfit(full(text), table, target, folds, Seeds(1), train_share=0.5)
    assert np.isfinite(fit.out_of_fold).all()
    thinned = folds.thinned(target, 0.5, Seeds(1))
    direct = crossfit(full(text), table, target, thinned, Seeds(1))
    np.testing.assert_array_equal(fit.out_of_fold, direct.out_of_fold)


@pytest.mark.parametrize("text", TREES)
def test_shares_do_not_meet_in_the_cache(text: str) -> None:
    table, target, folds = toy()
    cache = Cache(10**9)
    for share in (0.5, 1.0, 0.5):
        fits = [
            crossfit(full(text), table, target, folds, Seeds(1), cache=kept, train_share=share)
            for kept in (cache, None)
        ]
        np.testing.assert_array_equal(fits[0].out_of_fold, fits[1].out_of_fold)


def test_a_deadline_leaves_every_fold_a_lesser_model() -> None:
    table, target, folds = toy(rows=2_000)
    slow = full("lightgbm(codes(table), learning_rate=0.005)")
    fit = crossfit(slow, table, target, folds, Seeds(1), time.monotonic() + 0.3)
    assert fit.is_truncated
    assert np.isfinite(fit.out_of_fold).all()


def test_a_deadline_in_the_past_is_said() -> None:
    table, target, folds = toy()
    with pytest.raises(DeadlineReached):
        crossfit(full(TREES[0]), table, target, folds, Seeds(1), time.monotonic() - 1)


@pytest.mark.parametrize("text", TREES)
def test_fitted_trees_survive_a_file(text: str) -> None:
    table, target, folds = toy()
    fit = crossfit(full(text), table, target, folds, Seeds(1))
    file = io.BytesIO()
    write_fitted(file, fit.models)
    file.seek(0)
    for model, again in zip(fit.models, read_fitted(file), strict=True):
        np.testing.assert_array_equal(model.predict(table), again.predict(table))


def test_a_job_leaves_predictions_and_models_in_the_run_folder(tmp_path) -> None:
    table, target, folds = toy()
    RunData(table, target, folds).save(data_path(tmp_path))
    outcome = judge(Job(3, str(full(TREES[2])), seed=1), tmp_path)
    assert outcome.status is Status.COMPLETE
    direct = crossfit(full(TREES[2]), table, target, folds, Seeds(1))
    with oof_path(tmp_path, 3).open("rb") as file:
        np.testing.assert_array_equal(read_oof(file), direct.out_of_fold)
    with fitted_path(tmp_path, 3).open("rb") as file:
        assert len(read_fitted(file)) == len(folds)


@pytest.mark.parametrize("text", TREES)
def test_a_screen_is_made_of_the_rows_alone_that_it_looks_at(text: str, tmp_path) -> None:
    table, target, folds = toy(rows=200)
    glimpse = folds.glimpse(target, Seeds(1)).thinned(target, 0.25, Seeds(1))
    ((train, held_out),) = glimpse.pairs
    given = []
    for name, unseen in (("as_it_is", table.numbers), ("other", table.numbers * 100 + 7)):
        numbers = unseen.copy()
        numbers[train], numbers[held_out] = table.numbers[train], table.numbers[held_out]
        RunData(replace(table, numbers=numbers), target, folds).save(data_path(tmp_path / name))
        job = Job(0, str(full(text)), seed=1, train_share=0.25, is_screen=True)
        assert judge(job, tmp_path / name).status is Status.COMPLETE
        with oof_path(tmp_path / name, 0).open("rb") as file:
            given.append(read_oof(file))
    np.testing.assert_array_equal(*given)
    assert np.isfinite(given[0][held_out]).all()
    assert np.isnan(np.delete(given[0], held_out, axis=0)).all()


@pytest.mark.parametrize("is_screen", [True, False])
def test_a_screen_boosts_in_large_steps_whatever_the_rate(is_screen, tmp_path) -> None:
    RunData(*toy(rows=200)).save(data_path(tmp_path))
    given = []
    for number, params in enumerate(["0.01", "0.1", "0.1, num_leaves=3"]):
        text = f"temperature(lightgbm(codes(table), learning_rate={params}))"
        judge(Job(number, str(full(text)), seed=1, is_screen=is_screen), tmp_path)
        with oof_path(tmp_path, number).open("rb") as file:
            given.append(read_oof(file))
    assert np.array_equal(given[0], given[1], equal_nan=True) == is_screen
    assert not np.array_equal(given[1], given[2], equal_nan=True)


def test_a_job_without_time_is_a_timeout(tmp_path) -> None:
    RunData(*toy()).save(data_path(tmp_path))
    outcome = judge(Job(0, str(full(TREES[0])), seed=1, seconds=-1.0), tmp_path)
    assert outcome.status is Status.TIMEOUT
    assert not oof_path(tmp_path, 0).exists()


def test_run_data_survive_files(tmp_path) -> None:
    table, target = toy_table(TaskKind.REGRESSION, is_weighted=True)
    data = RunData(table, target, make_folds(target, 4, Seeds(0)))
    data.save(tmp_path)
    again = RunData.open(tmp_path)
    assert again.table.fingerprint() == table.fingerprint()
    np.testing.assert_array_equal(again.target.y, target.y)
    np.testing.assert_array_equal(again.target.weights, target.weights)
    for pair, other in zip(data.folds.pairs, again.folds.pairs, strict=True):
        np.testing.assert_array_equal(pair[0], other[0])
        np.testing.assert_array_equal(pair[1], other[1])


@pytest.mark.parametrize(
    "text",
    [
        "xgboost(codes(table))",
        "xgboost(codes(with_features(table, target_mean(c0))))",
        "extra_trees(impute(codes(table)))",
        "mlp(codes(table))",
    ],
)
def test_categories_that_training_rows_lack_are_missing_in_held_out_rows(text: str) -> None:
    """Codes in the order of the target tell nothing of a category that nobody has seen."""
    rows = 120
    levels = np.repeat(np.arange(60), 2)
    frame = pd.DataFrame({"name": [f"n{level:02d}" for level in levels]})
    table = Coding.learn(frame, {"name": "categorical"}).encode(frame)
    target = Target(TaskKind.REGRESSION, levels.astype(float), 0)
    folds = make_folds(replace(target, groups=levels), 4, Seeds(0))
    fit = crossfit(full(text), table, target, folds, Seeds(0))
    for _, held_out in folds.pairs:
        assert np.ptp(fit.out_of_fold[held_out]) < 1e-6 * rows
