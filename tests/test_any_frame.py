"""What holds for any table that a model is fitted to."""

import numpy as np
import pandas as pd
import pytest
from frames import frames
from hypothesis import given, settings
from hypothesis import strategies as st

from autopipe import AutoClassifier, AutoRegressor

QUICK = {"executor": "inline", "max_trials": 1, "cv": 2, "verbose": 0, "random_state": 0}
few = settings(max_examples=12)
quiet = pytest.mark.filterwarnings("ignore:X has column", "ignore:y has")
drawn = given(
    frame=frames(min_rows=8, max_rows=24),
    labels=st.sampled_from([("no", "yes"), (0, 1, 2), (False, True), (1.0, 3.0)]),
    seed=st.integers(0, 99),
)


def check_that_order_and_company_do_not_matter(predict, frame, rng):
    """Rows, columns and chunks may come in any order, and each row gets what it had."""
    expected = predict(frame)
    rows, columns = rng.permutation(len(frame)), rng.permutation(frame.shape[1])
    cut = int(rng.integers(1, len(frame)))
    chunks = np.concatenate([predict(frame[:cut]), predict(frame[cut:])])
    for given_rows, wanted in (
        (predict(frame.iloc[rows]), expected[rows]),
        (predict(frame.iloc[:, columns]), expected),
        (chunks, expected),
    ):
        # A product of matrices may round the last bit otherwise when their shapes differ.
        np.testing.assert_allclose(given_rows, wanted, rtol=1e-12, atol=1e-12)


@quiet
@drawn
@few
def test_a_classifier_predicts_for_any_frame(frame, labels, seed):
    rng = np.random.default_rng(seed)
    y = np.array(labels)[rng.permutation(np.arange(len(frame)) % len(labels))]
    model = AutoClassifier(**QUICK, include=["extra_trees", "logistic"]).fit(frame, y)
    shares = model.predict_proba(frame)
    assert model.classes_.tolist() == sorted(labels)
    assert shares.shape == (len(frame), len(labels))
    assert np.isfinite(shares).all() and (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert set(model.predict(frame).tolist()) <= set(labels)
    check_that_order_and_company_do_not_matter(model.predict_proba, frame, rng)


@quiet
@drawn
@few
def test_a_regressor_predicts_for_any_frame(frame, labels, seed):
    rng = np.random.default_rng(seed)
    model = AutoRegressor(**QUICK, include=["ridge"]).fit(frame, rng.normal(size=len(frame)))
    predictions = model.predict(frame)
    assert predictions.shape == (len(frame),)
    assert np.isfinite(predictions).all()
    check_that_order_and_company_do_not_matter(model.predict, frame, rng)


@quiet
@drawn
@few
def test_the_order_of_training_rows_does_not_change_what_columns_are(frame, labels, seed):
    rows = np.random.default_rng(seed).permutation(len(frame))
    model = AutoRegressor(**QUICK, include=["ridge"])
    roles = model.fit(frame, np.arange(len(frame))).roles_
    assert model.fit(frame.iloc[rows], np.arange(len(frame))).roles_ == roles


@quiet
def test_a_file_is_predicted_like_the_frame_it_was_written_from(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=60),
            "word": rng.choice(["red", "blue", ""], 60),
            "day": pd.date_range("2024-01-01", periods=60).astype(str),
            "price": [f"{value:.2f} €".replace(".", ",") for value in rng.random(60)],
            "flag": rng.choice(["yes", "no"], 60),
        }
    )
    model = AutoRegressor(**QUICK, include=["ridge"]).fit(frame, frame["number"] * 2)
    assert list(model.roles_.values()) == [
        "numeric", "categorical", "datetime", "numeric", "boolean"
    ]  # fmt: skip
    frame.to_csv(tmp_path / "table.csv", sep=";", decimal=".", index=False)
    assert len(model.predict(tmp_path / "table.csv")) == 60
