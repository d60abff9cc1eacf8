"""Greedy ensemble selection: weights for members, chosen with replacement."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from autopipe.errors import ShapeError
from autopipe.metrics import Metric
from autopipe.task import FloatArray, Target

ROUNDS = 40
"""Additions; AutoGluon and TabRepo saw no gain beyond 25 to 40."""

_RESAMPLES = 16
_FEWEST_RESAMPLES = 4  # whose mean is better than one choice on all rows,
_SLOW_RESAMPLES = 4  # and enough for a metric that has no quick form
# A member with less is not worth what it costs to keep and to ask: on fourteen held-out data
# sets errors changed by -.2 to .2 % without, and one row took two thirds of the time.
_LEAST_WEIGHT = 0.06
_MOST_LEFT_OUT = 0.2  # that members of little weight have together
_TIE = 1e-6  # scores closer than this are equal: prefer members already in


def greedy_weights(
    predictions: FloatArray,
    target: Target,
    metric: Metric,
    rounds: int = ROUNDS,
    until: float = float("inf"),
    now: Callable[[], float] = time.monotonic,
) -> FloatArray:
    """Weights of a greedy ensemble, chosen with replacement.

    Each round adds the member that helps most; a member added twice weighs twice. The best
    prefix of all rounds is kept, so that the result never scores below the best member.
    Costs O(rounds * members * rows), some microseconds a score where the metric has a
    quick form.

    Parameters
    ----------
    predictions : array of shape (members, rows, outputs)
        Out-of-fold predictions. Every row must have been predicted by a fit that never
        saw it.
    target : of the same rows
    until : time on the axis of `now` after which no round is begun or ended

    Returns
    -------
    array of shape (members,)
        Non-negative, sums to 1; all zero where there was no time for a single round.

    Raises
    ------
    ShapeError
        If there are no members, or predictions and target disagree on the rows.

    References
    ----------
    Caruana et al., Ensemble Selection from Libraries of Models, ICML 2004: selection with
    replacement (section 2.3); without its bagging of members.
    """
    parts = _reduced(predictions, target, metric)
    return weights_of_reduced(parts, target, metric, rounds, until, now)


def bagged_weights(
    predictions: FloatArray,
    target: Target,
    metric: Metric,
    until: float = float("inf"),
    now: Callable[[], float] = time.monotonic,
) -> FloatArray:
    """The mean of greedy weights over bootstrap samples of the rows.

    One choice learns the luck of few rows by heart, the more so the longer the search was that
    its members come from. A sample takes half of what `greedy_weights` does.

    Parameters
    ----------
    predictions, target, until, now : as for `greedy_weights`

    Returns
    -------
    array of shape (members,)
        All zero where fewer than four samples were chosen on in time, or the metric refused
        the others, such as those that lack a class.

    References
    ----------
    Caruana et al., 2004, section 2.3, draw samples of the members instead.
    """
    parts = _reduced(predictions, target, metric)
    rng, rows = np.random.default_rng(0), len(target.y)
    chosen = []
    for _ in range(_RESAMPLES if metric.reduction else _SLOW_RESAMPLES):
        drawn = rng.integers(rows, size=rows)
        weights: FloatArray = np.zeros(len(parts))
        with suppress(Exception):
            sample = target.take(drawn)
            weights = weights_of_reduced(
                parts[:, drawn], sample, metric, ROUNDS // 2, until, now
            )
        if now() >= until:
            break
        if weights.any():
            chosen.append(weights)
    if len(chosen) < _FEWEST_RESAMPLES:
        return np.zeros(len(parts))
    return np.asarray(np.mean(chosen, axis=0))


def without_light(weights: FloatArray) -> FloatArray:
    """Weights of shape (members,) without those near nothing; both sum to 1."""
    order = np.argsort(weights, kind="stable")
    is_light = (weights < _LEAST_WEIGHT)[order] & (weights[order].cumsum() <= _MOST_LEFT_OUT)
    heavy = weights.copy()
    heavy[order[is_light]] = 0.0
    return np.asarray(heavy / heavy.sum())


def weights_of_reduced(
    parts: FloatArray,
    target: Target,
    metric: Metric,
    rounds: int = ROUNDS,
    until: float = float("inf"),
    now: Callable[[], float] = time.monotonic,
) -> FloatArray:
    """As `greedy_weights`, of predictions that the metric's quick way has reduced.

    Parameters
    ----------
    parts : array of shape (members, rows), or (members, rows, outputs)
    """

    def score(average: FloatArray) -> float:
        try:
            return float(np.nan_to_num(metric.quick.score(target, average), nan=-np.inf))
        except Exception:  # of a metric of the user's, such as a division by no positives
            return -np.inf

    counts = np.zeros(len(parts))
    total, average = np.zeros((2, *parts.shape[1:]), parts.dtype)
    best_score, best_counts = -np.inf, counts
    for size in range(1, rounds + 1):
        given = []
        for part in parts:
            if now() >= until:
                break
            np.add(total, part, out=average)
            average /= size
            given.append(score(average))
        if len(given) < len(parts):
            break
        scores = np.array(given)
        if scores.max() == -np.inf:
            break
        tie = _TIE * abs(scores.max())
        near = np.flatnonzero(scores >= scores.max() - tie)
        chosen = max(near, key=lambda index: (size > 1 and counts[index] > 0, scores[index]))
        counts = counts + (np.arange(len(parts)) == chosen)
        total = total + parts[chosen]
        if scores[chosen] > best_score + tie:
            best_score, best_counts = scores[chosen], counts
    return np.asarray(best_counts / max(1.0, best_counts.sum()))


def _reduced(predictions: FloatArray, target: Target, metric: Metric) -> FloatArray:
    """Checked predictions, as the metric's quick way wants them: row by row."""
    if predictions.ndim != 3 or not len(predictions):
        raise ShapeError(
            f"predictions of shape {predictions.shape}: (members, rows, outputs) is wanted."
        )
    if predictions.shape[1] != len(target.y):
        raise ShapeError(
            f"{predictions.shape[1]} rows of predictions, but {len(target.y)} of the target."
        )
    if metric.reduction is None:
        return predictions
    return np.stack([metric.reduction.reduce(target, member) for member in predictions])
