"""What a budget is kept for, and what a slow metric is not asked for."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import make_scorer

from autopipe import AutoRegressor, fitting
from autopipe.clock import Clock
from autopipe.execution.store import Store
from autopipe.fitting import Options, _finish_seconds, _gains
from autopipe.folds import make_folds
from autopipe.metrics import metric_for
from autopipe.seeds import Seeds
from autopipe.task import Target, TaskKind

TARGET = Target(TaskKind.REGRESSION, np.arange(60.0), 0)
RMSE = metric_for(None, TaskKind.REGRESSION, None)


@pytest.mark.parametrize("budget", [0.5, 4.0, 60.0, 3600.0])
def test_the_end_has_more_time_the_longer_the_metric_takes_but_no_more_than_half(budget):
    takes = budget * np.array([0.0, 1e-4, 2e-3, 0.02, 1.0])
    kept = [_finish_seconds(budget, seconds) for seconds in takes]
    assert kept == sorted(kept)
    assert 0 < kept[0] <= 0.25 * budget and kept[-1] == 0.5 * budget
    assert _finish_seconds(None, 1.0) == 0


@pytest.mark.parametrize(("budget", "is_asked"), [(None, True), (100.0, True), (1.0, False)])
def test_a_metric_that_trials_would_wait_for_does_not_measure_them(budget, is_asked, tmp_path):
    def slow(target, predictions):
        time.sleep(0.005)
        return RMSE.score(target, predictions)

    metric = replace(RMSE, score=slow, reduction=None)
    folds = make_folds(TARGET, 3, Seeds(0))
    with Store.begin(tmp_path) as store:
        gains = _gains(TARGET, folds, metric, store, Options(), Clock(budget))
    assert (gains is not None) == is_asked


def test_the_search_leaves_time_to_score_the_last_trial(monkeypatch):
    ends = []
    loop = fitting._loop

    def seen(engine, run, seeds, search_end, max_trials):
        ends.append(run.clock.end - search_end)
        return loop(engine, run, seeds, search_end, max_trials)

    monkeypatch.setattr(fitting, "_loop", seen)
    X, y = np.arange(80.0)[:, None], np.arange(80.0)
    for pause in (0.0, 0.02):

        def slow(y, predicted, pause=pause):
            time.sleep(pause)
            return float(np.abs(y - predicted).mean())

        AutoRegressor(
            time_budget=10, cv=4, scoring=make_scorer(slow, greater_is_better=False),
            include=["ridge"], executor="inline", verbose=0, ensemble="none",
            callbacks=[lambda trial: True],
        ).fit(X, y)  # fmt: skip
    assert ends[1] - ends[0] >= 3 * 0.02
