"""Judging designed trees on data sets, so that later runs know what pays: long and resumable.

A trial is a process of its own, forked from this one, which computes nothing: so its seconds
of CPU are counted by the system, whatever else the machine does, and limited by it. Every
data set has a run folder; killed at any moment, the next call goes on.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import NoReturn

import numpy as np

from autopipe.datasets.experience import Experience, Result, experience
from autopipe.datasets.portfolio import Situation
from autopipe.ensembles.members import fold_scores
from autopipe.errors import AutopipeError, StoreError
from autopipe.evolution.grammar import Grammar
from autopipe.execution.cost_model import CostModel
from autopipe.execution.executor import Job, Outcome
from autopipe.execution.files import data_path, fitted_path
from autopipe.execution.judging import judge
from autopipe.execution.own_operators import write_operators
from autopipe.execution.run_data import RunData
from autopipe.execution.store import Store
from autopipe.execution.worker import attempt, isolate
from autopipe.folds import make_folds, spread
from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.learning.design import designed
from autopipe.learning.suite import DataSet, holds_classes
from autopipe.memory import peak_megabytes, reset_peak
from autopipe.metrics import Metric, metric_for
from autopipe.operators.catalogue import catalogue
from autopipe.operators.cost import Shape
from autopipe.resuming import facts_of
from autopipe.seeds import Seeds
from autopipe.tree import TABLE_NAME, Node
from autopipe.trial import Source, Status, Trial

log = logging.getLogger(__name__)

_FOLDS = 5
_PATIENCE = 10  # seconds of the clock for each of CPU that a trial may use
_PRELOADED = {"lightgbm", "xgboost", "sklearn.ensemble"}


@dataclass(frozen=True)
class Terms:
    """What trials are given.

    Parameters
    ----------
    most_rows : of a data set; of a larger one, a sample that keeps the shares of the classes
    trial_seconds : of CPU, for all folds
    trees : at most, on every data set
    seed : of samples, folds and the random trees
    """

    most_rows: int = 4_000
    trial_seconds: float = 20.0
    trees: int = 100
    seed: int = 0


def gather(
    sets: Sequence[DataSet],
    folder: Path,
    terms: Terms,
    jobs: int = 1,
    until: float = float("inf"),
    say: Callable[[str], object] = log.info,
) -> int:
    """Judge on every data set what its folder lacks; gives the number of new trials.

    The first tree of every data set comes before the second of any.

    Parameters
    ----------
    folder : takes a run folder for every data set
    jobs : trials at the same time
    until : time on `time.monotonic`'s axis at which no more are begun
    say : takes a line about every trial
    """
    from threadpoolctl import threadpool_limits

    count = 0
    running: dict[Connection, _Running] = {}
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))  # whatever is forked inherits it
        queues = [queue for one in sets if (queue := _opened(one, folder, terms, stack))]
        _preload(queues)
        turns = _turns(queues)
        stack.callback(_kill, running)
        while True:
            while len(running) < jobs and time.monotonic() < until:
                turn = next(turns, None)
                if turn is None:
                    break
                begun = _Running.start(*turn, terms)
                running[begun.pipe] = begun
            if not running:
                return count
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                say(running.pop(pipe).finish())
                count += 1


def _opened(one: DataSet, folder: Path, terms: Terms, stack: ExitStack) -> _Queue | None:
    try:
        return _Queue.of(one, folder / one.name, terms, stack)
    except AutopipeError as error:
        log.warning("%s is left out: %s", one.name, error)  # the others go on
        return None


def _preload(queues: Sequence[_Queue]) -> None:
    """Import here what trials would otherwise import, each at its own cost."""
    trees = [tree for queue in queues for _, tree, _ in queue.waiting]
    operators = {node.op for tree in trees for _, node in tree.walk()} - {TABLE_NAME}
    required = {catalogue()[name].requires for name in operators} - {""}
    for name in sorted(_PRELOADED | required) if trees else ():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _kill(running: dict[Connection, _Running]) -> None:
    for left in running.values():
        os.kill(left.pid, signal.SIGKILL)
        os.waitpid(left.pid, 0)


@dataclass(eq=False)
class _Queue:
    """One data set and the trees that it still lacks."""

    store: Store
    metric: Metric
    waiting: list[tuple[int, Node, Source]]  # with their ranks in the design
    next_number: int

    @classmethod
    def of(cls, one: DataSet, folder: Path, terms: Terms, stack: ExitStack) -> _Queue:
        seeds = Seeds(terms.seed)
        store = stack.enter_context(Store.begin(folder))
        facts, sample = store.facts, {"seed": terms.seed, "most_rows": terms.most_rows}
        is_begun = "kind" in facts
        if is_begun and {name: facts.get(name) for name in sample} != sample:
            raise StoreError(f"{folder} was begun with another seed or number of rows.")
        if not is_begun:
            _coded(one, terms, seeds).save(data_path(folder))
        write_operators(data_path(folder), ())  # those of a stranger would be run
        data = RunData.open(data_path(folder))
        table, target = data.table, data.target
        classes = np.arange(target.n_classes) if target.is_classification else None
        metric = metric_for(None, target.kind, classes)
        if not is_begun:
            store.note({"name": one.name, **facts_of(data, metric, seeds), **sample})
        costs = CostModel(Shape.of(table, target), data.folds)
        situation = Situation.of(
            table, target, len(data.folds), float("inf"), costs.core_seconds
        )
        operators = catalogue()
        grammar = Grammar(operators.values(), table.schema, target.kind, len(table))
        trees = [
            (tree, source)
            for tree, source in designed(situation, grammar, operators, seeds)
            if costs.core_seconds(tree) <= terms.trial_seconds
        ]
        trials = store.trials()
        done = {str(trial.tree) for trial in trials}
        waiting = [
            (rank, *turn)
            for rank, turn in enumerate(trees[: terms.trees])
            if str(turn[0]) not in done
        ]
        number = max((trial.number for trial in trials), default=-1) + 1
        return cls(store, metric, waiting, number)


def _coded(one: DataSet, terms: Terms, seeds: Seeds) -> RunData:
    X, y = one.read()
    classify = holds_classes(y) if one.is_classes is None else one.is_classes
    whole = TargetCoding.learn(y, classify).target(y)
    rows = np.sort(spread(whole, seeds.stream("sample"))[: terms.most_rows])
    X, y = X.iloc[rows], y.iloc[rows]
    target = TargetCoding.learn(y, classify).target(y)
    table = Coding.learn(X).encode(X)
    return RunData(table, target, make_folds(target, _FOLDS, seeds))


def _turns(queues: Sequence[_Queue]) -> Iterator[tuple[_Queue, Node, Source]]:
    """All that is waiting: what is of the built-in lists first, then by rank."""
    every = [
        (source is not Source.PORTFOLIO, rank, place, tree, source)
        for place, queue in enumerate(queues)
        for rank, tree, source in queue.waiting
    ]
    for _, _, place, tree, source in sorted(every, key=lambda turn: turn[:3]):
        yield queues[place], tree, source


@dataclass(eq=False)
class _Running:
    """A trial in a process of its own."""

    queue: _Queue
    tree: Node
    source: Source
    number: int
    pid: int
    pipe: Connection

    @classmethod
    def start(cls, queue: _Queue, tree: Node, source: Source, terms: Terms) -> _Running:
        number = queue.next_number
        queue.next_number += 1
        ours, theirs = Pipe(duplex=False)
        job = Job(number, str(tree), terms.seed)
        pid = os.fork()
        if pid == 0:
            _become_trial(queue.store.folder, job, theirs, terms.trial_seconds)
        theirs.close()
        return cls(queue, tree, source, number, pid, ours)

    def finish(self) -> str:
        """Wait for the end of the trial and record it; gives a line that tells of it."""
        try:
            outcome = self.pipe.recv()
        except EOFError:  # it was killed
            outcome = None
        _, status, usage = os.wait4(self.pid, 0)
        self.pipe.close()
        seconds = usage.ru_utime + usage.ru_stime
        if outcome is None:
            code = os.waitstatus_to_exitcode(status)
            is_late = code in (-signal.SIGXCPU, -signal.SIGALRM)
            failure = f"ended by signal or exit {code}"
            fate = Status.TIMEOUT if is_late else Status.CRASH
            outcome = Outcome(self.number, fate, failure=failure)
        store = self.queue.store
        trial = self._judged(store, outcome, seconds)
        store.add(trial)
        fitted_path(store.folder, self.number).unlink(missing_ok=True)
        return f"{store.folder.name}: {trial.status} in {seconds:.1f} s: {self.tree}"

    def _judged(self, store: Store, outcome: Outcome, seconds: float) -> Trial:
        scores: tuple[float, ...] = ()
        if outcome.status is Status.COMPLETE:
            data = RunData.open(data_path(store.folder))
            predictions = store.oof(self.number)
            scores = fold_scores(predictions, data.target, data.folds, self.queue.metric)
        return Trial(
            self.number,
            self.tree,
            self.source,
            outcome.status,
            score=float(np.mean(scores)) if scores else None,
            fold_scores=scores,
            seconds=seconds,
            predict_seconds=outcome.predict_seconds,
            megabytes=outcome.megabytes,
            failure=outcome.failure,
            traceback=outcome.traceback,
            peak_megabytes=outcome.peak_megabytes,
        )


def _become_trial(folder: Path, job: Job, pipe: Connection, seconds: float) -> NoReturn:
    """Judge the tree of a job in this fresh fork."""
    isolate()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # or it would tidy up in its parent's place
    whole = max(1, round(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE * whole)  # for what waits, and uses no CPU
    reset_peak()
    outcome = attempt(judge, job, folder)
    pipe.send(replace(outcome, peak_megabytes=peak_megabytes()))
    os._exit(0)


def learned(folder: Path) -> Experience:
    """What the trials in the run folder of a data set tell.

    Raises
    ------
    StoreError, RunLockedError
        If the folder holds no run, or none with data, or another process is working in it.
    """
    with Store.open(folder) as store:
        facts, trials = store.facts, store.trials()
        if "name" not in facts:
            raise StoreError(f"{folder} holds no data: the set could not be read.")
        data = RunData.open(data_path(folder))
        results = [Result.of(trial) for trial in trials]
        predictions = [store.oof(trial.number) for trial in trials if trial.is_complete]
    shape = (0, len(data.table), data.target.outputs)
    stacked = np.stack(predictions) if predictions else np.empty(shape)
    name, metric = str(facts["name"]), str(facts["metric"])
    return experience(name, metric, data.table, data.target, results, stacked)
