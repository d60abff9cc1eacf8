"""Intervals and sets that hold the truth as often as promised, from out-of-fold errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, Self

import numpy as np

from autopipe.errors import OptionError
from autopipe.task import FloatArray, Target

_MOST_KEPT = 5_000  # order statistics; more would move an interval by a hair
_BINS = 10  # of predictions, each with an error size of its own,
_ROWS_PER_BIN = 40  # where there are so many rows for it
_PRIOR_ROWS = 20.0  # with which a bin's error size is drawn to that of all


@dataclass(frozen=True)
class Conformal:
    """The errors of out-of-fold predictions, in order.

    Fold models made the errors, and their average predicts: it errs a little less, so that
    what is promised is kept with a small margin. The promise is one over all rows, not for
    every kind of row, and rests on new rows being like the old ones: exchangeable. Time or
    groups break it.

    Parameters
    ----------
    errors : ascending. Of numbers: truth minus prediction, divided by the error size at
        this prediction. Of classes: the probability that the true class did not get.
    levels : of each, the share of future errors that promise not to be larger; like the
        k-th of n errors with k / (n + 1)
    places, sizes : error size by prediction, interpolated; empty for classes

    References
    ----------
    Vovk, Cross-conformal predictors, Annals of Mathematics and Artificial Intelligence 2015.
    Barber et al., Predictive inference with the jackknife+, Annals of Statistics 2021,
    section 1.2: errors of cross-validation around the prediction of the model. Lei et al.,
    Distribution-Free Predictive Inference for Regression, JASA 2018, section 5.2: local
    scales. Sadinle et al., Least Ambiguous Set-Valued Classifiers with Bounded Error Levels,
    JASA 2019: sets of all classes above one threshold are the smallest on average.
    """

    errors: tuple[float, ...]
    levels: tuple[float, ...]
    places: tuple[float, ...] = ()
    sizes: tuple[float, ...] = ()

    @classmethod
    def of(cls, predictions: FloatArray, target: Target) -> Self:
        """From out-of-fold predictions of shape (rows, outputs)."""
        if target.is_classification:
            true = predictions[np.arange(len(target.y)), target.y].astype(np.float64)
            return cls(*_ordered(1.0 - true, target.weights))
        predicted = predictions[:, 0].astype(np.float64)
        residuals = target.y - predicted
        places, sizes = _error_sizes(predicted, np.abs(residuals))
        scaled = residuals / np.interp(predicted, places, sizes)
        return cls(*_ordered(scaled, target.weights), tuple(places), tuple(sizes))

    def interval(self, predictions: FloatArray, coverage: float) -> FloatArray:
        """Lower and upper ends around predictions of shape (rows, 1).

        As many truths are promised to lie below as above; with too few rows to promise
        anything, the ends are infinite.

        Returns
        -------
        array of shape (rows, 2)
        """
        miss = (1.0 - checked_coverage(coverage)) / 2.0
        predicted = predictions[:, 0]
        sizes = np.interp(predicted, self.places, self.sizes)
        errors, levels = np.array(self.errors), np.array(self.levels)
        upper = _quantile(errors, levels, 1.0 - miss)
        # Seen from above, the k-th error from below is the k-th from the top.
        lower = -_quantile(-errors[::-1], _mirrored(levels), 1.0 - miss)
        return np.stack([predicted + sizes * lower, predicted + sizes * upper], axis=1)

    def sets(self, predictions: FloatArray, coverage: float) -> np.ndarray:
        """Which classes may be the true one, shape (rows, classes), boolean.

        No set is empty: the most probable class is in each, so that where a model is sure
        of nearly every row, sets hold the truth more often than promised.
        """
        threshold = _quantile(
            np.array(self.errors), np.array(self.levels), checked_coverage(coverage)
        )
        sets = 1.0 - predictions <= threshold + 1e-9  # rounding must not part equals
        sets[np.arange(len(sets)), predictions.argmax(axis=1)] = True
        return np.asarray(sets)

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        return asdict(self)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The errors whose `state` this is."""
        return cls(**{name: tuple(values) for name, values in state.items()})


def checked_coverage(coverage: float) -> float:
    """The coverage, once it is seen to be a share.

    Raises
    ------
    OptionError
        If it is no number between 0 and 1.
    """
    if not isinstance(coverage, Real) or not 0.0 < coverage < 1.0:
        raise OptionError(f"coverage={coverage!r}: give a share between 0 and 1, such as 0.9.")
    return float(coverage)


def _error_sizes(predicted: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean absolute error by prediction, in bins of equally many rows."""
    count = int(np.clip(len(predicted) // _ROWS_PER_BIN, 1, _BINS))
    bins = np.array_split(np.argsort(predicted, kind="stable"), count)
    typical = max(float(errors.mean()), float(np.finfo(np.float64).tiny))
    places = [float(np.median(predicted[rows])) for rows in bins]
    sizes = [
        (errors[rows].sum() + _PRIOR_ROWS * typical) / (len(rows) + _PRIOR_ROWS)
        for rows in bins
    ]
    return np.array(places), np.array(sizes, dtype=np.float64)


def _ordered(
    errors: FloatArray, weights: FloatArray | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Errors in order and their levels, at most so many as are kept."""
    order = np.argsort(errors, kind="stable")
    heights = np.ones(len(errors)) if weights is None else weights[order]
    # The row to come is one more, of mean weight, that may lie above all.
    levels = np.cumsum(heights) / (heights.sum() + heights.mean())
    kept = np.unique(np.linspace(0, len(order) - 1, _MOST_KEPT).round().astype(int))
    return tuple(errors[order][kept].tolist()), tuple(levels[kept].tolist())


def _quantile(errors: FloatArray, levels: FloatArray, level: float) -> float:
    """The smallest error that promises this level; infinite where none does."""
    place = int(np.searchsorted(levels, level - 1e-12))
    return float(errors[place]) if place < len(errors) else float("inf")


def _mirrored(levels: FloatArray) -> FloatArray:
    """Levels of the same errors seen from the other end."""
    below = np.concatenate([[0.0], levels[:-1]])
    return np.asarray((levels[-1] - below)[::-1])
