"""The honest number: a score without the luck of the selection, and how sure it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from autopipe.ensembles.greedy import greedy_weights
from autopipe.ensembles.intervals import checked_coverage
from autopipe.errors import OptionError
from autopipe.folds import Folds, spread
from autopipe.metrics import Metric
from autopipe.task import FloatArray, IntArray, Target

RESELECTIONS = 40
"""Resamples in which the ensemble is chosen anew: a mean of differences settles soon."""

_RESAMPLES = 100  # for the spread, of which the tails are wanted
_MOST_ROWS = 5_000  # of a resample: more make it slower, and the optimism they find smaller
_ROUNDS = 15  # of the greedy selection
_LEAST_RESAMPLES = 20  # fewer show no spread


@dataclass(frozen=True)
class Estimate:
    """What is known of the score of a model on rows to come; larger is better.

    Parameters
    ----------
    score : cross-validated, on the rows that members and weights were chosen on
    corrected : less what that choice gained by luck; None where there was no time to find out
    rows : that it was computed from
    deviations : ascending: how far the score strays with the luck of so many rows
    best : no score is better; infinite where that is not known
    baselines : scores of simple predictions on the same folds, by name
    stretch : how many times further than `deviations` the score that was found may stray:
        folds share training rows, so that their luck is not independent; see `stretch_of`
    overlap : held-out by training rows of the folds; former versions did not keep it
    winner : number of the best trial, and its score less what being the best of many gained it
    """

    score: float
    corrected: float | None
    rows: int
    deviations: tuple[float, ...]
    best: float
    baselines: Mapping[str, float] = field(default_factory=dict)
    stretch: float = 1.0
    overlap: float | None = None
    winner: tuple[int, float] | None = None

    def interval(self, rows: int | None, coverage: float) -> tuple[float, float]:
        """Where the score on so many fresh rows will lie, or on ever more for None.

        The score that was found strayed from the true one by one draw of the deviations;
        that of the fresh rows will stray by another, larger by the root of n / rows.
        """
        miss = (1.0 - checked_coverage(coverage)) / 2.0
        if rows is not None and rows < 1:
            raise OptionError(f"rows={rows!r}: give how many fresh rows there are, or None.")
        if not any(self.deviations):  # too few resamples, or all score alike
            return float("nan"), float("nan")
        centre = self.score if self.corrected is None else self.corrected
        deviations = np.array(self.deviations)
        fresh = np.zeros(1) if rows is None else deviations * np.sqrt(self.rows / rows)
        both = np.subtract.outer(fresh, self.stretch * deviations)
        low, high = centre + np.quantile(both, [miss, 1.0 - miss])
        return float(min(low, self.best)), float(min(high, self.best))

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        winner = None if self.winner is None else list(self.winner)
        return {**asdict(self), "deviations": list(self.deviations), "winner": winner}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The estimate whose `state` this is."""
        winner = state.get("winner")  # older files lack it
        values = {**state, "winner": None if winner is None else tuple(winner)}
        return cls(**{**values, "deviations": tuple(state["deviations"])})


class Score(float):
    """A cross-validated score in the metric's usual sign, with what is known of it.

    It is a number like any other, and prints as a report.

    Parameters
    ----------
    value : the cross-validated score; not a number where no pipeline was completed
    name : of the metric
    estimate : None where there is none
    sign : -1 for an error, such as log loss
    """

    def __new__(
        cls, value: float, name: str = "score", estimate: Estimate | None = None, sign: int = 1
    ) -> Self:
        score = super().__new__(cls, value)
        score.name, score.estimate, score._sign = name, estimate, sign
        return score

    name: str
    estimate: Estimate | None
    _sign: int

    @property
    def corrected(self) -> float:
        """The score less what the choice of members and weights gained by luck."""
        if self.estimate is None or self.estimate.corrected is None:
            return float("nan")
        return self._sign * self.estimate.corrected

    @property
    def baselines(self) -> dict[str, float]:
        """Scores of simple predictions on the same folds, by name."""
        known = {} if self.estimate is None else self.estimate.baselines
        return {name: self._sign * score for name, score in known.items()}

    def interval(self, rows: int | None = None, coverage: float = 0.9) -> tuple[float, float]:
        """Where the score on so many fresh rows will lie, lower end first.

        Rows are taken to be independent: where they come in groups, it is too narrow.

        Parameters
        ----------
        rows : of the fresh sample; None for the score on ever more rows
        coverage : how often the interval is to hold it
        """
        if self.estimate is None:
            return float("nan"), float("nan")
        ends = self.estimate.interval(rows, coverage)
        low, high = sorted(self._sign * end + 0.0 for end in ends)  # and no -0.0
        return low, high

    def __repr__(self) -> str:
        lines = [f"{self.name} {float(self):.5g}, cross-validated"]
        told = []
        if not math.isnan(self.corrected):
            told.append(f"{self.corrected:.5g} corrected for selection")
        low, high = self.interval()
        if not math.isnan(low):
            told.append(f"90 % interval {low:.5g} to {high:.5g}")
        if told:
            lines.append(", ".join(told))
        if self.baselines:
            shown = (f"{name} {score:.5g}" for name, score in self.baselines.items())
            lines.append(f"baselines on the same folds: {', '.join(shown)}")
        return "\n".join(lines)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec)  # within a sentence it is a number


def stretch_of(folds: Folds) -> float:
    """How much more a cross-validated score strays than one of as many independent rows.

    References
    ----------
    Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 2003, section
    4: the variance of a mean of J scores of n2 rows each, trained on n1, is that of one, times
    1 / J + n2 / n1. As many rows as are ever held out have n2 / n of the variance of one.
    """
    times = folds.times_held_out
    once = np.count_nonzero(times) / times.sum()
    return float(np.sqrt(once * (1.0 + len(folds) * overlap_of(folds))))


def overlap_of(folds: Folds) -> float:
    """Held-out rows by training rows, by which the luck of folds depends on each other's."""
    train, test = (sum(len(pair[side]) for pair in folds.pairs) for side in (0, 1))
    return test / train


def deviations(
    predictions: FloatArray,
    target: Target,
    metric: Metric,
    rng: np.random.Generator,
    deadline: float = float("inf"),
    now: Callable[[], float] = time.monotonic,
) -> tuple[float, ...]:
    """How far the score strays from its mean over resamples of the rows, ascending.

    Of many rows a sample is looked at, and what it strays is scaled to all. Empty where
    time was too short for a spread to be seen.
    """
    rows = len(target.y)
    size = min(rows, _MOST_ROWS)
    sample = rng.choice(rows, size, replace=False)
    found = []
    for _ in range(_RESAMPLES):
        if now() >= deadline:
            break
        draw = sample[rng.integers(size, size=size)]
        if _can_be_scored(target, draw):
            found.append(_score_if_any(metric, target.take(draw), predictions[draw]))
    scores = np.array(found)
    scores = scores[np.isfinite(scores)]
    if len(scores) < _LEAST_RESAMPLES:
        return ()
    return tuple(np.sort((scores - scores.mean()) * np.sqrt(size / rows)).tolist())


def optimism(
    candidates: FloatArray,
    weights: FloatArray,
    target: Target,
    metric: Metric,
    rng: np.random.Generator,
    deadline: float = float("inf"),
    now: Callable[[], float] = time.monotonic,
    is_single: bool = False,
    resamples: int = RESELECTIONS,
) -> float | None:
    """What a score gains by choosing members and weights on the rows that it is made of.

    In every resample members and weights are chosen anew on the drawn rows. On the rows
    that were not drawn, the final weights, which know them, score so much better than the
    new ones, which do not. These come from one choice; where the final ones are the mean of
    several, which is a better rule, the correction is a little too large.

    Parameters
    ----------
    candidates : out-of-fold predictions of shape (members, rows, outputs), of all that the
        ensemble was chosen from; trials that were given up earlier are not seen
    weights : of shape (members,), as chosen on all rows
    deadline : on the axis of `now`; no resample begins that would not end before
    is_single : whether the best candidate alone is chosen

    Returns
    -------
    float or None
        Not negative; None where not one resample was done in time.

    References
    ----------
    Tsamardinos, Greasidou and Borboudakis, Bootstrapping the out-of-sample predictions for
    efficient and accurate cross-validation, Machine Learning 2018, section 4. There the
    score on rows that were not drawn is the estimate; here its distance from that of the
    final weights on the same rows is: it varies less, and can be taken from a mean of folds.
    """
    if len(candidates) < 2:
        return 0.0
    rows = len(target.y)
    size = min(rows, _MOST_ROWS)
    rounds = 1 if is_single else _ROUNDS
    begin = now()
    some = np.sort(spread(target, rng)[:size])
    greedy_weights(candidates[:, some], target.take(some), metric, rounds=1)
    seconds = rounds * (now() - begin)
    gains = []
    for _ in range(resamples):
        if (begin := now()) + seconds > deadline:
            break
        sample = rng.choice(rows, size, replace=False)
        drawn = rng.integers(size, size=size)
        inside, outside = sample[drawn], np.delete(sample, drawn)
        if not _can_be_scored(target, outside):
            continue
        with suppress(ValueError):  # a metric may not do without a class that was not drawn
            chosen = greedy_weights(candidates[:, inside], target.take(inside), metric, rounds)
            unseen, predicted = target.take(outside), candidates[:, outside]
            final, anew = (np.tensordot(w, predicted, axes=1) for w in (weights, chosen))
            gains.append(metric.score(unseen, final) - metric.score(unseen, anew))
        seconds = now() - begin
    finite = [gain for gain in gains if np.isfinite(gain)]
    return max(0.0, float(np.mean(finite))) if finite else None


def _score_if_any(metric: Metric, target: Target, predictions: FloatArray) -> float:
    """The score, NaN where the metric cannot do without a class that is absent."""
    try:
        return metric.score(target, predictions)
    except ValueError:
        return float("nan")


def _can_be_scored(target: Target, rows: IntArray) -> bool:
    """Whether there are rows, and two classes of them where classes count."""
    return len(rows) > 0 and (
        not target.is_classification or bool((target.y[rows] != target.y[rows[0]]).any())
    )
