"""The candidates of an ensemble, and the weights that are current."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autopipe.ensembles.greedy import greedy_weights
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.task import FloatArray, Target

_MOST_BYTES = 1_000_000_000  # of all candidates' predictions

# How many candidates so many rows can tell apart without overfitting: AutoGluon's guard for
# the configurations of a family, applied here to all.
_ROWS = (100, 500, 2_500, 10_000, 100_000)
_CANDIDATES = (4, 8, 15, 40, 60)


def capacity(target: Target) -> int:
    """How many candidates an ensemble on these rows may choose among."""
    rows = len(target.y)
    by_rows = np.exp(np.interp(np.log(max(1, rows)), np.log(_ROWS), np.log(_CANDIDATES)))
    by_memory = _MOST_BYTES // (4 * rows * target.outputs + 1)
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
    single : keep the best trial alone, so that the ensemble is that one
    """

    def __init__(
        self, target: Target, folds: Folds, metric: Metric, single: bool = False
    ) -> None:
        self._rows = np.flatnonzero(folds.times_held_out)
        self._folds = folds
        self._metric = metric
        self._all_target = target
        self._target = target.take(self._rows)
        self._capacity = 1 if single else capacity(self._target)
        self._members: list[Candidate] = []

    def __len__(self) -> int:
        return len(self._members)

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of the trials that can still enter the ensemble."""
        return frozenset(member.number for member in self._members)

    def add(self, number: int, family: str, score: float, out_of_fold: FloatArray) -> None:
        """Take a trial in, and the weakest out where there are too many.

        Parameters
        ----------
        out_of_fold : array of shape (rows, outputs)
        """
        candidate = Candidate(number, family, score, out_of_fold[self._rows])
        members = sorted([*self._members, candidate], key=lambda one: (-one.score, one.number))
        is_first = []
        seen: set[str] = set()
        for member in members:
            is_first.append(member.family not in seen)
            seen.add(member.family)
        ranked = [one for one, first in zip(members, is_first, strict=True) if first]
        ranked += [one for one, first in zip(members, is_first, strict=True) if not first]
        self._members = ranked[: self._capacity]

    def select(self) -> Selection | None:
        """The greedy ensemble of the candidates; None where there are none."""
        if not self._members:
            return None
        members = sorted(self._members, key=lambda one: one.number)
        stacked = np.stack([member.predictions for member in members])
        weights = greedy_weights(stacked, self._target, self._metric)
        average = np.full((len(self._all_target.y), stacked.shape[2]), np.nan, np.float32)
        average[self._rows] = np.tensordot(weights, stacked, axes=1)
        scores = fold_scores(average, self._all_target, self._folds, self._metric)
        chosen = {
            member.number: float(weight)
            for member, weight in zip(members, weights, strict=True)
            if weight > 0
        }
        return Selection(chosen, float(np.mean(scores)))


def fold_scores(
    out_of_fold: FloatArray, target: Target, folds: Folds, metric: Metric
) -> tuple[float, ...]:
    """The score of each fold's held-out rows."""
    return tuple(
        metric.score(target.take(held_out), out_of_fold[held_out])
        for _, held_out in folds.pairs
    )
