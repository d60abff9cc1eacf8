import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, TimeSeriesSplit

from autopipe import AutoClassifier, AutoRegressor, load
from autopipe.errors import (
    InputError,
    OptionError,
    ShapeError,
    StoreError,
)

QUICK = {"executor": "inline", "max_trials": 2, "cv": 3, "verbose": 0, "random_state": 0}
CHEAP = {**QUICK, "include": ["logistic", "ridge", "extra_trees"]}


def toy_frame(rows: int = 90, seed: int = 0) -> pd.DataFrame:
    """Numbers, texts and gaps, and three targets that follow from them."""
    rng = np.random.default_rng(seed)
    size, noise = rng.normal(size=rows), rng.normal(size=rows)
    colour = rng.choice(["red", "blue", "green"], rows)
    frame = pd.DataFrame({"size": size, "colour": colour, "noise": noise})
    frame.loc[::9, "size"] = np.nan
    frame.loc[4::9, "colour"] = None
    price = 3.0 * size + 2.0 * (colour == "red") + 0.3 * noise
    return frame.assign(price=price, sold=np.where(price > 0, "yes", "no"), month=1)


FRAME = toy_frame()
X = FRAME[["size", "colour", "noise"]]


@pytest.fixture(scope="module")
def classifier() -> AutoClassifier:
    return AutoClassifier(**CHEAP).fit(X, FRAME["sold"])


@pytest.fixture(scope="module")
def regressor() -> AutoRegressor:
    return AutoRegressor(**CHEAP).fit(X, FRAME["price"])


# What fits and predicts


def test_a_classifier_gives_classes_and_probabilities(classifier):
    shares = classifier.predict_proba(X)
    assert shares.shape == (90, 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert (classifier.predict(X) == classifier.classes_[shares.argmax(axis=1)]).all()
    assert classifier.score(X, FRAME["sold"]) > 0.8


def test_a_regressor_gives_numbers(regressor):
    assert regressor.predict(X).shape == (90,)
    assert regressor.score(X, FRAME["price"]) > 0.8


@pytest.mark.parametrize(
    "labels",
    [("no", "yes"), (False, True), (3, 7), (0.0, 1.0), ("a", "b", "c"), (1, 2, 5)],
    ids=str,
)
def test_classes_keep_their_type(labels):
    codes = pd.qcut(FRAME["price"], len(labels), labels=False).to_numpy()
    y = np.array(labels)[codes]
    model = AutoClassifier(**{**CHEAP, "max_trials": 1}).fit(X, y)
    assert model.classes_.tolist() == list(labels)
    assert {type(label) for label in model.predict(X).tolist()} == {type(labels[0])}
    assert model.predict_proba(X).shape == (90, len(labels))


@pytest.mark.parametrize(
    "labels",
    [
        np.array([False, True], dtype=object),
        np.array([0, 1], dtype=object),
        np.array([0.5, 1.0, 1.5]),
        np.array(["a", "b", "c"]),
    ],
)
def test_labels_of_any_type_can_be_scored(labels):
    y = labels[np.arange(len(X)) % len(labels)]
    model = AutoClassifier(**{**CHEAP, "max_trials": 1}, scoring="accuracy").fit(X, y)
    assert model.score(X, y) == (model.predict(X) == y).mean()
    if isinstance(labels[0], str):
        assert model.score(X[:3], np.array(["new"] * 3)) == 0.0
    else:
        with pytest.raises(InputError, match="y holds 'new', which is none of the"):
            model.score(X[:3], np.array(["new"] * 3))


def test_a_target_may_be_written_as_amounts():
    prices = (1_000 + 200 * FRAME["price"]).round(2)
    texts = [f"${price:,.2f}" for price in prices]
    model = AutoRegressor(**{**CHEAP, "max_trials": 1}).fit(X, texts)
    plain = AutoRegressor(**{**CHEAP, "max_trials": 1}).fit(X, prices)
    np.testing.assert_allclose(model.predict(X), plain.predict(X))
    assert model.score(X, texts) == pytest.approx(plain.score(X, prices))


def test_the_name_of_the_target_is_as_good_as_the_target(classifier):
    both = FRAME.drop(columns=["price", "month"])
    model = AutoClassifier(**CHEAP).fit(both, "sold")
    assert (model.predict_proba(X) == classifier.predict_proba(X)).all()


def test_a_name_alone_needs_a_frame():
    with pytest.raises(InputError, match="DataFrame"):
        AutoClassifier(**CHEAP).fit(np.zeros((3, 2)), "sold")
    with pytest.raises(InputError, match="Did you mean 'sold'"):
        AutoClassifier(**CHEAP).fit(FRAME, "solt")


def test_boosting_is_found_by_its_name():
    model = AutoRegressor(**{**QUICK, "include": ["lightgbm"]}).fit(X, FRAME["price"])
    assert model.leaderboard()["learner"].unique().tolist() == ["ensemble", "lightgbm"]


def test_what_fit_learned_is_told(classifier):
    assert classifier.n_features_in_ == 3
    assert classifier.feature_names_in_.tolist() == ["size", "colour", "noise"]
    assert classifier.roles_["colour"] == "categorical"
    assert 0.5 < classifier.score_ <= 1.0
    assert {"intake", "setup", "search", "finish"} <= set(classifier.ledger_)
    assert not classifier.interrupted_


def test_the_history_has_every_trial_and_the_leaderboard_the_complete_ones(classifier):
    history, board = classifier.history_, classifier.leaderboard().iloc[1:]
    wanted = {"number", "source", "parents", "tree", "status", "score", "seconds"}
    assert wanted <= set(history)
    assert history["number"].tolist() == [0, 1]
    assert board["roc_auc"].is_monotonic_decreasing
    assert board["weight"].sum() == pytest.approx(1.0)


def test_errors_are_shown_positive_and_the_smallest_leads(regressor):
    board = regressor.leaderboard().iloc[1:]
    assert (board["root_mean_squared_error"] > 0).all()
    assert board["root_mean_squared_error"].is_monotonic_increasing
    assert regressor.score_ > 0


# Arguments


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"include": ["lgoistic"]}, "lgoistic"),
        ({"knowledge": "later"}, "knowledge='later'"),
        ({"include": "logistic"}, "give a list"),
        ({"exclude": ["forests?"]}, "neither operators nor families"),
        ({"exclude": ["linear", "forest", "boosting", "forests"]}, "neither|no learner"),
        ({"max_trials": 0}, "max_trials=0"),
        ({"max_trials": "ten"}, "max_trials='ten'"),
        ({"preset": "bset"}, "Did you mean 'best'"),
        ({"callbacks": print}, "give a list of functions"),
        ({"time_budget": "10 minuets"}, "10 minuets"),
        ({"time_budget": -1}, "positive"),
        ({"scoring": "roc_uac"}, "Did you mean"),
        ({"cv": "five"}, "cv='five'"),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"executor": "threads"}, "threads"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_told(argument, message):
    with pytest.raises(OptionError, match=message):
        AutoClassifier(**{**CHEAP, **argument}).fit(X, FRAME["sold"])


def test_rows_and_targets_that_do_not_match_are_refused():
    with pytest.raises(ShapeError, match="90 rows and y has 89"):
        AutoClassifier(**CHEAP).fit(X, FRAME["sold"][:-1])


@pytest.mark.parametrize(
    "cv",
    [KFold(4), TimeSeriesSplit(3), [(np.arange(60), np.arange(60, 90))]],
    ids=["splitter", "time", "pairs"],
)
def test_folds_can_be_given(cv):
    model = AutoRegressor(**{**CHEAP, "cv": cv}).fit(X, FRAME["price"])
    assert np.isfinite(model.score_)
    assert np.isfinite(model.predict(X)).all()


def test_a_single_fold_leaves_out_what_learns_from_the_others():
    pair = [(np.arange(60), np.arange(60, 90))]
    options = {**CHEAP, "cv": pair, "include": ["linear"], "max_trials": 6}
    trees = AutoClassifier(**options).fit(X, FRAME["sold"]).history_["tree"]
    assert not trees.str.contains("temperature|sigmoid|isotonic").any()


def test_groups_are_never_on_both_sides_of_a_fold():
    groups = np.arange(90) // 30
    codes = (groups == 1).astype(int)  # known by the group alone, so never by a held-out row
    table = pd.DataFrame({"group": groups.astype(float), "noise": FRAME["noise"]})
    grouped = AutoClassifier(**{**CHEAP, "include": ["extra_trees"]})
    grouped.fit(table, codes, groups=groups)
    assert grouped.score_ < 0.9


def test_rows_without_weight_do_not_count():
    y = FRAME["price"].copy()
    weights = np.ones(90)
    y[:30], weights[:30] = 1e6, 0.0
    model = AutoRegressor(**{**CHEAP, "include": ["ridge"]})
    model.fit(X, y, sample_weight=weights)
    assert abs(model.predict(X)).max() < 100
    assert model.score_ < 100


def test_a_role_can_be_given():
    table = X.assign(code=np.arange(90) % 4)
    model = AutoClassifier(**CHEAP).fit(table, FRAME["sold"], roles={"code": "categorical"})
    assert model.roles_["code"] == "categorical"


def test_what_scikit_learn_leaves_open_may_be_left_open():
    model = AutoClassifier(**CHEAP, n_jobs=None, callbacks=None)
    numbered = FRAME.set_axis(range(FRAME.shape[1]), axis=1)
    target = FRAME.columns.get_loc("sold")
    assert model.fit(numbered, target).score(numbered, target) > 0


def test_a_loaded_model_has_the_arguments_that_json_holds(tmp_path):
    class Mine(AutoRegressor):
        pass

    space = {"ridge": {"alpha": [1.0, 2.0]}}
    model = Mine(**{**CHEAP, "include": ["ridge"]}, space=space).fit(X, FRAME["price"])
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, AutoRegressor)
    assert (again.include, again.space) == (["ridge"], space)


# The end of a run


def test_a_callback_sees_every_trial_and_may_end_the_run():
    seen = []

    def stop_at_two(trial):
        seen.append(trial.number)
        return len(seen) == 2

    model = AutoClassifier(**{**CHEAP, "max_trials": 5, "callbacks": [stop_at_two]})
    model.fit(X, FRAME["sold"])
    assert seen == [0, 1]
    assert len(model.history_) == 2


@pytest.mark.parametrize(("answer", "trials"), [(np.True_, 1), (np.False_, 2), ("yes", 2)])
def test_a_true_of_numpy_ends_the_run_and_what_is_no_boolean_does_not(answer, trials):
    model = AutoClassifier(**{**CHEAP, "callbacks": [lambda trial: answer]})
    assert len(model.fit(X, FRAME["sold"]).history_) == trials


def test_a_callback_that_raises_costs_nothing_but_itself():
    seen = []

    def fail(trial):
        raise TypeError("None < 1")

    model = AutoClassifier(**{**CHEAP, "callbacks": [fail, seen.append]})
    with pytest.warns(UserWarning, match="A callback raised TypeError: None < 1"):
        model.fit(X, FRAME["sold"])
    assert len(seen) == len(model.history_) == 2
    assert model.history_["status"].tolist() == ["complete"] * 2


def test_ctrl_c_gives_the_best_so_far():
    def interrupt(trial):
        raise KeyboardInterrupt

    model = AutoClassifier(**{**CHEAP, "max_trials": 5, "callbacks": [interrupt]})
    model.fit(X, FRAME["sold"])
    assert model.interrupted_
    assert model.history_["status"].tolist() == ["complete"]
    assert model.score(X, FRAME["sold"]) > 0.8


class Silent:
    """A search that proposes nothing."""

    def ask(self):
        return None

    def tell(self, trial):
        raise AssertionError("nothing was proposed")


def test_without_a_trial_the_model_is_the_prior():
    model = AutoClassifier(**CHEAP, search=Silent()).fit(X, FRAME["sold"])
    share = (FRAME["sold"] == "yes").mean()
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], share, atol=0.01)
    assert np.isnan(model.score_)
    assert model.leaderboard()["learner"].tolist() == ["ensemble"]


def test_no_folder_is_left_behind(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    AutoClassifier(**CHEAP).fit(X, FRAME["sold"])
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_is_kept_and_not_written_over(tmp_path):
    model = AutoClassifier(**{**CHEAP, "path": tmp_path / "run"})
    model.fit(X, FRAME["sold"])
    assert (tmp_path / "run" / "run.sqlite").is_file()
    with pytest.raises(StoreError, match="another target"):
        model.fit(X, FRAME["sold"].to_numpy()[::-1])


# Luck


def test_a_counted_run_is_the_same_for_any_number_of_workers():
    arguments = {**CHEAP, "max_trials": 6, "cv": 2}
    inline = AutoClassifier(**arguments).fit(X, FRAME["sold"])
    spread = AutoClassifier(**{**arguments, "executor": "processes", "n_jobs": 2})
    spread.fit(X, FRAME["sold"])
    told = ["number", "source", "parents", "tree", "status", "score"]
    pd.testing.assert_frame_equal(inline.history_[told], spread.history_[told])
    assert (inline.predict_proba(X) == spread.predict_proba(X)).all()


def test_another_seed_cuts_other_folds(classifier):
    other = AutoClassifier(**{**CHEAP, "random_state": 1}).fit(X, FRAME["sold"])
    assert other.history_["score"].tolist() != classifier.history_["score"].tolist()


# What is predicted for


def test_columns_are_found_by_name(classifier):
    shuffled = X[["noise", "size", "colour"]]
    assert (classifier.predict_proba(shuffled) == classifier.predict_proba(X)).all()


def test_a_column_of_nothing_but_new_categories_is_told_of(classifier):
    with pytest.warns(UserWarning, match="90 of 90 cells of column 'colour'"):
        unseen = classifier.predict_proba(X.assign(colour="mauve"))
    missing = classifier.predict_proba(X.assign(colour=None))  # as in some rows of fit
    assert (unseen != missing).any()


@pytest.mark.parametrize(
    "name", ["ridge", "catboost", "xgboost", "lightgbm", "extra_trees", "mlp"]
)
def test_what_missing_says_is_not_said_of_new_categories(name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"kind": rng.choice([*"abcdef"], 300).astype(object)})
    X["size"] = rng.normal(size=300)
    X.loc[rng.random(300) < 0.4, "kind"] = None  # more often than any other
    y = X["size"] + 5.0 * X["kind"].isna()
    model = AutoRegressor(**{**CHEAP, "include": [name], "max_trials": 1}).fit(X, y)
    new, missing = (
        model.predict(X.assign(kind=kind)[:15]) - X["size"][:15] for kind in ("z", None)
    )
    assert abs(np.mean(new)) < 1.5 < 4.0 < np.mean(missing)


def test_score_refuses_rows_in_another_order(classifier, regressor):
    for model, name in ((classifier, "sold"), (regressor, "price")):
        with pytest.raises(InputError, match="in another order"):
            model.score(X, FRAME[name].sample(frac=1.0, random_state=0))


def test_a_missing_column_is_told(classifier):
    with pytest.raises(InputError, match="lacks column 'size'"):
        classifier.predict(X.drop(columns="size"))


def test_a_column_too_many_is_ignored_with_a_warning(classifier):
    with pytest.warns(UserWarning, match="'month'"):
        extra = classifier.predict_proba(X.assign(month=1))
    assert (extra == classifier.predict_proba(X)).all()


def test_arrays_are_matched_by_position():
    table = X[["size", "noise"]].to_numpy()
    model = AutoRegressor(**CHEAP).fit(table, FRAME["price"])
    assert model.predict(table[:5]).shape == (5,)
    with pytest.raises(ShapeError, match="expecting 2 features"):
        model.predict(table[:, :1])


# Copies


def test_arguments_are_kept_as_they_are_and_cloned(classifier):
    assert classifier.get_params()["cv"] == 3
    copy = clone(classifier)
    assert copy.get_params() == classifier.get_params()
    assert not hasattr(copy, "score_")


@pytest.mark.parametrize("fitted", ["classifier", "regressor"])
def test_a_pickled_model_predicts_the_same(fitted, request):
    model = request.getfixturevalue(fitted)
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.predict(X) == model.predict(X)).all()


@pytest.mark.parametrize("fitted", ["classifier", "regressor"])
def test_a_saved_model_predicts_the_same(fitted, request, tmp_path):
    model = request.getfixturevalue(fitted)
    model.save(tmp_path / "model.autopipe")
    copy = load(tmp_path / "model.autopipe")
    assert type(copy) is type(model)
    assert (copy.predict(X) == model.predict(X)).all()
    assert copy.score_ == model.score_
    pd.testing.assert_frame_equal(copy.leaderboard(), model.leaderboard())
    pd.testing.assert_frame_equal(copy.history_, model.history_)


def test_saved_probabilities_of_every_learner_are_the_same(tmp_path):
    include = ["lightgbm", "xgboost", "catboost", "extra_trees", "logistic"]
    arguments = {**QUICK, "include": include, "max_trials": 5, "cv": 2}
    model = AutoClassifier(**arguments).fit(X, FRAME["sold"])
    model.save(tmp_path / "model.autopipe")
    assert (load(tmp_path / "model.autopipe").predict_proba(X) == model.predict_proba(X)).all()


def test_the_prior_is_saved_too(tmp_path):
    model = AutoClassifier(**CHEAP, search=Silent()).fit(X, FRAME["sold"])
    model.save(tmp_path / "model.autopipe")
    copy = load(tmp_path / "model.autopipe")
    assert (copy.predict_proba(X) == model.predict_proba(X)).all()
    assert copy.leaderboard()["learner"].tolist() == ["ensemble"]


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError, match="There is no file"):
        load(tmp_path / "model.autopipe")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_torn_file_is_told(classifier, tmp_path, share):
    path = tmp_path / "model.autopipe"
    classifier.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StoreError, match="damaged"):
        load(path)


def test_a_flipped_byte_is_told_or_does_no_harm(classifier, tmp_path):
    path = tmp_path / "model.autopipe"
    classifier.save(path)
    content = path.read_bytes()
    told = 0
    for place in range(0, len(content), max(1, len(content) // 40)):
        path.write_bytes(
            content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        )
        try:
            load(path)
        except StoreError:
            told += 1
    assert told > 20


@pytest.mark.parametrize(
    "head", ["{}", "[]", '{"format": 1}', '{"format": "1"}', "1", '{"format": 99}']
)
def test_a_file_of_another_make_is_told(classifier, tmp_path, head):
    path = tmp_path / "model.autopipe"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", head)
    with pytest.raises(StoreError):
        load(path)


def test_a_model_that_was_not_fitted_cannot_be_saved(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        AutoClassifier().save(Path(tmp_path / "model.autopipe"))
