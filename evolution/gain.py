"""What a trial adds to the best ensemble of trials, and whether that is more than noise."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping

import numpy as np

from autopipe.ensembles.greedy import weights_of_reduced
from autopipe.folds import Folds, spread
from autopipe.metrics import Metric
from autopipe.task import FloatArray, IntArray, Target

_MOST_ROWS = 5_000  # that gains are measured on: more cost time that trials would use better
_BLOCKS = 10  # of rows, on each of which two ensembles are compared
_FEWEST_BLOCKS = 3  # that tell anything of the noise
_NOISE = 2.0  # standard errors: one trial in thirty beyond it has no gain (Student, 9 degrees)
_ROUNDS = 15  # of the greedy choice
_SHARE = 0.02  # of the time, that choosing may take: a metric can be slow


class Gains:
    """Keeps the ensemble that is the best of some trials, and measures others by it.

    The gain of a member is the score of the ensemble with it minus that without it; of any
    other trial, the score with it added once minus the score now. Two ensembles are compared
    on the same blocks of rows; where the mean difference is within two standard errors, the
    gain is zero. So it may be negative, and not by chance.

    Parameters
    ----------
    target : of all rows of the table
    folds : rows that are never held out are left out
    predictions : out-of-fold predictions of shape (rows, outputs) by the number of a trial;
        None where they are gone
    now : a clock; one that stands still is for runs that can be repeated
    """

    def __init__(
        self,
        target: Target,
        folds: Folds,
        metric: Metric,
        predictions: Callable[[int], FloatArray | None],
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        held_out = np.flatnonzero(folds.times_held_out)
        order = spread(target.take(held_out), np.random.default_rng(0))[:_MOST_ROWS]
        self._rows = held_out[order]
        self._target = target.take(self._rows)
        blocks = np.array_split(np.arange(len(self._rows)), _BLOCKS)
        self._blocks = [(rows, self._target.take(rows)) for rows in blocks if len(rows)]
        self._metric = metric
        self._predictions = predictions
        self._clock = now
        self._next_choice = now()
        self._known: dict[int, FloatArray] = {}  # reduced, as the metric has it
        self._weights: dict[int, float] = {}
        prior = np.tile(target.prior(), (len(self._rows), 1))
        self._prior = self._now = self._block_scores(self._reduced(prior))

    def enter(self, number: int) -> float | None:
        """The gain of a trial that is new, which is known from now on; None if it is lost.

        As it is in a run that is gone on with, of what fell out of the candidates.
        """
        predictions = self._predictions(number)
        if predictions is None:
            return None
        self._known[number] = self._reduced(predictions[self._rows])
        return self._added(number)

    def chosen(self, numbers: Collection[int]) -> Mapping[int, float]:
        """The gains of these trials in the best ensemble of them; others are forgotten.

        None are told, and the ensemble stays, where choosing would take too much of the time.
        """
        if (begin := self._clock()) < self._next_choice:
            return {}
        self._known = {n: self._known[n] for n in sorted(numbers) if n in self._known}
        if not self._known:
            return dict.fromkeys(numbers, 0.0)
        stacked = np.stack(list(self._known.values()))
        weights = weights_of_reduced(stacked, self._target, self._metric, _ROUNDS)
        pairs = zip(self._known, weights, strict=True)
        self._weights = {number: float(weight) for number, weight in pairs if weight > 0}
        self._now = self._block_scores(self._average(self._weights))
        gains = {number: self._gain(number) for number in numbers}
        end = self._clock()
        self._next_choice = end + (end - begin) / _SHARE
        return gains

    def _gain(self, number: int) -> float:
        if number not in self._known:
            return 0.0
        if number not in self._weights:
            return self._added(number)
        others = {n: weight for n, weight in self._weights.items() if n != number}
        without = self._block_scores(self._average(others)) if others else self._prior
        return _beyond_noise(self._now - without)

    def _added(self, number: int) -> float:
        """What the ensemble gains by one more trial that counts as much as its smallest."""
        share = 1.0 if not self._weights else min(self._weights.values())
        weights = {**self._weights, number: share}
        return _beyond_noise(self._block_scores(self._average(weights)) - self._now)

    def _reduced(self, predictions: FloatArray) -> FloatArray:
        return self._metric.quick.reduce(self._target, predictions)

    def _average(self, weights: Mapping[int, float]) -> FloatArray:
        total = sum(weight * self._known[number] for number, weight in weights.items())
        return np.asarray(total / sum(weights.values()))

    def _block_scores(self, predictions: FloatArray) -> FloatArray:
        score = self._metric.quick.score

        def of_block(rows: IntArray, target: Target) -> float:
            try:
                return score(target, predictions[rows])
            except Exception:  # a scorer that wants every class, of a block that has not
                return float("nan")

        with warnings.catch_warnings():  # of what a block lacks
            warnings.simplefilter("ignore")
            return np.array([of_block(*block) for block in self._blocks])


def _beyond_noise(differences: FloatArray) -> float:
    """The mean difference, or zero where chance explains it."""
    known = differences[np.isfinite(differences)]
    if len(known) < _FEWEST_BLOCKS:
        return 0.0
    mean, error = float(known.mean()), float(known.std(ddof=1)) / len(known) ** 0.5
    return mean if abs(mean) > _NOISE * error else 0.0
