from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold, RepeatedKFold
from strategies import NoIdeas

from autopipe import AutoClassifier, AutoRegressor, load
from autopipe.errors import InputError, OptionError, ShapeError
from autopipe.intake.labels import TargetCoding
from autopipe.reports.leaderboard import as_predictions

QUICK = {"executor": "inline", "max_trials": 3, "cv": 2, "verbose": 0, "random_state": 0}
CHEAP = {**QUICK, "include": ["logistic", "ridge", "extra_trees"]}


def toy(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "c"])
    price = frame["a"] + frame["b"] * frame["c"]
    return frame.assign(price=price, sold=np.where(price > 0, "yes", "no"))


OLD, NEW = toy(0), toy(1)
COLUMNS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def model() -> AutoClassifier:
    return AutoClassifier(**CHEAP).fit(OLD[COLUMNS], OLD["sold"])


def test_on_new_rows_the_ensemble_leads_with_the_score_of_its_own_predictions(model):
    board = model.leaderboard(NEW[COLUMNS], NEW["sold"])
    first = board.iloc[0]
    assert first["learner"] == "ensemble" and first["weight"] == 1.0
    shares = model.predict_proba(NEW[COLUMNS])[:, 1]
    assert first["roc_auc_new"] == pytest.approx(roc_auc_score(NEW["sold"] == "yes", shares))
    assert first["roc_auc"] == model.score_


def test_on_new_rows_every_member_has_a_score_and_others_have_none(model):
    board = model.leaderboard(NEW[COLUMNS], NEW["sold"]).iloc[1:]
    assert (board["roc_auc_new"].notna() == (board["weight"] > 0)).all()
    plain = model.leaderboard().iloc[1:]
    assert board["number"].tolist() == plain["number"].tolist()
    assert list(plain) == [name for name in board if name != "roc_auc_new"]


def test_a_single_member_scores_as_the_model_does():
    model = AutoRegressor(**CHEAP, ensemble="none").fit(OLD[COLUMNS], OLD["price"])
    board = model.leaderboard(NEW[COLUMNS], NEW["price"])
    scores = board["root_mean_squared_error_new"].dropna()
    residuals = model.predict(NEW[COLUMNS]) - NEW["price"]
    assert scores.tolist() == pytest.approx([np.sqrt((residuals**2).mean())] * 2)


def test_the_name_of_the_target_is_as_good_as_the_target(model):
    by_name = model.leaderboard(NEW[[*COLUMNS, "sold"]], "sold")
    pd.testing.assert_frame_equal(by_name, model.leaderboard(NEW[COLUMNS], NEW["sold"]))


def test_errors_are_positive_on_new_rows_too():
    model = AutoClassifier(**CHEAP, scoring="neg_log_loss").fit(OLD[COLUMNS], OLD["sold"])
    board = model.leaderboard(NEW[COLUMNS], NEW["sold"])
    told = log_loss(NEW["sold"], model.predict_proba(NEW[COLUMNS]))
    assert board["log_loss_new"].iloc[0] == pytest.approx(told)


def test_a_model_that_was_read_from_a_file_scores_too(model, tmp_path):
    model.save(tmp_path / "model.autopipe")
    copy = load(tmp_path / "model.autopipe")
    pd.testing.assert_frame_equal(
        copy.leaderboard(NEW[COLUMNS], NEW["sold"]),
        model.leaderboard(NEW[COLUMNS], NEW["sold"]),
    )


def test_rows_without_a_target_are_refused_and_so_are_rows_that_do_not_match(model):
    with pytest.raises(InputError, match="X and y, or neither"):
        model.leaderboard(NEW[COLUMNS])
    with pytest.raises(ShapeError):
        model.leaderboard(NEW[COLUMNS], NEW["sold"][:-1])


def test_a_metric_that_was_changed_since_is_told():
    model = AutoClassifier(**{**CHEAP, "max_trials": 1}).fit(OLD[COLUMNS], OLD["sold"])
    model.set_params(scoring="accuracy")
    with pytest.raises(OptionError, match="was fitted with roc_auc"):
        model.leaderboard(NEW[COLUMNS], NEW["sold"])


def test_the_ensemble_leads_with_what_is_known_of_its_score(model):
    first = model.leaderboard().iloc[0]
    assert first["learner"] == "ensemble"
    assert first["corrected"] == model.score_.corrected <= model.score_
    assert (first["low"], first["high"]) == model.score_.interval()


def test_being_the_best_of_many_is_corrected_for_and_being_another_is_not(model):
    trials = model.leaderboard().iloc[1:]
    assert len(trials) == 3
    assert trials["corrected"].iloc[0] <= trials["roc_auc"].iloc[0]
    assert (trials["corrected"] == trials["roc_auc"]).iloc[1:].all()
    assert (trials["low"] < trials["corrected"]).all()
    assert (trials["corrected"] < trials["high"]).all() and (trials["high"] <= 1.0).all()


def test_the_best_trial_alone_is_corrected_as_the_model_that_it_is():
    model = AutoRegressor(**CHEAP, ensemble="none").fit(OLD[COLUMNS], OLD["price"])
    ensemble, best = model.leaderboard()["corrected"].iloc[:2]
    assert ensemble == best >= model.score_


def test_what_is_held_out_once_has_no_interval():
    split = [(np.arange(60), np.arange(60, 80))]
    model = AutoRegressor(**{**CHEAP, "cv": split}).fit(OLD[COLUMNS], OLD["price"])
    trials = model.leaderboard().iloc[1:]
    assert trials["corrected"].notna().all() and trials["low"].isna().all()


def test_predictions_of_somebody_else_have_a_line(model):
    truth = (NEW["sold"] == "yes").to_numpy()
    X, y = NEW[COLUMNS], NEW["sold"]
    shares = np.where(truth, 0.9, 0.2)
    for given, expected in (
        (shares, 1.0),
        (1 - shares, 0.0),
        (np.stack([1 - shares, shares], axis=1), 1.0),
        (NEW["sold"], 1.0),
        (["no"] * len(NEW), 0.5),
    ):
        line = model.leaderboard(X, y, baseline=given).iloc[0]
        assert line["learner"] == "baseline" and line["roc_auc_new"] == expected


def test_numbers_of_somebody_else_have_a_line():
    model = AutoRegressor(**{**CHEAP, "max_trials": 1}).fit(OLD[COLUMNS], OLD["price"])
    board = model.leaderboard(NEW[COLUMNS], NEW["price"], baseline=NEW["price"] + 2)
    assert board["root_mean_squared_error_new"].iloc[0] == pytest.approx(2.0)


def test_predictions_that_do_not_fit_the_rows_are_refused(model):
    X, y = NEW[COLUMNS], NEW["sold"]
    for given in (np.zeros(3), np.zeros((80, 3)), 0.5):
        with pytest.raises(ShapeError, match="baseline"):
            model.leaderboard(X, y, baseline=given)
    with pytest.raises(InputError, match="baseline needs both"):
        model.leaderboard(baseline=y)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (np.full(80, np.nan), "80 values such as nan"),
        (np.linspace(0.5, 1.5, 80), "wanted labels, or probabilities of the second class"),
        (np.tile([-1.0, 2.0], (80, 1)), "wanted probabilities from 0 to 1"),
        (np.tile(["no", "yes"], (80, 1)), "what is no number"),
    ],
)
def test_what_is_no_probability_of_somebody_else_is_refused(model, given, told):
    with pytest.raises(InputError, match=told):
        model.leaderboard(NEW[COLUMNS], NEW["sold"], baseline=given)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        (np.zeros((80, 2)), ShapeError, "has 2 columns: one number for every row"),
        (np.full(80, np.inf), InputError, "80 values such as inf"),
        (["dear"] * 80, InputError, "what is no number"),
    ],
)
def test_what_is_no_number_of_somebody_else_is_refused(given, error, told):
    coding = TargetCoding.learn(OLD["price"], classify=False)
    with pytest.raises(error, match=told):
        as_predictions(given, coding, 80)


def test_repeated_folds_that_share_their_rows_promise_no_more_than_they_know():
    def half(cv: object) -> float:
        model = AutoRegressor(**{**CHEAP, "max_trials": 1, "cv": cv})
        model.fit(OLD[COLUMNS], OLD["price"])
        scores = np.array(model._model.trials[0].fold_scores)
        low, corrected = model.leaderboard()[["low", "corrected"]].iloc[1]
        quantile = student.ppf(0.95, len(scores) - 1)
        return abs(corrected - low) / quantile / scores.std(ddof=1)

    # Nadeau and Bengio: the root of 1 / folds + test / training rows; errors have no upper end.
    assert half(KFold(4)) == pytest.approx(np.sqrt(1 / 4 + 1 / 3))
    repeated = RepeatedKFold(n_splits=4, n_repeats=3, random_state=0)
    assert half(repeated) == pytest.approx(np.sqrt(1 / 12 + 1 / 3))


def test_a_model_without_members_has_an_empty_leaderboard_on_new_rows():
    model = AutoClassifier(**CHEAP, search=NoIdeas()).fit(OLD[COLUMNS], OLD["sold"])
    board = model.leaderboard(NEW[COLUMNS], NEW["sold"])
    assert board["learner"].tolist() == ["ensemble"]
    assert board["roc_auc_new"].tolist() == [0.5]
