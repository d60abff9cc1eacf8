"""What `fit(monotone=...)` promises of the model."""

import numpy as np
import pandas as pd
import pytest
from numpy.random import default_rng

from autopipe import AutoClassifier, AutoRegressor
from autopipe.errors import InputError, OptionError, StoreError
from autopipe.execution.run_data import RunData
from autopipe.folds import make_folds
from autopipe.intake.coding import Coding
from autopipe.matrix import Matrix
from autopipe.monotone import constrained
from autopipe.operators.catalogue import catalogue
from autopipe.operators.declaration import Limits
from autopipe.seeds import Seeds
from autopipe.space import draw
from autopipe.task import Target, TaskKind

QUICK = {"executor": "inline", "max_trials": 8, "cv": 2, "verbose": 0, "random_state": 0}
ROWS = 300


def wavy_frame() -> pd.DataFrame:
    """A target that goes up and down with age, differently for every city."""
    rng = default_rng(0)
    age, size = rng.uniform(-3, 3, ROWS), rng.normal(size=ROWS)
    city = rng.choice(["here", "there"], ROWS)
    wave = np.sin(2.0 * age + (city == "here")) * (1.0 + size**2) + 0.2 * age
    price = wave + rng.normal(scale=0.3, size=ROWS)
    frame = pd.DataFrame({"size": size, "city": city, "age": age, "price": price})
    frame.loc[::11, "age"] = np.nan
    return frame


FRAME = wavy_frame()
X = FRAME[["size", "city", "age"]]
SWEPT = np.linspace(-4.0, 4.0, 81)


def swept(frame: pd.DataFrame, rows: int = 40) -> pd.DataFrame:
    """Some rows, each of them at every age in rising order."""
    each = frame.sample(rows, random_state=1).loc[lambda x: x.index.repeat(len(SWEPT))]
    return each.assign(age=np.tile(SWEPT, rows))


def steps(predictions: np.ndarray) -> np.ndarray:
    """How much further up each row is at the next age, shape (rows, ages - 1)."""
    return np.diff(predictions.reshape(-1, len(SWEPT)), axis=1)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_delivered_regression_goes_one_way(sign):
    model = AutoRegressor(**QUICK, exclude=["catboost"])
    model.fit(X, FRAME["price"], monotone={"age": sign})
    free = AutoRegressor(**QUICK, include=["lightgbm"]).fit(X, FRAME["price"])
    assert (sign * steps(model.predict(swept(X))) >= -1e-6).all()
    assert (sign * steps(free.predict(swept(X))) < -1e-6).any()


def test_the_probability_of_the_second_class_goes_one_way():
    y = np.where(FRAME["price"] > 0, "sold", "kept")
    model = AutoClassifier(**QUICK, exclude=["catboost"]).fit(X, y, monotone={"age": 1})
    assert (steps(model.predict_proba(swept(X))[:, 1]) >= -1e-6).all()


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.parametrize("kind", [TaskKind.REGRESSION, TaskKind.BINARY])
def test_no_hyperparameter_breaks_the_promise(name, kind):
    operator, rng = catalogue()[name], default_rng(3)
    values = np.column_stack(
        [FRAME["city"] == "here", FRAME["size"], FRAME["age"]]  # a category stands first
    ).astype(np.float32)
    matrix = Matrix(values, (2, 0, 0), ("c0", "c1", "c2"), (0, 0, 1))
    y = FRAME["price"].to_numpy()
    target = Target(kind, y, 0)
    if kind is TaskKind.BINARY:
        target = Target(kind, (y > 0).astype(np.int32), 2)
    grid = np.repeat(values[:20], len(SWEPT), axis=0)
    grid[:, 2] = np.tile(SWEPT, 20)
    for _ in range(3):
        params = {**draw(operator.space, rng), "learning_rate": 0.2}
        learner = operator.make(params)
        rows = np.arange(ROWS)
        learner.fit(
            learner.prepare(matrix, target, Limits()), rows[80:], rows[:80], 0, Limits()
        )
        predictions = learner.predict(Matrix(grid, matrix.levels, matrix.names))
        assert (steps(predictions[:, -1]) >= -1e-6).all(), params


def test_the_mark_reaches_the_workers(tmp_path):
    coding = Coding.learn(X)
    table = constrained(coding.encode(X), coding, {"age": -1}, TaskKind.REGRESSION)
    target = Target(TaskKind.REGRESSION, FRAME["price"].to_numpy(), 0)
    RunData(table, target, make_folds(target, 2, Seeds(0))).save(tmp_path)
    columns = RunData.open(tmp_path).table.schema.columns
    assert [column.monotone for column in columns] == [0, 0, -1]


def test_a_run_with_other_marks_is_not_gone_on_with(tmp_path):
    model = AutoRegressor(**{**QUICK, "max_trials": 1}, include=["lightgbm"], path=tmp_path)
    model.fit(X, FRAME["price"], monotone={"age": 1})
    with pytest.raises(StoreError, match="monotone"):
        model.fit(X, FRAME["price"])


@pytest.mark.parametrize(
    ("monotone", "message"),
    [
        ({"agee": 1}, "no such column. Did you mean 'age'"),
        ({"city": 1}, "read as categorical, and only numbers rise"),
    ],
)
def test_only_a_column_of_numbers_can_be_monotone(monotone, message):
    with pytest.raises(InputError, match=message):
        AutoRegressor(**QUICK).fit(X, FRAME["price"], monotone=monotone)


@pytest.mark.parametrize("monotone", [{"age": "up"}, {"age": 2}, ["age"]], ids=str)
def test_a_direction_is_one_of_three_numbers(monotone):
    with pytest.raises(OptionError, match="monotone"):
        AutoRegressor(**QUICK).fit(X, FRAME["price"], monotone=monotone)


def test_of_three_classes_none_rises():
    y = pd.qcut(FRAME["price"], 3, labels=["low", "mid", "high"]).astype(str)
    with pytest.raises(OptionError, match="one class against the others"):
        AutoClassifier(**QUICK).fit(X, y, monotone={"age": 1})


def test_learners_that_promise_nothing_are_refused():
    with pytest.raises(OptionError, match="logistic does not heed monotone"):
        AutoClassifier(**QUICK, include=["logistic"]).fit(
            X, FRAME["price"] > 0, monotone={"age": 1}
        )
