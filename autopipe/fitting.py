"""The one place where the rooms meet: from a coded table to a predictor, within a budget."""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autopipe.choice import Narrowing, chosen_operators, narrowed, own_operators
from autopipe.clock import Clock
from autopipe.datasets.knowledge import Knowledge
from autopipe.datasets.portfolio import Situation
from autopipe.deployment import Demands
from autopipe.devices import CPU
from autopipe.ensembles.members import fold_scores
from autopipe.errors import RunError, StoreError
from autopipe.evolution.gain import Gains
from autopipe.evolution.grammar import Grammar
from autopipe.evolution.search import Search
from autopipe.execution.cost_model import CostModel
from autopipe.execution.executor import Executor
from autopipe.execution.files import data_path
from autopipe.execution.lock import is_abandoned
from autopipe.execution.loop import Loop
from autopipe.execution.own_operators import write_operators
from autopipe.execution.pacing import Pace
from autopipe.execution.plan import Plan, affordable_fits, plan
from autopipe.execution.racing import Race
from autopipe.execution.run_data import RunData
from autopipe.execution.store import Store
from autopipe.folds import Folds, default_count, holdout, make_folds, splitter_name
from autopipe.initial import initial_trees
from autopipe.interrupts import patience
from autopipe.learning.remembering import first_trees
from autopipe.memory import usable_megabytes
from autopipe.metrics import Metric
from autopipe.operators.cost import Shape
from autopipe.operators.declaration import Operator
from autopipe.operators.own import default_tree
from autopipe.placement import chosen_executor, core_count, device_gains
from autopipe.refitting import Rows
from autopipe.reports.progress import Progress
from autopipe.resuming import check_agreement, facts_in, facts_of
from autopipe.run import Callback, Fitted, Run
from autopipe.sampling import affordable_rows
from autopipe.searching import made_search
from autopipe.second_level import Stacking, can_be_stacked
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import Node, parse
from autopipe.trial import Trial

log = logging.getLogger(__name__)

_FINISH_SHARE = 0.03  # of the budget is kept for the end: the last ensemble, loading it
_FINISH_SECONDS = 2.0  # and no less, with one of them for learners that stop late,
_SCORINGS = 50  # of the whole table come at the end, whatever the metric takes
_LARGEST_FINISH = 0.25  # but of a short budget no more than this,
_SLOWEST_FINISH = 0.5  # or than this where all of it would not do for so many
_SLOW_ROWS = 500  # of which a score should take no more than
_SLOW_SHARE = 2e-4  # of the budget: a trial is measured by ten of them and more
_STACK_SHARE = 0.2  # of the budget is for a second level, where one is asked for
_REFIT_SHARE = 0.05  # of it, to fit to all rows what limits or splits in time leave
_LEAST_SECONDS = 0.3  # for the first trial, however long the table took to be read
_PREFIX = "autopipe-run-"  # of temporary folders
_DISK_SHARE = 0.2  # of the free disk for the files of trials: others write there too
_MOST_DISK_BYTES = 20e9  # and no more on a large disk, where nobody looks for what fills it


@dataclass(frozen=True)
class Options:
    """How a fit is to be run; the public arguments, resolved."""

    max_trials: int | None = None
    cv: Any = None
    fold_factor: float = 1.0  # times the usual number of folds, where `cv` is None
    groups: Any = None
    frame: Any = None
    include: Sequence[str | Operator] | None = None
    exclude: Sequence[str] | None = None
    space: Narrowing | None = None
    init: object = None
    knowledge: Knowledge | None = None
    search: str | Search = "evolution"
    ensemble: str = "auto"
    n_jobs: int | None = -1
    device: str = CPU
    memory_limit_mb: float | None = None  # of all workers together
    executor: Executor | str | None = None
    path: Path | None = None
    callbacks: Sequence[Callback] = ()
    verbose: int = 1
    costs: FloatArray | None = None
    demands: Demands = field(default_factory=Demands)
    notes: Mapping[str, Any] = field(default_factory=dict)  # JSON; kept in the run folder


def fit(
    table: Table,
    target: Target,
    metric: Metric,
    options: Options,
    seeds: Seeds | None,
    clock: Clock,
) -> Fitted:
    """Search for pipelines until time is up, and return the best ensemble of them.

    The prior is the model until a trial is completed; a keyboard interrupt ends the
    search, not the fit, and so does a disk that takes no more. A run that the folder holds
    is gone on with, by its own seed where `seeds` is None.

    Raises
    ------
    StoreError
        If the folder cannot be used, or holds a run on something else.
    RunError
        If the workers failed before any trial was completed.
    """
    init = initial_trees(options.init)  # from a folder too, before it is ours
    operators = narrowed(chosen_operators(options.include, options.exclude), options.space)
    former = {} if options.path is None else facts_in(options.path)
    seeds = seeds or Seeds.of(former.get("seed"))
    cores = core_count(options.n_jobs)
    table, target, folds = _judged(table, target, options, seeds, former, clock)
    if len(folds) == 1:  # a calibrator learns from the other folds
        operators = [operator for operator in operators if not operator.is_calibrator]
    is_stacked = _is_stacked(options.ensemble, table, folds)
    data = RunData(table, target, folds)
    with ExitStack() as ending, ExitStack() as stack:
        with clock.stage("setup"):
            engine = _engine(stack, data, metric, operators, init, options, seeds, clock)
        run = Run(
            table,
            target,
            folds,
            metric,
            engine.store,
            clock,
            stack.enter_context(Progress(clock, metric, options.verbose)),
            single=options.ensemble == "none",
            max_megabytes=_disk_megabytes(engine.store.folder),
            keeps_predictions=options.max_trials is not None,
            callbacks=options.callbacks,
            demands=options.demands,
            rows=Rows(table, target, folds, metric, seeds, cores),
        )
        if is_stacked:
            finish = clock.end - _finish_seconds(clock.budget, engine.scoring_seconds)
            run.stacking = Stacking(table, target, folds, metric, seeds, finish, cores)
        with clock.stage("search"):
            is_refitted = options.demands.are_any or folds.are_early
            search_end = _search_end(clock, is_stacked, is_refitted, engine.scoring_seconds)
            search_end -= len(folds) * engine.fold_scoring_seconds  # of the last trial
            _run_out(_loop(engine, run, seeds, search_end, options.max_trials), run)
        run.progress.ending = getattr(engine.search, "ended", "")
        with clock.stage("finish"):
            ending.enter_context(patience())  # until all is put away
            fitted = run.result(seeds, options.costs)
            if options.knowledge is not None and options.max_trials is None:
                run.remember(options.knowledge)
            return fitted


def _is_stacked(ensemble: str, table: Table, folds: Folds) -> bool:
    """Whether there is to be a second level, with a warning where there cannot be."""
    if ensemble != "stack" or can_be_stacked(table, folds):
        return ensemble == "stack"
    warnings.warn(
        "ensemble='stack' makes no second level here, which needs four folds or more (here "
        f"{len(folds)}), every row held out, and no monotone column.",
        stacklevel=4,
    )
    return False


@dataclass(frozen=True, eq=False)
class _Engine:
    """What proposes trees, what judges them, and where that is kept.

    Parameters
    ----------
    former : trials of an earlier call
    memory_mb : that all workers may hold together
    scoring_seconds, fold_scoring_seconds : that the metric takes for the whole table, and for
        the rows that a fold holds out
    """

    search: Search
    executor: Executor
    store: Store
    former: Sequence[Trial]
    costs: CostModel
    shares: Plan
    memory_mb: float
    scoring_seconds: float
    fold_scoring_seconds: float


def _engine(
    stack: ExitStack,
    data: RunData,
    metric: Metric,
    operators: Sequence[Operator],
    init: Sequence[Node],
    options: Options,
    seeds: Seeds,
    clock: Clock,
) -> _Engine:
    """What a run needs before its first trial; the stack closes it."""
    table, target, folds = data.table, data.target, data.folds
    shape, cores = Shape.of(table, target), core_count(options.n_jobs)
    folder = _folder(options.path, stack)
    scoring_seconds = _scoring_seconds(target, metric)
    _, held_out = folds.pairs[0]
    fold_scoring_seconds = _scoring_seconds(target.take(held_out), metric)
    grammar = Grammar(operators, table.schema, target.kind, len(table))
    shares = plan(shape, len(folds), cores, clock.budget)
    is_for_device = device_gains(options.device, len(table))
    costs = CostModel(shape, folds, shares.fold_threads, is_for_device)
    core_seconds = cores * (math.inf if clock.budget is None else clock.budget)
    situation = Situation.of(table, target, len(folds), core_seconds, costs.core_seconds)
    store, former = _begun(stack, folder, data, metric, seeds, options)
    gains = _gains(target, folds, metric, store, options, clock)
    search = _search(grammar, situation, options, seeds, table, target, gains, init)
    write_operators(data_path(folder), own_operators(options.include))
    memory_mb = options.memory_limit_mb or usable_megabytes()
    executor = chosen_executor(
        options.executor, folder, shares.workers, memory_mb, clock, options.device,
        is_for_device,
    )  # fmt: skip
    stack.callback(executor.close)
    return _Engine(
        search, executor, store, former, costs, shares, memory_mb, scoring_seconds,
        fold_scoring_seconds,
    )  # fmt: skip


def _gains(
    target: Target, folds: Folds, metric: Metric, store: Store, options: Options, clock: Clock
) -> Gains | None:
    """What measures a trial by the ensemble; None where the best trial alone is wanted.

    None, too, for a metric that takes so long that trials would wait for it.
    """
    if options.ensemble == "none":
        return None
    if clock.budget is not None:
        few = target.take(np.arange(min(len(target.y), _SLOW_ROWS)))
        if _scoring_seconds(few, metric) > _SLOW_SHARE * clock.budget:
            return None
    now = clock.now if options.max_trials is None else lambda: 0.0
    return Gains(target, folds, metric, partial(_predictions_if_any, store), now)


def _search_end(clock: Clock, is_stacked: bool, is_refitted: bool, scoring: float) -> float:
    """When learners have to stop, so that there is time for what comes after.

    Parameters
    ----------
    scoring : seconds that the metric takes for the whole table
    """
    end = clock.end - _finish_seconds(clock.budget, scoring)
    if clock.budget is None:
        return end
    return end - (_STACK_SHARE * is_stacked + _REFIT_SHARE * is_refitted) * clock.budget


def _loop(
    engine: _Engine, run: Run, seeds: Seeds, search_end: float, max_trials: int | None
) -> Loop:
    """What judges the search's trees, and tells search and run of them: first the former ones.

    Parameters
    ----------
    search_end : when learners have to stop
    """
    target, folds, metric, clock = run.target, run.folds, run.metric, run.clock
    search, store, shares = engine.search, engine.store, engine.shares
    search_end = max(search_end, clock.now() + _LEAST_SECONDS)
    run.take_up(engine.former)
    for trial in engine.former:
        search.tell(trial)
    share = 1 / shares.workers
    glimpse = folds.glimpse(target, seeds)
    return Loop(
        ask=search.ask,
        tell=search.tell,
        announce=run.announce,
        pace=Pace(
            engine.costs, clock, search_end, share, max_megabytes=engine.memory_mb * share
        ),
        executor=engine.executor,
        store=store,
        clock=clock,
        score=lambda predictions: fold_scores(predictions, target, folds, metric),
        race=None if clock.budget is None else Race(target, folds),
        screen=lambda predictions: fold_scores(predictions, target, glimpse, metric),
        observe=run.observe,
        refresh=run.refresh,
        seed=seeds.root,
        search_end=search_end,
        max_trials=max_trials,
        fold_threads=shares.fold_threads,
        former=engine.former,
        objection=run.objection,
    )


def _run_out(loop: Loop, run: Run) -> None:
    """Search until time is up, and warn of what ends it before."""
    try:
        loop.run()
    except KeyboardInterrupt as interrupt:
        if isinstance(interrupt.__context__, KeyboardInterrupt):
            raise  # the second one, while the first was ending the search
        run.was_interrupted = True
    except RunError as error:
        if not any(trial.is_complete for trial in run.trials):
            raise
        warnings.warn(
            f"The search ended early, for its workers failed: {error} What had finished is in "
            "the model.",
            stacklevel=4,
        )
    if loop.unsaved is not None:
        warnings.warn(
            f"The search ended early, for its trials could not be kept: {loop.unsaved} What "
            "had finished is in the model. Free space on the disk, or give another path.",
            stacklevel=4,
        )


def _judged(
    table: Table,
    target: Target,
    options: Options,
    seeds: Seeds,
    former: Mapping[str, Any],
    clock: Clock,
) -> tuple[Table, Target, Folds]:
    """The rows that the run looks at, and its folds: as many as the budget can pay for.

    A resumed run keeps the rows and the number of folds that it began with.
    """
    cv = options.cv
    if not splitter_name(cv):  # which would count on all rows
        seconds = max(_LEAST_SECONDS, clock.end - _finish_seconds(clock.budget) - clock.now())
        rows = affordable_rows(table, target, seconds, seeds, former.get("rows"))
        if rows is not None:
            table, target = table.take(rows), target.take(rows)
    if cv is not None:
        return table, target, make_folds(target, cv, seeds, options.groups, options.frame)
    budget = clock.budget
    fits = affordable_fits(Shape.of(table, target), core_count(options.n_jobs), budget)
    usual = default_count(len(table), math.inf if budget is None else budget, fits)
    count = former.get("fold_count", _times(options.fold_factor, usual))
    if count == 1:
        return table, target, holdout(target, seeds)
    return table, target, make_folds(target, count, seeds)


def _search(
    grammar: Grammar,
    situation: Situation,
    options: Options,
    seeds: Seeds,
    table: Table,
    target: Target,
    gains: Gains | None,
    init: Sequence[Node],
) -> Search:
    own = [op for op in own_operators(options.include) if op.is_learner]
    is_counted = options.max_trials is not None
    known = options.knowledge
    first = first_trees(known, situation, table, target, grammar, is_counted)
    first[1:1] = [parse(default_tree(operator, situation.schema)) for operator in own]
    rows = round(len(table) * (1 - 1 / max(2, situation.folds)))
    return made_search(options.search, first, init, grammar, seeds, is_counted, gains, rows)


def _predictions_if_any(store: Store, number: int) -> FloatArray | None:
    """The out-of-fold predictions of a trial; None where they were removed or are damaged."""
    try:
        return store.oof(number)
    except StoreError:
        return None


def _times(factor: float, folds: int) -> int:
    """So many times the usual folds, two at least; a holdout stays one."""
    return 1 if folds == 1 else max(2, math.ceil(factor * folds))


def _finish_seconds(budget: float | None, scoring: float = 0.0) -> float:
    if budget is None:
        return 0.0  # nothing ends the run that could be missed
    usual = max(_FINISH_SECONDS, _FINISH_SHARE * budget, _SCORINGS * scoring)
    is_slow = _SCORINGS * scoring > _SLOWEST_FINISH * budget
    return min(usual, (_SLOWEST_FINISH if is_slow else _LARGEST_FINISH) * budget)


def _scoring_seconds(target: Target, metric: Metric) -> float:
    """What the metric takes for the whole table."""
    prior = np.tile(target.prior(), (len(target.y), 1))
    begin = time.monotonic()
    with suppress(Exception):  # of a metric of the user's, for what is all the same
        metric.score(target, prior)
    return time.monotonic() - begin


def _folder(path: Path | None, stack: ExitStack) -> Path:
    """The user's folder, or a new one that the stack removes."""
    if path is not None:
        return path.absolute()  # a callback may change the current folder
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if is_abandoned(left):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _begun(
    stack: ExitStack,
    folder: Path,
    data: RunData,
    metric: Metric,
    seeds: Seeds,
    options: Options,
) -> tuple[Store, list[Trial]]:
    """The store of a new run, or that of a former one with its trials."""
    is_lasting = options.path is not None
    store = stack.enter_context(Store.begin(folder, is_lasting))
    facts = facts_of(data, metric, seeds)
    if former := store.facts:
        check_agreement(former, facts, folder)
    else:
        store.note({**options.notes, **facts})
    data.save(data_path(folder))
    return store, store.trials()


def _disk_megabytes(folder: Path) -> float:
    """What the files of trials may take of the disk, those of former calls included."""
    files = (path.stat().st_size for path in (folder / "trials").glob("*"))
    free = shutil.disk_usage(folder).free + sum(files)
    return min(_DISK_SHARE * free, _MOST_DISK_BYTES) / 1e6
