"""Importance by permutation, on rows that the model has not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from autopipe import AutoClassifier, AutoRegressor
from autopipe.errors import OptionError
from autopipe.intake.coding import Coding
from autopipe.metrics import metric_for
from autopipe.reports import importance
from autopipe.reports.importance import permutation_importance
from autopipe.roles import Role
from autopipe.table import Table, place_columns
from autopipe.task import Target, TaskKind

QUICK = {"executor": "inline", "max_trials": 2, "cv": 2, "verbose": 0, "random_state": 0}
RMSE = metric_for(None, TaskKind.REGRESSION, None)


def table_of(columns: dict[str, np.ndarray]) -> Table:
    names = dict.fromkeys(columns, Role.NUMERIC)
    schema = place_columns(names, {}, dict.fromkeys(columns, False), frozenset())
    rows = len(next(iter(columns.values())))
    numbers = np.column_stack(list(columns.values())).astype(np.float32)
    return Table(schema, numbers, np.empty((rows, 0)), np.empty((rows, 0), np.int32))


def important(table: Table, y: np.ndarray, predict, unread: str = "") -> pd.DataFrame:
    columns = {one.name: [one] * (one.name != unread) for one in table.schema.columns}
    target = Target(TaskKind.REGRESSION, y, 0)
    rng = np.random.default_rng(1)
    return permutation_importance(table, target, RMSE, predict, columns, 5, rng)


def test_a_column_is_worth_the_error_that_shuffling_it_makes():
    strong, idle = np.random.default_rng(0).normal(size=(2, 3_000))
    table = table_of({"strong": strong, "idle": idle})
    told = important(table, strong, lambda rows: rows.numbers[:, :1])
    assert told["column"].tolist() == ["strong", "idle"]
    # Two independent draws of variance 1 differ by the root of 2.
    assert told["importance"][0] == pytest.approx(np.sqrt(2), abs=0.05)
    assert told["low"][0] < np.sqrt(2) < told["high"][0]
    assert told.loc[1, ["importance", "low", "high"]].tolist() == [0.0, 0.0, 0.0]


def test_a_column_that_is_not_read_costs_no_prediction():
    asked = []

    def predict(rows: Table) -> np.ndarray:
        asked.append(rows)
        return np.zeros((len(rows), 1))

    table = table_of({"read": np.arange(3.0), "dropped": np.arange(3.0)})
    important(table, np.arange(3.0), predict, unread="dropped")
    assert len(asked) == 1 + 5
    assert all((rows.numbers[:, 1] == [0, 1, 2]).all() for rows in asked)


def test_the_table_is_left_as_it_was():
    table = table_of({"a": np.arange(4.0)})
    important(table, np.arange(4.0), lambda rows: rows.numbers)
    assert table.numbers.ravel().tolist() == [0, 1, 2, 3]


def test_texts_and_the_categories_that_they_spell_are_shuffled_together():
    told = [f"the {colour} one, number {place % 7}" for place, colour in enumerate("ab" * 100)]
    frame = pd.DataFrame({"told": told, "size": np.arange(200) * 1.5})
    coding = Coding.learn(frame, {"told": "text"})
    table = coding.encode(frame)
    turned = np.arange(200)[::-1]
    other = importance._shuffled(table, coding.coded["told"], turned)
    assert [text.strings() for text in other.texts] == [told[::-1]]
    for column in coding.coded["told"]:
        if column.block == "codes":
            assert (other.values(column) == table.values(column)[turned]).all()
    np.testing.assert_array_equal(other.numbers, table.numbers)


def toy(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(150, 3)), columns=["weak", "strong", "idle"])
    frame["colour"] = rng.choice(["red", "blue"], size=150)
    price = 3 * frame["strong"] + frame["weak"] + 2 * (frame["colour"] == "red")
    return frame.assign(price=price, sold=np.where(price > 1, "yes", "no"))


@pytest.mark.parametrize("scoring", ["roc_auc", "accuracy"])
def test_a_classifier_tells_which_columns_it_needs(scoring):
    X, y = (toy(0).drop(columns=["price", "sold"]), toy(0)["sold"])
    model = AutoClassifier(**QUICK, include=["logistic"], scoring=scoring).fit(X, y)
    new = toy(1).drop(columns="price")
    table = model.feature_importance(new, "sold", repeats=2)
    assert table["column"].tolist()[0] == "strong"
    assert set(table["column"]) == {"weak", "strong", "idle", "colour"}
    assert (table["low"] <= table["importance"]).all()
    pd.testing.assert_frame_equal(table, model.feature_importance(new, "sold", repeats=2))


def test_columns_without_names_are_told_by_position():
    X, y = toy(0)[["weak", "strong", "idle"]].to_numpy(), toy(0)["price"]
    model = AutoRegressor(**QUICK, include=["ridge"]).fit(X, y)
    assert model.feature_importance(X, y)["column"].iloc[0] in (1, "x1", "1")


def test_names_of_any_type_are_told_as_they_are_read():
    X = toy(0)[["weak", "strong", "idle"]]
    dated = X.set_axis(pd.date_range("2020-01-01", periods=3), axis=1)
    model = AutoRegressor(**QUICK, include=["ridge"]).fit(dated, toy(0)["price"])
    table = model.feature_importance(dated, toy(0)["price"])
    assert table["column"].iloc[0] == "2020-01-02 00:00:00" == list(model.roles_)[1]
    assert table["importance"].iloc[0] > 0.0


@pytest.mark.filterwarnings("ignore:X has feature names, but")
def test_names_do_not_matter_to_a_model_that_was_fitted_without():
    X, y = toy(0)[["weak", "strong", "idle"]], toy(0)["price"]
    model = AutoRegressor(**QUICK, include=["ridge"]).fit(X.to_numpy(), y)
    table = model.feature_importance(X, y)
    pd.testing.assert_frame_equal(table, model.feature_importance(X.to_numpy(), y))


def test_no_repeats_are_refused():
    model = AutoRegressor(**{**QUICK, "max_trials": 1}, include=["ridge"])
    model.fit(toy(0)[["weak", "strong"]], toy(0)["price"])
    with pytest.raises(OptionError, match="give 1 or more"):
        model.feature_importance(toy(1)[["weak", "strong"]], toy(1)["price"], repeats=0)


def test_columns_that_are_called_by_numbers_may_be_called_by_texts() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 3)))
    model = AutoRegressor(**QUICK, include=["ridge"]).fit(X, X[1])
    written = X.set_axis(["0", "1", "2"], axis=1)
    pd.testing.assert_frame_equal(
        model.feature_importance(written, X[1]), model.feature_importance(X, X[1])
    )
