"""What went wrong is told: by learner and reason, and in a warning where nothing went well."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from autopipe import AutoClassifier, load
from autopipe.execution.inline import Inline
from autopipe.reports.failures import failures, warn_if_all_failed
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

RIDGE = parse("ridge(impute(table), alpha=1.0)")
LIGHTGBM = parse("lightgbm(codes(table))")


def trial(number, tree=RIDGE, status=Status.ERROR, failure="", **more):
    score = 0.5 if status is Status.COMPLETE else None
    return Trial(number, tree, Source.RANDOM, status, score=score, failure=failure, **more)


def test_failures_are_grouped_by_learner_and_reason():
    told = failures(
        [
            trial(0, failure="ValueError: 3 columns at 0x7fa0\nand more", traceback="first"),
            trial(1, failure="ValueError: 12 columns at 0x7fb0", traceback="last"),
            trial(2, LIGHTGBM, failure="ValueError: 4 columns at 0x7fa0"),
            trial(3, status=Status.COMPLETE),
            trial(4, status=Status.MEMORY, failure="killed at 812 MB"),
        ]
    )
    assert told["learner"].tolist() == ["ridge", "lightgbm", "ridge"]
    assert told["status"].tolist() == ["error", "error", "memory"]
    assert told["reason"].tolist()[:2] == 2 * ["ValueError: N columns at N"]
    assert told["count"].tolist() == [2, 1, 1]
    assert told["share"].tolist() == [0.4, 0.2, 0.2]
    assert told["traceback"][0] == "last"
    assert told["tree"][0] == str(RIDGE)


def test_the_learner_is_found_below_a_calibrator_and_the_root_stands_for_the_unknown():
    trees = [
        parse("temperature(ridge(impute(table), alpha=1.0))"),
        parse("gone(table)"),
    ]
    told = failures([trial(number, tree) for number, tree in enumerate(trees)])
    assert told["learner"].tolist() == ["ridge", "gone"]


def test_a_failure_without_words_is_named_after_its_status():
    assert failures([trial(0, status=Status.TIMEOUT)])["reason"].tolist() == ["timeout"]


def test_a_run_without_failures_has_an_empty_table():
    assert failures([trial(0, status=Status.COMPLETE)]).empty


def test_a_run_without_a_complete_trial_is_warned_of_with_its_reasons():
    alike = [trial(number, failure=f"ValueError: {number}") for number in range(3)]
    with pytest.warns(
        UserWarning,
        match=r"None of the 4 trials .*ridge, error: ValueError: N \(75%\); "
        r"lightgbm, crash: crash \(25%\)",
    ):
        warn_if_all_failed([*alike, trial(3, LIGHTGBM, Status.CRASH)], True)


def test_a_run_without_a_trial_is_warned_of():
    with pytest.warns(UserWarning, match="larger time_budget"):
        warn_if_all_failed([], True)


@pytest.mark.parametrize("trials", [[], [trial(0), trial(1, status=Status.COMPLETE)]])
def test_any_other_run_is_not(trials):
    warn_if_all_failed(trials, False)


X = pd.DataFrame({"size": np.linspace(0, 1, 60), "step": np.arange(60) % 7})
Y = np.where(X["size"] > 0.4, "yes", "no")
ARGUMENTS = {"max_trials": 3, "cv": 2, "verbose": 0, "random_state": 0, "include": ["logistic"]}


class Failing(Inline):
    """Works in a module that raises for every tree."""

    def __init__(self, folder) -> None:
        super().__init__(folder, "failing_work:judge")


def test_a_fit_without_a_complete_trial_says_why_and_gives_the_prior(tmp_path, monkeypatch):
    model = AutoClassifier(**ARGUMENTS, executor=Failing(tmp_path))
    with pytest.warns(UserWarning, match="None of the 3 trials") as told:
        model.fit(X, Y)
    assert told[-1].filename == __file__
    assert model.failures()["reason"].tolist() == ["RuntimeError: no luck with fold N"]
    assert "in judge" in model.failures()["traceback"][0]
    shares = model.predict_proba(X)
    np.testing.assert_allclose(shares[:, 1], (Y == "yes").mean(), atol=0.02)
    model.save(tmp_path / "model.autopipe")
    pd.testing.assert_frame_equal(
        load(tmp_path / "model.autopipe").failures(), model.failures()
    )


def test_a_fit_where_all_went_well_has_no_failures():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = AutoClassifier(**ARGUMENTS, executor="inline").fit(X, Y)
    assert model.failures().empty
