"""The candidates of an ensemble, and the weights that are current."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from autopipe.ensembles.greedy import bagged_weights, greedy_weights, without_light
from autopipe.folds import Folds, spread
from autopipe.metrics import Metric
from autopipe.task import FloatArray, IntArray, Target

STACK = "stack"
"""The family of a second level, whose scores promise more than they should."""

_MOST_BYTES = 1_000_000_000  # of all candidates' predictions
_BAGGED_ROWS = 5_000  # of more, the luck is small, and a choice takes long
_MOST_ROWS = 100_000  # that weights are chosen on: of 500,000 it takes five times as long

# How many candidates so many rows can tell apart: AutoGluon's guard for the configurations of a
# family, and up to 2,500 rows, whose weights are mostly the mean of several choices, twice as
# many. On eighteen splits of ten such data sets, after some 40 trials, errors were .8 % smaller
# than with one choice among half as many, with a standard error of .4.
_ROWS = (100, 500, 2_500, 10_000, 100_000)
_CANDIDATES = (8, 16, 30, 40, 60)


def capacity(target: Target) -> int:
    """How many candidates an ensemble on these rows may choose among."""
    rows = len(target.y)
    by_rows = np.exp(np.interp(np.log(max(1, rows)), np.log(_ROWS), np.log(_CANDIDATES)))
    each = 8 if target.outputs == 1 else 4  # bytes; see `Folds.averaged`
    by_memory = _MOST_BYTES // (each * rows * target.outputs + 1)
    return max(2, min(round(float(by_rows)), int(by_memory)))


@dataclass(frozen=True)
class Candidate:
    """A complete trial that may become a member.

    Parameters
    ----------
    number : of the trial
    family : of its learner
    score : mean over the folds
    predictions : array of shape (held-out rows, outputs)
    """

    number: int
    family: str
    score: float
    predictions: FloatArray


@dataclass(frozen=True)
class Selection:
    """An ensemble as chosen.

    Parameters
    ----------
    weights : by number of the trial, positive, their sum is 1
    score : mean over the folds of the weighted average, larger is better
    """

    weights: Mapping[int, float]
    score: float


class Candidates:
    """The best trials so far: the best of every family first, then by score.

    Families differ more than the trials of one, and difference is what an ensemble feeds on.

    Parameters
    ----------
    target : of all rows
    folds : rows that are never held out are left out
    single : the ensemble is the best trial alone
    most : trials that are kept; None for as many as so many rows can tell apart
    """

    def __init__(
        self,
        target: Target,
        folds: Folds,
        metric: Metric,
        single: bool = False,
        most: int | None = None,
    ) -> None:
        self._rows = np.flatnonzero(folds.times_held_out)
        self._folds = folds
        self._metric = metric
        self._all_target = target
        self._target = target.take(self._rows)
        self.is_single = single
        self._capacity = most or capacity(self._target)
        self._candidates: list[Candidate] = []
        self._scores: dict[tuple[tuple[int, float], ...], float] = {}
        self._chosen_on: IntArray | None = None  # None is all
        if len(self._rows) > _MOST_ROWS:
            order = spread(self._target, np.random.default_rng(0))
            self._chosen_on = np.sort(order[:_MOST_ROWS])

    def __len__(self) -> int:
        return len(self._candidates)

    @property
    def rows(self) -> IntArray:
        """The rows that are held out at least once."""
        return self._rows

    def stacked(self) -> tuple[list[int], FloatArray]:
        """Numbers of the trials, and predictions of shape (members, held-out rows, outputs)."""
        members = sorted(self._candidates, key=lambda one: one.number)
        stack = np.stack([member.predictions for member in members])
        return [member.number for member in members], stack

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of the trials that can still enter the ensemble."""
        return frozenset(member.number for member in self._candidates)

    def add(self, number: int, family: str, score: float, out_of_fold: FloatArray) -> None:
        """Take a trial in, and the weakest out where there are too many.

        Parameters
        ----------
        out_of_fold : array of shape (rows, outputs)
        """
        candidate = Candidate(number, family, score, out_of_fold[self._rows])
        self._candidates.append(candidate)
        firsts: list[Candidate] = []
        others: list[Candidate] = []
        seen: set[str] = set()
        for one in self.ranked():
            (others if one.family in seen else firsts).append(one)
            seen.add(one.family)
        self._candidates = [*firsts, *others][: self._capacity]

    def drop(self, number: int) -> None:
        """Take a trial out, such as one whose files are lost."""
        self._candidates = [member for member in self._candidates if member.number != number]

    def drop_weakest(self, spared: Container[int]) -> bool:
        """Take the weakest trial out that is neither the first nor spared, if there is one."""
        for member in reversed(self._candidates[1:]):
            if member.number not in spared:
                self.drop(member.number)
                return True
        return False

    def select(
        self, until: float = float("inf"), now: Callable[[], float] = time.monotonic
    ) -> Selection | None:
        """The greedy ensemble of the candidates; None where there are none.

        It is chosen on 100,000 rows at most.

        Parameters
        ----------
        until : time on the axis of `now` that may cut it short, down to the best candidate
        """
        if not self._candidates:
            return None
        best = self.ranked()[0]
        alone = Selection({best.number: 1.0}, best.score)
        if self.is_single or len(self) == 1:
            self._scores[((best.number, 1.0),)] = best.score
            return alone
        numbers, stacked = self.stacked()
        target = self._target
        if self._chosen_on is None:
            seen = stacked
        else:
            seen, target = stacked[:, self._chosen_on], target.take(self._chosen_on)
        weights = greedy_weights(seen, target, self._metric, until=until, now=now)
        return self._selection(numbers, weights) or alone

    def bagged(
        self, until: float = float("inf"), now: Callable[[], float] = time.monotonic
    ) -> Selection | None:
        """The mean of several choices; None where one is as good, or until then too little.

        One is as good on many rows, and where the ensemble is the best trial alone.
        """
        if self.is_single or len(self) < 2 or len(self._rows) > _BAGGED_ROWS:
            return None
        numbers, stacked = self.stacked()
        weights = bagged_weights(stacked, self._target, self._metric, until, now)
        return self._selection(numbers, weights)

    def _selection(self, numbers: Sequence[int], weights: FloatArray) -> Selection | None:
        """The ensemble of these weights; None where all are zero, or the metric refuses it."""
        if not weights.any():
            return None
        chosen = {
            number: float(weight)
            for number, weight in zip(numbers, without_light(weights), strict=True)
            if weight > 0
        }
        with suppress(Exception):  # of a metric of the user's, such as a division by zero
            return Selection(chosen, self.score(chosen))
        return None

    def score(self, weights: Mapping[int, float]) -> float:
        """The mean over the folds of the score of a weighted average, found out once."""
        key = tuple(sorted(weights.items()))
        if key not in self._scores:
            self._scores[key] = self._scored(weights)
        return self._scores[key]

    def _scored(self, weights: Mapping[int, float]) -> float:
        known = {member.number: member.predictions for member in self._candidates}
        total = sum(weight * known[number] for number, weight in sorted(weights.items()))
        assert isinstance(total, np.ndarray)
        average = np.full((len(self._all_target.y), total.shape[1]), np.nan, total.dtype)
        average[self._rows] = total
        scores = fold_scores(average, self._all_target, self._folds, self._metric)
        return float(np.mean(scores))

    def ranked(self) -> list[Candidate]:
        """The candidates by score, the best one first."""
        return sorted(self._candidates, key=lambda one: (-one.score, one.number))


def fold_scores(
    out_of_fold: FloatArray, target: Target, folds: Folds, metric: Metric
) -> tuple[float, ...]:
    """The score of each fold's held-out rows.

    Where these are too few to be judged, of a single class or too uniform for the metric, it is
    the score of all rows.
    """
    return tuple(
        _fold_score(out_of_fold, target, held_out, folds, metric) for _, held_out in folds.pairs
    )


def _fold_score(
    out_of_fold: FloatArray, target: Target, held_out: IntArray, folds: Folds, metric: Metric
) -> float:
    part = target.take(held_out)
    lacks_classes = target.is_classification and np.unique(part.y).size < target.n_classes
    if len(part.y) > 1 and not (lacks_classes and target.n_classes == 2):
        try:
            score = metric.score(part, out_of_fold[held_out])
            if np.isfinite(score) or not lacks_classes:
                return score
        except ValueError:
            if not lacks_classes:
                raise
    every = np.flatnonzero(folds.times_held_out)
    return metric.score(target.take(every), out_of_fold[every])
