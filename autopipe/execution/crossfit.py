"""Cross-fitting, the unit of work: one tree, all folds, out-of-fold predictions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autopipe.devices import CPU
from autopipe.errors import TreeError
from autopipe.execution.cache import Cache
from autopipe.execution.racing import Watch
from autopipe.folds import Folds
from autopipe.matrix import Matrix, as_new, joined
from autopipe.operators.catalogue import estimator_for, operator_named
from autopipe.operators.declaration import FoldsLearner, Learner, Limits, check_deadline
from autopipe.operators.fitted import FittedTree, is_stateless
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, IntArray, Target
from autopipe.tree import TABLE_NAME, Node, Path

_CALIBRATED_ROWS = 20_000  # tell a calibrator all; with many classes each costs
_TIMED_ROWS = 256  # predicted once to know what a row costs


@dataclass(frozen=True, eq=False)
class CrossFit:
    """A tree fitted on every fold.

    Parameters
    ----------
    out_of_fold : array of shape (rows, outputs), NaN where a row is never held out
    models : one for every fold
    row_seconds : time to predict one row of a batch with all fold models
    is_truncated : whether the deadline stopped a learner
    note : what went otherwise than it should in a learner, though it went well
    """

    out_of_fold: FloatArray
    models: tuple[FittedTree, ...]
    row_seconds: float
    is_truncated: bool
    note: str = ""


def crossfit(
    tree: Node,
    table: Table,
    target: Target,
    folds: Folds,
    seeds: Seeds,
    deadline: float = float("inf"),
    fold_threads: int = 1,
    cache: Cache | None = None,
    train_share: float = 1.0,
    device: str = CPU,
    rounds: Mapping[Path, int] | None = None,
    watch: Watch | None = None,
) -> CrossFit:
    """Fit a tree on the training rows of every fold and predict the held-out rows.

    Every operator sees the fold's training rows alone; what stateless operators make of
    the table, and histogram edges, are shared by all folds. A learner may watch the
    held-out rows to know when to stop. The same seeds give the same result, whatever the
    number of threads.

    Parameters
    ----------
    deadline : time on `time.monotonic`'s axis; every fold gets an equal share of what is
        left, so that all are fitted, if to a lesser end
    fold_threads : folds that are fitted at the same time
    cache : what earlier trees on the same table, target, folds and seeds left; theirs alone
    train_share : of each fold's training rows, that is used; a smaller one is part of a larger
    device : that learners may use
    rounds : of boosters by their path, whatever the held-out rows say
    watch : looks at each fold, of a learner that fits them one by one

    Raises
    ------
    DeadlineReached
        If a fold had nothing usable in time.
    OutrunError
        If the watch has seen enough.
    """
    thinned = folds.thinned(target, train_share, seeds)
    limits = Limits(deadline, min(fold_threads, len(folds)), device)
    run = _Run(table, target, thinned, seeds, limits, cache, train_share)
    run.rounds, run.watch = rounds or {}, watch
    parts = run.predictions(tree, ())
    models = tuple(FittedTree(tree, estimators) for estimators in run.estimators)
    sample = table.take(slice(0, _TIMED_ROWS))
    begin = time.monotonic()
    for model in models:
        model.predict(sample)
    row_seconds = (time.monotonic() - begin) / max(1, len(sample))
    return CrossFit(folds.averaged(parts), models, row_seconds, run.is_truncated, run.note)


class _Run:
    def __init__(
        self,
        table: Table,
        target: Target,
        folds: Folds,
        seeds: Seeds,
        limits: Limits,
        cache: Cache | None,
        train_share: float,
    ) -> None:
        self.table = table
        self.target = target
        self.folds = folds
        self.seeds = seeds
        self.limits = limits
        self.estimators: list[dict[Path, Any]] = [{} for _ in folds.pairs]
        self.is_truncated = False
        self.rounds: Mapping[Path, int] = {}
        self.watch: Watch | None = None
        self.note = ""
        self._train_share = train_share
        self._cache = Cache(0) if cache is None else cache  # an empty one is falsy

    def predictions(self, node: Node, path: Path) -> list[FloatArray]:
        """Predictions of each fold's held-out rows by the sub-tree at `path`."""
        operator = operator_named(node.op)
        if operator.is_calibrator:
            return self._calibrated(node, path)
        if operator.is_learner:
            return self._learned(node, path)
        raise TreeError(f"{node.op} makes no predictions; a tree ends in a learner.")

    def _calibrated(self, node: Node, path: Path) -> list[FloatArray]:
        """A calibrator learns from the other folds' predictions of other rows."""
        if len(self.folds) < 2:
            raise TreeError(f"{node.op} needs two folds: it learns from the other folds' rows.")
        below = self.predictions(node.inputs[0], (*path, 0))
        rows = np.concatenate([held_out for _, held_out in self.folds.pairs])
        stacked = np.concatenate(below)
        calibrated = []
        for fold, (_, held_out) in enumerate(self.folds.pairs):
            check_deadline(self.limits)
            others = np.flatnonzero(~np.isin(rows, held_out))
            if len(others) > _CALIBRATED_ROWS:
                rng = np.random.default_rng(self._seed(node, fold))
                others = np.sort(rng.choice(others, _CALIBRATED_ROWS, replace=False))
            calibrator = estimator_for(node)
            calibrator.fit(stacked[others], self.target.take(rows[others]))
            self.estimators[fold][path] = calibrator
            calibrated.append(calibrator.transform(below[fold]))
        return calibrated

    def _learned(self, node: Node, path: Path) -> list[FloatArray]:
        (below,) = node.inputs
        shared: Any = None
        whole = self._whole(below) if is_stateless(below) else None
        if whole is not None:  # bins and the like, for all folds
            shared = self._prepared(node, None, whole, self.target, self.limits)

        def given(fold: int, limits: Limits) -> tuple[Any, IntArray, IntArray]:
            train_rows, held_out = self.folds.pairs[fold]
            if whole is not None:
                self._keep((*path, 0), _stateless(below), fold)
                return shared, train_rows, held_out
            split = self._transformed(below, fold)
            self._keep((*path, 0), split.estimators, fold)
            rows = np.concatenate([train_rows, held_out])
            assert isinstance(split.train, Matrix) and isinstance(split.held_out, Matrix)
            X = joined(split.train, split.held_out)
            prepared = self._prepared(node, fold, X, self.target.take(rows), limits)
            return prepared, *np.split(np.arange(len(rows)), [len(train_rows)])

        def keep(learner: Learner, out: FloatArray, fold: int) -> FloatArray:
            self.estimators[fold][path] = learner
            self.is_truncated |= learner.is_truncated
            self.note = self.note or getattr(learner, "note", "")
            if whole is not None and whole.categorical:  # some of which it cannot know
                held_out, places = as_new(whole, *self.folds.pairs[fold])
                if len(places):
                    out = np.array(out)
                    out[places] = learner.predict(held_out.take(places))
            return np.asarray(out)

        def fit(fold: int, limits: Limits) -> FloatArray:
            if self.watch is not None:
                self.watch.check()
            learner = estimator_for(node)
            if path in self.rounds:
                learner.fixed_rounds = self.rounds[path]
            out = learner.fit(*given(fold, limits), self._seed(node, fold), limits)
            if self.watch is not None:
                self.watch.see(self.folds.pairs[fold][1], out)
            return keep(learner, out, fold)

        learner = estimator_for(node)
        if isinstance(learner, FoldsLearner):
            folds = range(len(self.folds))
            prepared, *pairs = zip(*(given(fold, self.limits) for fold in folds), strict=True)
            seeds = [self._seed(node, fold) for fold in folds]
            rows = list(zip(*pairs, strict=True))
            fitted = learner.fit_folds(prepared, rows, seeds, self.limits)
            return [keep(*each, fold) for fold, each in enumerate(fitted)]
        return self._over_folds(fit)

    def _prepared(
        self, node: Node, fold: int | None, X: Matrix, target: Target, limits: Limits
    ) -> Any:
        """What the learner shares between its fits; learners of one kind often share it."""
        learner = estimator_for(node)
        used = tuple((name, node.hyperparameters[name]) for name in learner.prepared_by)
        share = None if fold is None else self._train_share
        key = ("prepared", node.op, used, str(node.inputs[0]), fold, share)
        # Bins take a byte a value, and some libraries keep the values too.
        return self._cache.get(
            key, lambda: learner.prepare(X, target, limits), lambda _: 2 * X.nbytes
        )

    def _transformed(self, node: Node, fold: int) -> _Split:
        """Training and held-out rows of a fold, by transformers fitted to the former."""
        return self._cache.get(
            ("split", str(node), fold, self._train_share),
            lambda: self._transform(node, fold),
            _Split.nbytes,
        )

    def _transform(self, node: Node, fold: int) -> _Split:
        train_rows, held_out = self.folds.pairs[fold]
        if is_stateless(node):
            whole = self._whole(node)
            new, _ = as_new(whole, train_rows, held_out)
            return _Split(whole.take(train_rows), new, _stateless(node))
        (below,) = node.inputs
        train: Table | Matrix
        valid: Table | Matrix
        if below.op == TABLE_NAME:
            train = self.table.take(train_rows)
            valid = self.table.take_new(held_out, train_rows)
            estimators: dict[Path, Any] = {}
        else:
            split = self._transformed(below, fold)
            train, valid = split.train, split.held_out
            estimators = {(0, *path): each for path, each in split.estimators.items()}
        check_deadline(self.limits)
        transformer = estimator_for(node)
        fitted = transformer.fit_transform(
            train, self.target.take(train_rows), self._seed(node, fold)
        )
        return _Split(fitted, transformer.transform(valid), {(): transformer, **estimators})

    def _whole(self, node: Node) -> Matrix:
        """What a stateless sub-tree makes of the whole table."""

        def make() -> Matrix:
            (below,) = node.inputs
            data = self.table if below.op == TABLE_NAME else self._whole(below)
            matrix: Matrix = estimator_for(node).transform(data)
            return matrix

        return self._cache.get(("whole", str(node)), make, lambda matrix: matrix.values.nbytes)

    def _keep(self, path: Path, estimators: Mapping[Path, Any], fold: int) -> None:
        """Enter the estimators of a sub-tree that stands at `path`."""
        for inner, estimator in estimators.items():
            self.estimators[fold][(*path, *inner)] = estimator

    def _over_folds(self, fit: Callable[[int, Limits], FloatArray]) -> list[FloatArray]:
        """The fit of every fold, each with an equal share of the time that is left."""
        lock = threading.Lock()
        waiting, limits = len(self.folds), self.limits

        def timed(fold: int) -> FloatArray:
            nonlocal waiting
            with lock:
                now = time.monotonic()
                share = (limits.deadline - now) * limits.threads / max(waiting, limits.threads)
                waiting -= 1
            deadline = min(limits.deadline, now + share)
            return fit(fold, replace(limits, deadline=deadline, threads=1))

        if limits.threads == 1:
            return [timed(fold) for fold in range(len(self.folds))]
        with ThreadPoolExecutor(limits.threads) as pool:
            return list(pool.map(timed, range(len(self.folds))))

    def _seed(self, node: Node, fold: int) -> int:
        return self.seeds.number("node", node, fold)


@dataclass(frozen=True, eq=False)
class _Split:
    """A fold's rows after a sub-tree of transformers, and these by path."""

    train: Table | Matrix
    held_out: Table | Matrix
    estimators: Mapping[Path, Any]

    def nbytes(self) -> int:
        return self.train.nbytes + self.held_out.nbytes


def _stateless(node: Node) -> dict[Path, Any]:
    """The estimators of a stateless sub-tree, which need no fit."""
    return {path: estimator_for(part) for path, part in node.walk() if part.op != TABLE_NAME}
