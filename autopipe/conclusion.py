"""What is learned from the ensemble's out-of-fold predictions once the search has ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from autopipe.clock import Clock
from autopipe.ensembles.baselines import blind_baselines
from autopipe.ensembles.calibration import Calibrated, calibrated, parts_of
from autopipe.ensembles.corrected_score import (
    RESELECTIONS,
    Estimate,
    deviations,
    optimism,
    overlap_of,
    stretch_of,
)
from autopipe.ensembles.decisions import Decided, Decision, decided, is_of_labels
from autopipe.ensembles.intervals import Conformal
from autopipe.ensembles.members import STACK, Candidates, Selection, fold_scores
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.operators.calibration import Temperature
from autopipe.operators.catalogue import catalogue
from autopipe.seeds import Seeds
from autopipe.task import FloatArray, Target
from autopipe.trial import Source, Trial

log = logging.getLogger(__name__)

BUDGET_SHARE = 0.02
"""Of the budget, that is for all of this,"""
LEAST_SECONDS = 1.0
"""and no less,"""
LEFT_SHARE = 0.5
"""but at most so much of what is left of it."""

_DECISION_SHARE = 0.7  # of that, for weights of the classes,
_INTERVAL_SHARE = 0.4  # and of the rest for the interval of the score
_WINNER_SHARE = 0.3  # and of that for the correction of the best trial alone
_PROBED_ROWS = 5_000  # that tell what the metric takes for a part of the rows
_MOMENT = 0.1  # s, that a quick metric may take though time is up
_BASELINES = 3  # that are scored on all folds
_FEWEST_CALLS = 10  # of a metric, by which weights of the classes may be found and checked
_SLOW_RESELECTIONS = 5  # where no clock ends the correction by a metric without a quick form

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Conclusion:
    """What stands between the members' average and a user, and what can be promised of it.

    Parameters
    ----------
    estimate : of the score on rows to come; None where no trial was completed
    temperature : of probabilities; None where it does not help
    decision : from probabilities to a class; None for the most probable one
    conformal : the errors that intervals and sets are made of
    """

    estimate: Estimate | None
    temperature: Temperature | None
    decision: Decision | None
    conformal: Conformal


def conclude(
    candidates: Candidates,
    selection: Selection | None,
    trials: Sequence[Trial],
    target: Target,
    folds: Folds,
    metric: Metric,
    seeds: Seeds,
    clock: Clock,
    costs: FloatArray | None = None,
    excess: float = 0.0,
    with_luck: bool = True,
) -> Conclusion:
    """Calibrate, decide, and tell how good that is, within a small share of the budget.

    What a metric cannot do on some rows, or time does not allow, is left out.

    Parameters
    ----------
    costs : of every mistake, of shape (classes, classes), where the user gave them
    excess : of the score, that is known to be luck before it is looked into
    with_luck : whether to look for luck, baselines and the best score too, which takes longest
    """
    given = None if costs is None else Decision(costs)
    if selection is None:
        everywhere = np.tile(target.prior(), (len(target.y), 1))
        return Conclusion(None, None, given, Conformal.of(everywhere, target))
    inquiry = _Inquiry(candidates, selection, target, folds, metric, seeds, clock, excess)
    fit, found, score = inquiry.finished(given)
    estimate = inquiry.estimate(score, found.predictions, trials, with_luck)
    conformal = Conformal.of(fit.predictions, inquiry.held_out)
    return Conclusion(estimate, fit.temperature, found.decision, conformal)


def concluded_gain(
    candidates: Candidates,
    weights: Mapping[int, float],
    target: Target,
    folds: Folds,
    metric: Metric,
    seeds: Seeds,
    clock: Clock,
    costs: FloatArray | None = None,
) -> float:
    """What temperature and decision add to the score of a weighted average.

    It is not a number where the metric fails on these rows.
    """
    given = None if costs is None else Decision(costs)
    selection = Selection(weights, 0.0)
    inquiry = _Inquiry(candidates, selection, target, folds, metric, seeds, clock, 0.0)

    def gain() -> float:
        *_, score = inquiry.finished(given)
        return score - candidates.score(weights)

    return _attempted("score of a smaller model", gain, float("nan"))


class _Inquiry:
    """Asks out-of-fold predictions of the rows that are held out, until time is up."""

    def __init__(
        self,
        candidates: Candidates,
        selection: Selection,
        target: Target,
        folds: Folds,
        metric: Metric,
        seeds: Seeds,
        clock: Clock,
        excess: float,
    ) -> None:
        self._excess = excess
        self._is_single = candidates.is_single
        self._average_score = partial(candidates.score, selection.weights)
        self._rows = candidates.rows
        self._parts = parts_of(folds)[self._rows]
        numbers, self._stacked = candidates.stacked()
        self._weights = np.array([selection.weights.get(number, 0.0) for number in numbers])
        self._numbers = numbers
        self._best = next(one for one in candidates.ranked() if one.family != STACK)
        self._target = target
        self.held_out = target.take(self._rows)
        self._folds = folds
        self._metric = metric
        self._seeds = seeds
        self._clock = clock
        self._deadline = float("inf")
        if clock.budget is not None:
            seconds = max(LEAST_SECONDS, BUDGET_SHARE * clock.budget)
            self._deadline = clock.now() + min(seconds, LEFT_SHARE * max(0.0, clock.left))
        begin = clock.now()
        self._looks_at_labels = target.is_classification and is_of_labels(
            metric, target.n_classes
        )
        self._call_seconds = (clock.now() - begin) / 2  # of the metric, for a few rows
        self._took = len(folds) * self._call_seconds  # of a score on all folds

    def finished(self, given: Decision | None) -> tuple[Calibrated, Decided, float]:
        """What comes after the members, and the score of what is then predicted."""
        fit = self.calibrated()
        found = self.decided(fit.predictions, given)
        if fit.temperature is None and found.decision is None:
            return fit, found, self._average_score()  # which is known already
        return fit, found, self.score(found.predictions)

    def calibrated(self) -> Calibrated:
        """The average of the members, as sure as it deserves to be."""
        average = np.tensordot(self._weights, self._stacked, axes=1)
        nothing = Calibrated(None, average)

        if not self._has_time(self._call_seconds):
            return nothing

        def fit() -> Calibrated:
            some = np.unique(np.linspace(0, len(average) - 1, _PROBED_ROWS).astype(int))
            begin = self._clock.now()
            self._metric.score(self.held_out.take(some), average[some])
            took = self._clock.now() - begin
            self._took = len(self._folds) * max(took, self._call_seconds)
            # Every part is scored with the temperature and without.
            if not self._has_time(2 * len(np.unique(self._parts)) * took):
                return nothing
            return calibrated(average, self.held_out, self._parts, self._metric)

        return _attempted("temperature", fit, nothing)

    def decided(self, predictions: FloatArray, given: Decision | None) -> Decided:
        """The predictions as the metric is to see them, and what decides between classes."""
        if not self._looks_at_labels:
            return Decided(given, predictions)
        if given is not None:
            return Decided(given, np.eye(self._target.n_classes)[given.choose(predictions)])
        until, now = self._until(_DECISION_SHARE), self._clock.now
        if not self._has_time(_FEWEST_CALLS * self._call_seconds):
            return Decided(None, predictions)
        return _attempted(
            "decision",
            lambda: decided(predictions, self.held_out, self._parts, self._metric, until, now),
            Decided(None, predictions),
        )

    def score(self, predictions: FloatArray) -> float:
        """The mean over the folds of the score of such predictions."""
        everywhere = np.full((len(self._target.y), predictions.shape[1]), np.nan)
        everywhere[self._rows] = predictions
        begin = self._clock.now()
        scores = fold_scores(everywhere, self._target, self._folds, self._metric)
        self._took = self._clock.now() - begin
        return float(np.mean(scores))

    def estimate(
        self, score: float, predictions: FloatArray, trials: Sequence[Trial], with_luck: bool
    ) -> Estimate:
        """What the score of such predictions will be on rows to come."""
        target, metric = self.held_out, self._metric
        until, now = self._until(_INTERVAL_SHARE), self._clock.now
        rng = self._seeds.stream("deviations")
        nothing: tuple[float, ...] = ()
        spread = _attempted(
            "interval of the score",
            lambda: deviations(predictions, target, metric, rng, until, now),
            nothing,
        )
        estimate = Estimate(
            score=score,
            corrected=None,
            rows=len(self._rows),
            deviations=spread,
            best=np.inf,
            stretch=stretch_of(self._folds),
            overlap=overlap_of(self._folds),
        )
        if not with_luck:
            return estimate
        winner = _attempted("correction of the best trial", self._winner, None)
        luck = _attempted(
            "correction of the score",
            lambda: self._optimism(self._weights, self._is_single, self._deadline),
            None,
        )
        best = np.inf
        blind: dict[str, float] = {}
        if self._has_time(self._took):
            best = _attempted("best score", lambda: metric.score(target, target.truth), best)
        if self._has_time(_BASELINES * self._took):
            blind = _attempted("baseline", self._blind, blind)
        return replace(
            estimate,
            corrected=None if luck is None else score - luck - self._excess,
            best=best if best >= score else np.inf,  # a metric may not honour the truth
            baselines={**blind, **_simple_trials(trials)},
            winner=winner,
        )

    def _winner(self) -> tuple[int, float] | None:
        """The number of the best trial, and its corrected score."""
        is_best = np.array([number == self._best.number for number in self._numbers])
        until = self._until(_WINNER_SHARE)
        luck = self._optimism(is_best.astype(np.float64), is_single=True, until=until)
        return None if luck is None else (self._best.number, self._best.score - luck)

    def _optimism(self, weights: FloatArray, is_single: bool, until: float) -> float | None:
        # It begins by scoring each candidate once, and needs as long again for a resample.
        each = self._took / len(self._folds)
        if len(self._stacked) > 1 and not self._has_time(each * len(self._stacked)):
            return None
        is_slow = self._clock.budget is None and self._metric.reduction is None
        return optimism(
            self._stacked,
            weights,
            self.held_out,
            self._metric,
            self._seeds.stream("optimism"),
            until,
            self._clock.now,
            is_single,
            _SLOW_RESELECTIONS if is_slow else RESELECTIONS,
        )

    def _blind(self) -> dict[str, float]:
        rng = self._seeds.stream("baselines")
        return blind_baselines(
            self._target, self._folds, self._metric, self._looks_at_labels, rng
        )

    def _has_time(self, seconds: float) -> bool:
        """Whether there is time for so many seconds, or they are but a moment."""
        return seconds <= max(_MOMENT, self._deadline - self._clock.now())

    def _until(self, share: float) -> float:
        now = self._clock.now()
        return now + share * (self._deadline - now)


def _attempted(what: str, work: Callable[[], _T], otherwise: _T) -> _T:
    """The result of some work with a metric, which may be the user's own and raise."""
    try:
        return work()
    except Exception as error:  # a model must not be lost for a number about it
        log.warning("The %s is left out: %s: %s", what, type(error).__name__, error)
        return otherwise


def _simple_trials(trials: Sequence[Trial]) -> dict[str, float]:
    """Scores of the first linear model and the first LightGBM, where they were judged whole."""
    found: dict[str, float] = {}
    for trial in sorted(trials, key=lambda one: one.number):
        operator = catalogue().get(trial.tree.op)
        family = "" if operator is None else operator.family
        is_whole = trial.train_share == 1.0 and not trial.is_truncated
        is_first = trial.source is Source.PORTFOLIO and family in ("linear", "lightgbm")
        if trial.score is not None and is_whole and is_first:
            found.setdefault(family, trial.score)
    return found
