"""What a trial will cost: the operators' own rules, corrected by what this run has seen."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from autopipe.errors import UnknownOperatorError
from autopipe.folds import Folds
from autopipe.operators.catalogue import learner_of, operator_named
from autopipe.operators.cost import Cost, Shape
from autopipe.operators.fitted import is_stateless
from autopipe.space import defaults
from autopipe.tree import TABLE_NAME, Node
from autopipe.trial import Status, Trial

_TRIAL_SECONDS = 0.03  # of a trial that costs nothing else
_PRIOR_WEIGHT = 1.0  # trials that outweigh what is believed before any
_ON_DEVICE = 0.1  # of the seconds on a core; not measured, the first trials correct it
_BEYOND = 1.25  # times what a trial took that was cut off, is what it would have taken


@dataclass(frozen=True)
class Estimate:
    """Of a trial before it is started.

    Parameters
    ----------
    seconds : wall time until all folds are fitted, every learner to its own end
    megabytes : that the worker holds meanwhile, beside the table and the libraries
    """

    seconds: float
    megabytes: float


class CostModel:
    """Predicts the seconds and the memory of trials, and learns from those that ended.

    The ratio of seen to declared seconds is the speed of the machine and the habit of the
    data; that of each learner is drawn towards that of all, and that of all towards 1.

    Parameters
    ----------
    shape : of all rows of the table
    folds : that every trial is fitted on
    fold_threads : folds that are fitted at the same time
    is_for_device : whether a tree is fitted on a graphics card
    """

    def __init__(
        self,
        shape: Shape,
        folds: Folds,
        fold_threads: int = 1,
        is_for_device: Callable[[Node], bool] = lambda tree: False,
    ) -> None:
        self._whole = shape
        self._is_for_device = is_for_device
        self._folds = len(folds)
        self._threads = min(fold_threads, len(folds))
        self.train_rows = round(float(np.mean([len(train) for train, _ in folds.pairs])))
        self._held_out = round(float(np.mean([len(held) for _, held in folds.pairs])))
        self._ratios: dict[str, list[float]] = defaultdict(list)  # logarithms, by learner

    def core_seconds(self, tree: Node) -> float:
        """Seconds of one core for all folds on all rows, as the operators declare them."""
        bill = self._bill(tree, 1.0)
        return bill.prepare_seconds + self._folds * bill.seconds

    def predict(self, tree: Node, train_share: float = 1.0) -> Estimate:
        """What a trial on this share of the training rows will take."""
        bill = self._bill(tree, train_share)
        learner = learner_of(tree)
        seconds = self._declared(bill, learner) * math.exp(self._correction(learner))
        return Estimate(seconds, self._threads * bill.megabytes)

    def learn(self, trial: Trial) -> None:
        """Take note of what a trial took.

        One that its deadline stopped would have taken longer; it counts where that is longer
        than predicted. Other failures tell nothing, nor do trees of operators that are gone.
        """
        if trial.status is Status.PARTIAL:
            return
        is_cut = trial.is_truncated or trial.status is Status.TIMEOUT
        if not (trial.is_complete or is_cut):
            return
        try:
            learner = learner_of(trial.tree)
            declared = self._declared(self._bill(trial.tree, trial.train_share), learner)
        except UnknownOperatorError:
            return
        seconds = trial.seconds * (_BEYOND if is_cut else 1.0)
        ratio = math.log(max(seconds, _TRIAL_SECONDS) / declared)
        if not is_cut or ratio > self._correction(learner):
            self._ratios[learner].append(ratio)

    def _correction(self, learner: str) -> float:
        every = [ratio for ratios in self._ratios.values() for ratio in ratios]
        overall = sum(every) / (len(every) + _PRIOR_WEIGHT)
        own = self._ratios.get(learner, [])
        return (sum(own) + _PRIOR_WEIGHT * overall) / (len(own) + _PRIOR_WEIGHT)

    def _declared(self, bill: Cost, learner: str) -> float:
        most = operator_named(learner).most_threads or self._threads
        fits = bill.seconds * self._folds / min(self._threads, most)
        return _TRIAL_SECONDS + bill.prepare_seconds + fits

    def _bill(self, tree: Node, train_share: float) -> Cost:
        """The cost of one fold, and apart from it that of what all folds share."""
        rows = max(1, round(train_share * self.train_rows))
        table = replace(self._whole, rows=rows, held_out=self._held_out)
        bill = _bill(tree, table, self._whole)
        if self._is_for_device(tree):
            return replace(bill, seconds=_ON_DEVICE * bill.seconds)
        return bill


def fit_seconds(tree: Node, shape: Shape) -> float:
    """Seconds of one core for one fit to all these rows, as the operators declare them."""
    bill = _bill(tree, shape, shape)
    return bill.prepare_seconds + bill.seconds


def _bill(node: Node, fold: Shape, whole: Shape) -> Cost:
    """Of a sub-tree: on a fold's rows, or on all rows once where it is stateless."""
    if node.op == TABLE_NAME:
        return Cost(0.0, gives=fold)
    (below,) = node.inputs
    bill = _bill(below, fold, whole)
    shape = bill.gives
    assert shape is not None
    operator = operator_named(node.op)
    params = {**defaults(operator.space), **node.hyperparameters}
    cost = operator.costs(params, shape)
    on_all = operator.costs(params, replace(shape, rows=whole.rows, held_out=0))
    seconds, shared = bill.seconds, bill.prepare_seconds
    if is_stateless(node):
        shared += on_all.seconds
    elif is_stateless(below):
        seconds, shared = seconds + cost.seconds, shared + on_all.prepare_seconds
    else:
        seconds += cost.seconds + cost.prepare_seconds
    megabytes = bill.megabytes + max(cost.megabytes, on_all.megabytes * is_stateless(node))
    return Cost(seconds, shared, megabytes, cost.gives or shape)
