"""The second level is trusted where it wins on rows that neither level has seen."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counted_runs import fitted, toy
from trees import full

from autopipe import load
from autopipe.ensembles.members import fold_scores
from autopipe.errors import DeadlineReached
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.intake.coding import Coding
from autopipe.metrics import metric_for
from autopipe.second_level import StackedLearner, Stacking
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import Target, TaskKind

METRIC = metric_for(None, TaskKind.REGRESSION, None)
ROWS, GROUPS = 320, 8
SHY = "ridge(standard_scaling(impute(codes(table))), alpha=10000.0)"
"""It says hardly more than the mean of its training rows."""


def columns() -> tuple[Table, np.ndarray]:
    values = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
    return Coding.learn(values).encode(values), values


def tried(y: np.ndarray, groups: np.ndarray | None) -> tuple[list[StackedLearner], float]:
    """The second level over one shy member, and what it gains by the scores of the folds."""
    table, _ = columns()
    target = Target(TaskKind.REGRESSION, y, 0)
    folds = make_folds(replace(target, groups=groups), GROUPS, Seeds(0))
    member = full(SHY)
    below = crossfit(member, table, target, folds, Seeds(0)).out_of_fold
    stacking = Stacking(table, target, folds, METRIC, Seeds(0))
    learners = stacking.judged([member], below[None], np.ones(1))
    score = np.mean(fold_scores(below, target, folds, METRIC))
    return learners, max(np.mean(one.scores) - score for one in learners)


def test_a_leak_from_the_held_out_rows_is_caught() -> None:
    """The mean of the other groups tells, read backwards, that of the one held out."""
    rng = np.random.default_rng(1)
    groups = np.arange(ROWS) % GROUPS
    y = rng.normal(size=GROUPS)[groups] + 0.1 * rng.normal(size=ROWS)
    learners, promised = tried(y, groups)
    assert promised > 0.5
    assert not any(one.wins for one in learners)
    assert all("not used" in one.trial(0, ()).failure for one in learners)


def test_what_helps_on_unseen_rows_is_used() -> None:
    _, values = columns()
    y = values.sum(axis=1) + 0.1 * np.random.default_rng(1).normal(size=ROWS)
    learners, promised = tried(y, None)
    assert promised > 0.5
    assert max(one.unseen for one in learners) > 0.5
    assert any(one.wins for one in learners)


def test_a_model_may_have_a_second_level(tmp_path: Path) -> None:
    model = fitted(3, ensemble="stack", cv=4)
    stacks = model.history_.query("source == 'stack'")
    assert len(stacks) == 2
    shown = model.leaderboard().query("source == 'stack'")
    assert (shown["status"] != "").all() and (shown["megabytes"] > 0).all()
    assert set(stacks["parents"].iloc[0]) <= set(range(3))
    model.save(tmp_path / "model")
    again = load(tmp_path / "model").predict_proba(toy()[0])
    np.testing.assert_array_equal(again, model.predict_proba(toy()[0]))


def test_a_second_level_that_cannot_be_judged_is_said_to_be_missing() -> None:
    with pytest.warns(UserWarning, match=r"which needs four folds or more \(here 3\)"):
        model = fitted(2, ensemble="stack", cv=3)
    assert "stack" not in set(model.history_["source"])


def test_a_second_level_that_is_late_is_not_compared() -> None:
    table, values = columns()
    target = Target(TaskKind.REGRESSION, values.sum(axis=1), 0)
    folds = make_folds(target, 4, Seeds(0))
    fit = crossfit(full(SHY), table, target, folds, Seeds(0))
    learner = StackedLearner(full(SHY), fit, (0.0,) * 4, 1.0)
    stacking = Stacking(table, target, folds, METRIC, Seeds(0), time.monotonic())
    with pytest.raises(DeadlineReached):
        stacking._compared(learner, fit.out_of_fold[None], np.ones(1))
    assert learner.trial(1, [0]).failure == "not used: it could not be judged"
