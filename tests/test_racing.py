"""What is clearly worse after some folds is spared the others; nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from counted_runs import QUICK, toy

from autopipe import AutoClassifier
from autopipe.execution.racing import OutrunError, Race, Watch
from autopipe.folds import Folds
from autopipe.task import Target, TaskKind
from autopipe.tree import parse
from autopipe.trial import Status

ROWS = 40
TARGET = Target(TaskKind.REGRESSION, np.zeros(ROWS), 0)
PARTS = np.array_split(np.arange(ROWS), 4)
FOLDS = Folds(tuple((np.setdiff1d(np.arange(ROWS), part), part) for part in PARTS), ROWS)
RIDGE, FOREST = parse("ridge(table)"), parse("extra_trees(table)")


def of_losses(*losses):
    """Predictions whose squared error is so large in each fold."""
    predictions = np.zeros((ROWS, 1))
    for part, loss in zip(PARTS, losses, strict=True):
        predictions[part] = np.sqrt(loss)
    return predictions


def test_the_worst_fold_of_the_third_best_of_a_learner_is_the_limit():
    race = Race(TARGET, FOLDS)
    for losses in [(1, 1, 1, 2), (3, 3, 3, 9), (2, 2, 2, 4), (1, 2, 3, 5)]:
        race.note(RIDGE, of_losses(*losses))
    assert race.most_loss(RIDGE) == pytest.approx(5)


def test_before_three_trials_of_a_learner_all_folds_are_fitted():
    race = Race(TARGET, FOLDS)
    for _ in range(2):
        race.note(RIDGE, of_losses(1, 1, 1, 1))
    for _ in range(3):
        race.note(FOREST, of_losses(1, 1, 1, 1))
    assert race.most_loss(RIDGE) == np.inf
    assert race.most_loss(FOREST) == pytest.approx(1)


def test_predictions_that_no_learner_said_of_a_fold_are_no_measure():
    race = Race(TARGET, FOLDS)
    for _ in range(3):
        race.note(parse("sigmoid(extra_trees(table))"), of_losses(1, 1, 1, 1))
    assert race.most_loss(FOREST) == np.inf
    repeated = Race(TARGET, Folds((*FOLDS.pairs, *FOLDS.pairs), ROWS))
    for _ in range(3):
        repeated.note(RIDGE, of_losses(1, 1, 1, 1))  # each the average of two models
    assert repeated.most_loss(RIDGE) == np.inf


def test_a_trial_is_ended_once_its_mean_is_beyond_the_limit():
    watch = Watch(TARGET, 4, 3.0)
    predictions = of_losses(2, 6, 1, 1)
    watch.see(PARTS[0], predictions[PARTS[0]])
    watch.check()
    with pytest.raises(OutrunError, match="after 2 of 4 folds"):
        watch.see(PARTS[1], predictions[PARTS[1]])
    with pytest.raises(OutrunError):
        watch.check()


def test_after_the_last_fold_there_is_nothing_to_spare():
    watch = Watch(TARGET, 1, 3.0)
    watch.see(PARTS[0], of_losses(9, 9, 9, 9)[PARTS[0]])


def test_an_outrun_trial_has_no_score_and_its_loop_goes_on():
    # Three good penalties, then what a search makes of them; some are much too strong.
    good = [f"logistic(standard_scaling(impute(codes(table))), C={c})" for c in (0.5, 1.0, 2.0)]
    ended = []

    def is_outrun(trial):
        ended.append(trial)
        return trial.status is Status.PARTIAL

    arguments = {
        "include": ["logistic"],
        "space": {"logistic": {"C": [0.5, 1.0, 2.0, 1e-4]}},
        "init": good,
        "callbacks": [is_outrun],
        "time_budget": 60,
    }
    model = AutoClassifier(**{**QUICK, "cv": 4, **arguments}).fit(*toy())
    last = model.history_.iloc[-1]
    assert last.status == "partial"
    assert "outrun after" in last.failure
    assert np.isnan(last.score)
    assert ended[-1].number not in set(model.leaderboard().number.dropna())
