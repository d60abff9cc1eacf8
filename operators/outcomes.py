"""What an encoder that looks at the target takes means of, or regresses on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from autopipe.task import FloatArray, IntArray, Target

INNER_FOLDS = 5  # of an encoder's cross-fitting; scikit-learn's TargetEncoder takes as many
MOST_CLASSES = 10  # that get a column each: more would drown the other columns


@dataclass(frozen=True)
class Unit:
    """What numbers to be predicted are measured in while a learner is fitted.

    Penalties and tolerances then mean the same whatever the scale of the target, and float32
    holds what differs between its rows. Without it, XGBoost found no split at all in targets
    of a thousandth.
    """

    centre: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, target: Target) -> Self:
        """Mean and standard deviation; classes are left as they are."""
        if target.is_classification:
            return cls()
        centre = float(np.average(target.y, weights=target.weights))
        spread = float(np.sqrt(np.average((target.y - centre) ** 2, weights=target.weights)))
        return cls(centre, spread or 1.0)

    def measured(self, target: Target) -> Target:
        """The target in this unit."""
        if target.is_classification:
            return target
        return replace(target, y=(target.y - self.centre) / self.scale)

    def restored(self, predictions: FloatArray) -> FloatArray:
        """Predictions in the unit of the target, from some in this one."""
        if self == Unit():
            return predictions
        wide = predictions.astype(np.float64)
        return np.asarray(self.centre + self.scale * wide, np.float64)


@dataclass(frozen=True)
class Doubt:
    """What keeps a class from being ruled out: the share that every class has in any case.

    A leaf of one row, and a booster of a class that it was never shown, give others exactly
    nothing, and one such row costs a log loss more than a hundred good ones gain. The share is
    what Laplace's rule of succession gives to what was never seen; of two classes it keeps
    the order of the rows.
    """

    share: float = 0.0

    @classmethod
    def of(cls, train: Target) -> Self:
        """What so many rows leave of it; none about numbers."""
        return cls(1.0 / (len(train.y) + train.n_classes) if train.is_classification else 0.0)

    @classmethod
    def of_absent(cls, train: Target) -> Self:
        """The same where a class has no row, and else none."""
        is_absent = train.is_classification and len(np.unique(train.y)) < train.n_classes
        return cls.of(train) if is_absent else cls()

    def mixed(self, predictions: FloatArray) -> FloatArray:
        """Probabilities of shape (rows, classes) with their share; numbers as they are."""
        if not self.share:
            return predictions
        kept = 1.0 - predictions.shape[1] * self.share
        return np.asarray(predictions * kept + self.share)


def outcomes_of(target: Target) -> FloatArray:
    """Columns of numbers that stand for the target, shape (columns, rows).

    Numbers to be predicted are standardised, since float32 keeps seven digits only; classes
    become zeros and ones, two classes one column of them, and of more than 10 only the 10 most
    frequent have one.
    """
    if not target.is_classification:
        return np.asarray(Unit.of(target).measured(target).y, np.float64)[None]
    if target.n_classes == 2:
        return np.asarray(target.y == 1, np.float64)[None]
    counts = np.bincount(target.y, minlength=target.n_classes)
    classes = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    return np.asarray(target.y == classes[:, None], np.float64)


def inner_folds(target: Target, seed: int) -> IntArray:
    """The random fold of every row, for an encoder's cross-fitting; groups stay together."""
    places = np.arange(len(target.y))
    if target.groups is not None:
        groups, group_of = np.unique(target.groups, return_inverse=True)
        if len(groups) > 1:
            places = group_of
    count = places.max(initial=-1) + 1
    return np.asarray((np.random.default_rng(seed).permutation(count) % INNER_FOLDS)[places])


def crossfitted(
    fit: Callable[[IntArray], object],
    predicted: Callable[[IntArray], FloatArray],
    target: Target,
    seed: int,
) -> FloatArray:
    """Predictions for every row by a model that was fitted to other rows.

    Parameters
    ----------
    fit : learns from the rows at these places
    predicted : what was learned last says of the rows at these places, shape (rows, columns)
    target : of all rows

    Returns
    -------
    array of shape (rows, columns)
    """
    folds = inner_folds(target, seed)
    order, parts = [], []
    for fold in np.unique(folds):
        fit(np.flatnonzero(folds != fold))
        order.append(np.flatnonzero(folds == fold))
        parts.append(predicted(order[-1]))
    return np.concatenate(parts)[np.argsort(np.concatenate(order))]
