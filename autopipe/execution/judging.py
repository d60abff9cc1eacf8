"""What a worker does with a job: cross-fit the tree, leave its arrays in the run folder."""

from __future__ import annotations

import time
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np

from autopipe.errors import DeadlineReached
from autopipe.execution.cache import Cache
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.execution.executor import Job, Outcome
from autopipe.execution.files import (
    data_path,
    fitted_path,
    oof_path,
    write_atomically,
    write_oof,
)
from autopipe.execution.own_operators import add_written_operators
from autopipe.execution.racing import OutrunError, Watch
from autopipe.execution.run_data import RunData
from autopipe.folds import Folds
from autopipe.operators.boosting import Booster
from autopipe.operators.catalogue import estimator_for, operator_named
from autopipe.operators.fitted import write_fitted
from autopipe.operators.programs import agreed
from autopipe.seeds import Seeds
from autopipe.task import FloatArray, IntArray
from autopipe.tree import Node, parse
from autopipe.trial import Status

_TABLES_CACHED = 10  # so many times the table's size may be kept by a worker,
_BYTES_CACHED = 100_000_000  # and this for tables that are small
_RATE = 0.4  # the least at which boosters learn that are screened


def judge(job: Job, folder: Path) -> Outcome:
    """Cross-fit the tree of a job and write its predictions and fitted state.

    Both files are complete before the outcome is known to anyone. What the pipeline
    raises is left to the caller.
    """
    begin = time.monotonic()
    run, cache = _opened(folder)
    seeds, tree, share, rows = Seeds(job.seed), parse(job.tree), job.train_share, None
    data = run
    if job.is_screen:
        data, cache, rows = _glimpse(folder, seeds, share)
        tree, share = _hasty(tree), 1.0
    with warnings.catch_warnings():  # of learners about candidates: nobody can act on them
        warnings.simplefilter("ignore")
        try:
            fit = crossfit(
                tree,
                data.table,
                data.target,
                data.folds,
                seeds,
                min(job.deadline, begin + job.seconds),
                job.fold_threads,
                cache,
                share,
                job.device,
                watch=Watch(data.target, len(data.folds), job.most_loss),
            )
        except OutrunError as error:
            seconds = time.monotonic() - begin
            return Outcome(job.number, Status.PARTIAL, seconds, failure=str(error))
        except DeadlineReached as error:
            seconds = time.monotonic() - begin
            status = Status.PARTIAL if job.is_screen else Status.TIMEOUT
            return Outcome(job.number, status, seconds, failure=str(error))
    seconds = time.monotonic() - begin
    out_of_fold = fit.out_of_fold
    is_finite = np.isfinite(out_of_fold[data.folds.times_held_out > 0]).all(axis=1)
    if not is_finite.all():
        failure = f"{1 - is_finite.mean():.1%} of the predictions are not finite"
        return Outcome(job.number, Status.NONFINITE, seconds, failure=failure)
    if rows is not None:
        out_of_fold = np.full((len(run.table), out_of_fold.shape[1]), np.nan, out_of_fold.dtype)
        out_of_fold[rows] = fit.out_of_fold
    return _written(job, folder, fit, out_of_fold, seconds)


def _written(
    job: Job, folder: Path, fit: CrossFit, out_of_fold: FloatArray, seconds: float
) -> Outcome:
    """Leave the files of a trial that went well; of a screen its predictions alone."""
    fitted = fitted_path(folder, job.number)
    try:
        write_oof(oof_path(folder, job.number), out_of_fold, job.is_lasting)
        if job.is_screen:
            return Outcome(job.number, Status.COMPLETE, seconds, is_truncated=fit.is_truncated)
        write_atomically(fitted, lambda file: write_fitted(file, fit.models), job.is_lasting)
        megabytes = fitted.stat().st_size / 1e6
    except OSError as error:
        return Outcome(job.number, Status.UNSAVED, seconds, failure=f"{fitted.parent}: {error}")
    return Outcome(
        job.number,
        Status.COMPLETE,
        seconds=seconds,
        predict_seconds=fit.row_seconds,
        megabytes=megabytes,
        is_truncated=fit.is_truncated,
        failure=fit.note,
        features=agreed([model.estimators.values() for model in fit.models]),
    )


def forget() -> None:
    """Let go of the run that was served last: its folder may come to hold another one."""
    _opened.cache_clear()
    _glimpse.cache_clear()


def _hasty(tree: Node) -> Node:
    """The tree as it is screened: uncalibrated, and boosted in few rounds.

    Calibrators learn from folds that a screen has not. Small learning rates are not told apart:
    the others of a booster's hyperparameters are judged, by a run that ends by itself.
    """
    while operator_named(tree.op).is_calibrator:
        tree = tree.inputs[0]
    learner = estimator_for(tree)
    if not isinstance(learner, Booster):
        return tree
    return tree.with_params(learner.params | {"learning_rate": max(_RATE, learner.rate)})


@lru_cache(maxsize=1)  # a worker serves one run at a time
def _opened(folder: Path) -> tuple[RunData, Cache]:
    """The data of a run, and what its trials may share."""
    add_written_operators(data_path(folder))
    data = RunData.open(data_path(folder))
    kept = _TABLES_CACHED * data.table.nbytes + _BYTES_CACHED
    return data, Cache(kept)


@lru_cache(maxsize=2)  # rungs of the ladder
def _glimpse(folder: Path, seeds: Seeds, share: float) -> tuple[RunData, Cache, IntArray]:
    """The few rows that a screen looks at, as if they were all; and which they are.

    So that what is made of a whole table, such as histograms, is made of them alone.
    """
    data, _ = _opened(folder)
    folds = data.folds.glimpse(data.target, seeds).thinned(data.target, share, seeds)
    ((train, held_out),) = folds.pairs
    rows = np.union1d(train, held_out)
    pair = np.searchsorted(rows, train), np.searchsorted(rows, held_out)
    table = data.table.take(rows)
    seen = RunData(table, data.target.take(rows), Folds((pair,), len(rows)))
    return seen, Cache(_TABLES_CACHED * table.nbytes + _BYTES_CACHED // 10), rows
