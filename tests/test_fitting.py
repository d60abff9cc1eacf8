"""What a budget is kept for, and what a slow metric is not asked for."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

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
