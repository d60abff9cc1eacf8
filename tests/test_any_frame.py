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
            "word": rng.choice(["red", "blue"], 60),  # a file has no empty ones
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
    np.testing.assert_allclose(model.predict(tmp_path / "table.csv"), model.predict(frame))


@quiet
def test_texts_that_look_like_numbers_are_texts_in_a_file_too(tmp_path):
    version = np.resize(["1.1", "1.10", "beta"], 60)
    frame = pd.DataFrame(
        {
            "price": [f"{n + 1}.{(n * 37) % 900 + 100}" for n in range(59)] + ["1.250.000"],
            "version": version,
            "zip": np.resize(["007", "7", "A12", "012"], 60),
            "plain": np.arange(60) % 9 / 2,
        }
    )
    y = np.where(version == "1.10", 100.0, 0.0) + frame["plain"]
    learners = ["extra_trees"]
    model = AutoRegressor(**QUICK, include=learners).fit(frame, y)
    labels = np.where(version == "1.10", "01", "1")
    classifier = AutoClassifier(**QUICK, include=learners).fit(frame, labels)
    assert model.roles_["price"] == "numeric"
    file = tmp_path / "new.csv"
    for new in (frame, frame.iloc[[4]], frame.iloc[[28, 4]]):
        new.to_csv(file, index=False)
        np.testing.assert_allclose(model.predict(file), model.predict(new))
        new.assign(label=labels[new.index]).to_csv(file, index=False)
        with pytest.warns(UserWarning, match="'label', which .* was not fitted with"):
            np.testing.assert_allclose(model.predict(str(file)), model.predict(new))
        expected = classifier.score(new, labels[new.index])
        assert classifier.score(file, "label") == expected > 0.9


@quiet
def test_a_file_names_columns_that_are_called_by_numbers(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({3: rng.normal(size=60), 7: rng.choice(["a", "b"], 60)})
    model = AutoRegressor(**QUICK, include=["extra_trees"]).fit(frame, frame[3])
    new = frame.assign(y=np.where(frame[7] == "a", 5.0, -5.0)).replace({7: {"a": "c"}})
    new.to_csv(tmp_path / "new.csv", index=False)
    model.refit(tmp_path / "new.csv", "y")
    assert "c" in model._model.coding.columns[7].levels
