"""The one place where the rooms meet: from a coded table to a predictor, within a budget."""

from __future__ import annotations

import logging
import math
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

from autopipe.clock import Clock
from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.ensembles.members import Candidates, Selection, fold_scores
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import OptionError
from autopipe.evolution.evolution import Evolution
from autopipe.evolution.grammar import Grammar
from autopipe.evolution.search import Search
from autopipe.execution.executor import Executor
from autopipe.execution.files import data_path, fitted_path
from autopipe.execution.inline import Inline
from autopipe.execution.loop import Loop
from autopipe.execution.plan import Plan, plan
from autopipe.execution.processes import Processes
from autopipe.execution.run_data import RunData
from autopipe.execution.store import Store
from autopipe.folds import Folds, default_count, make_folds
from autopipe.metrics import Metric
from autopipe.operators.catalogue import catalogue
from autopipe.operators.declaration import Operator
from autopipe.operators.fitted import FittedTree, read_fitted
from autopipe.progress import Progress
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import Node, parse
from autopipe.trial import Proposal, Trial

log = logging.getLogger(__name__)

_FINISH_SHARE = 0.03  # of the budget is kept for the end: the last ensemble, loading it
_FINISH_SECONDS = 2.0  # and no less, with one of them for learners that stop late
_SHORTEST_FOR_WORKERS = 5.0  # s; below, starting processes would take half of it
_SELECT_SHARE = 0.05  # of the controller's time, that keeping the ensemble current may take
_MEMORY_SHARE = 0.8  # of the free memory, that all workers may hold together
_LAG = 8  # trials; see Evolution: no more workers than this keep a counted run reproducible

Callback = Callable[[Trial], object]


@dataclass(frozen=True)
class Options:
    """How a fit is to be run; the public arguments, resolved."""

    max_trials: int | None = None
    cv: Any = None
    fold_factor: float = 1.0  # times the usual number of folds, where `cv` is None
    groups: Any = None
    frame: Any = None
    include: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    search: Search | None = None
    ensemble: str = "auto"
    n_jobs: int = -1
    executor: Executor | str | None = None
    path: Path | None = None
    callbacks: Sequence[Callback] = ()
    verbose: int = 1


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit found.

    Parameters
    ----------
    predictor : the model
    selection : its members and score; None where no trial was completed
    trials : every finished trial
    ledger : seconds of every stage
    was_interrupted : whether the user ended it
    """

    predictor: Predictor
    selection: Selection | None
    trials: tuple[Trial, ...]
    ledger: dict[str, float]
    was_interrupted: bool


def fit(
    table: Table, target: Target, metric: Metric, options: Options, seeds: Seeds, clock: Clock
) -> Fitted:
    """Search for pipelines until time is up, and return the best ensemble of them.

    The prior is the model until a trial is completed; a keyboard interrupt ends the
    search, not the fit.
    """
    operators = chosen_operators(options.include, options.exclude)
    seconds = clock.budget if clock.budget is not None else float("inf")
    cv = options.cv
    if cv is None:
        cv = max(2, math.ceil(options.fold_factor * default_count(len(table), seconds)))
    folds = make_folds(target, cv, seeds, options.groups, options.frame)
    with ExitStack() as stack:
        with clock.stage("setup"):
            folder = _folder(options.path, stack)
            grammar = Grammar(operators, table.schema, target.kind, len(table))
            cores = core_count(options.n_jobs)
            situation = Situation.of(table, target, len(folds), cores * seconds)
            search = options.search or _evolution(grammar, situation, options, seeds)
            facts = _facts(table, target, metric, folds, seeds)
            store = stack.enter_context(Store.create(folder, facts))
            RunData(table, target, folds).save(data_path(folder))
            shares = plan(table, target, len(folds), cores, clock.budget)
            executor = _executor(options.executor, folder, shares, clock)
            stack.callback(executor.close)
        run = _Run(target, folds, metric, store, clock, options)
        run.progress = stack.enter_context(Progress(clock, metric, options.verbose))
        with clock.stage("search"):
            loop = Loop(
                ask=lambda: run.announced(search.ask()),
                tell=search.tell,
                executor=executor,
                store=store,
                clock=clock,
                score=lambda predictions: fold_scores(predictions, target, folds, metric),
                observe=run.observe,
                seed=seeds.root,
                search_end=clock.end - _finish_seconds(clock.budget),
                max_trials=options.max_trials,
                fold_threads=shares.fold_threads,
            )
            try:
                loop.run()
            except KeyboardInterrupt:
                run.was_interrupted = True
        with clock.stage("finish"):
            return run.result()


@dataclass
class _Run:
    """What is kept current while trials come in."""

    target: Target
    folds: Folds
    metric: Metric
    store: Store
    clock: Clock
    options: Options
    progress: Progress = field(init=False)
    was_interrupted: bool = False

    def __post_init__(self) -> None:
        self.trials: list[Trial] = []
        self.selection: Selection | None = None
        self.members: list[Member] = []
        self._candidates = Candidates(
            self.target, self.folds, self.metric, single=self.options.ensemble == "none"
        )
        self._kept: frozenset[int] = frozenset()
        self._is_current = True
        self._next_selection = 0.0

    def announced(self, proposal: Proposal | None) -> Proposal | None:
        """The proposal, once the user has been told of it."""
        if proposal is not None:
            self.progress.start(proposal.number, _family(proposal.tree))
        return proposal

    def observe(self, trial: Trial, predictions: FloatArray | None) -> bool:
        """Take a finished trial in; true where a callback wants the run to end."""
        self.trials.append(trial)
        if trial.score is not None and predictions is not None:
            self._candidates.add(trial.number, _family(trial.tree), trial.score, predictions)
            kept = self._candidates.numbers
            for number in (self._kept | {trial.number}) - kept:
                self.store.discard(number)
            self._is_current = self._is_current and trial.number not in kept
            self._kept = kept
            if self.clock.now() >= self._next_selection:
                self._select()
        self.progress.update(trial, None if self.selection is None else self.selection.score)
        return any([callback(trial) is True for callback in self.options.callbacks])

    def _select(self) -> None:
        if self._is_current:
            return
        begin = self.clock.now()
        self.selection = self._candidates.select()
        self._is_current = True
        now = self.clock.now()
        self._next_selection = now + (now - begin) / _SELECT_SHARE
        self._load()

    def _load(self) -> None:
        """Read the members that are new, so that there is a model at any moment."""
        weights = {} if self.selection is None else self.selection.weights
        old = {member.number: member.models for member in self.members}
        self.members = [
            Member(number, weight, old.get(number) or self._models(number))
            for number, weight in weights.items()
        ]

    def _models(self, number: int) -> tuple[FittedTree, ...]:
        with fitted_path(self.store.folder, number).open("rb") as file:
            return tuple(read_fitted(file))

    def result(self) -> Fitted:
        """The model of the best ensemble."""
        self._select()
        self.progress.ensemble_score = None if self.selection is None else self.selection.score
        predictor = Predictor(tuple(self.members), self.target.prior())
        trials = tuple(sorted(self.trials, key=lambda trial: trial.number))
        return Fitted(
            predictor, self.selection, trials, self.clock.ledger, self.was_interrupted
        )


def chosen_operators(
    include: Sequence[str] | None, exclude: Sequence[str] | None
) -> list[Operator]:
    """The operators that names or families in `include` and `exclude` leave.

    `include` narrows the learners alone; what prepares the table for them stays.

    Raises
    ------
    OptionError
        If a name is neither an operator nor a family, or no learner is left.
    """
    operators = list(catalogue().values())
    known = {name for operator in operators for name in (operator.name, operator.family)}
    for argument, names in (("include", include), ("exclude", exclude)):
        if isinstance(names, str):
            raise OptionError(f"{argument}={names!r}: give a list, such as [{names!r}].")
        if unknown := [name for name in names or () if name not in known]:
            raise OptionError(
                f"{argument} names {unknown}, which are neither operators nor families. "
                f"Known: {', '.join(sorted(known))}."
            )
    left = [
        operator
        for operator in operators
        if not {operator.name, operator.family} & set(exclude or ())
        and (
            include is None
            or not operator.is_learner
            or {operator.name, operator.family} & set(include)
        )
    ]
    if not any(operator.is_learner for operator in left):
        raise OptionError(f"include={include} and exclude={exclude} leave no learner.")
    return left


def core_count(n_jobs: int) -> int:
    """Cores that `n_jobs` asks for, in joblib's sense: -1 is all that this process may use."""
    cores = int(joblib.cpu_count())
    if n_jobs == 0 or isinstance(n_jobs, bool):
        raise OptionError(f"n_jobs={n_jobs}: give a number of cores, or -1 for all of them.")
    return max(1, min(n_jobs, cores) if n_jobs > 0 else cores + 1 + n_jobs)


def _evolution(
    grammar: Grammar, situation: Situation, options: Options, seeds: Seeds
) -> Evolution:
    first = [parse(text) for text in portfolio(situation)]
    lag = None if options.max_trials is None else _LAG
    return Evolution(first, grammar, seeds, lag=lag)


def _executor(
    choice: Executor | str | None, folder: Path, shares: Plan, clock: Clock
) -> Executor:
    if choice is None:
        is_short = clock.budget is not None and clock.budget < _SHORTEST_FOR_WORKERS
        choice = "inline" if is_short else "processes"
    if choice == "inline":
        return Inline(folder)
    if choice == "processes":
        return Processes(folder, shares.workers, memory_limit_mb=_worker_megabytes(shares))
    if isinstance(choice, str):
        raise OptionError(f'executor="{choice}": give "processes", "inline" or an Executor.')
    return choice


def _worker_megabytes(shares: Plan) -> float | None:
    """Memory that each worker may hold, of what is free now; None where nobody tells."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    free = {line.split()[0]: int(line.split()[1]) for line in lines}
    return _MEMORY_SHARE * free["MemAvailable:"] / 1024 / shares.workers


def _finish_seconds(budget: float | None) -> float:
    if budget is None:
        return 0.0  # nothing ends the run that could be missed
    return min(max(_FINISH_SECONDS, _FINISH_SHARE * budget), budget / 2)


def _folder(path: Path | None, stack: ExitStack) -> Path:
    if path is not None:
        return path
    folder = Path(tempfile.mkdtemp(prefix="autopipe-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _family(tree: Node) -> str:
    """The family of the learner that makes the tree's predictions."""
    operators = (catalogue()[node.op] for _, node in tree.walk())
    return next(operator.family for operator in operators if operator.is_learner)


def _facts(
    table: Table, target: Target, metric: Metric, folds: Folds, seeds: Seeds
) -> dict[str, Any]:
    libraries = ("numpy", "scikit-learn", "lightgbm", "xgboost", "deap")
    return {
        "versions": {name: version(name) for name in ("autopipe", *libraries)},
        "hardware": {"machine": platform.machine(), "cores": os.cpu_count()},
        "python": platform.python_version(),
        "seed": seeds.root,
        "table": table.fingerprint(),
        "rows": len(table),
        "kind": target.kind.value,
        "metric": metric.name,
        "folds": len(folds),
    }
