"""What an encoder that looks at the target takes means of, or regresses on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autopipe.operators.targets import Unit
from autopipe.task import FloatArray, IntArray, Target

INNER_FOLDS = 5  # of an encoder's cross-fitting; scikit-learn's TargetEncoder takes as many
MOST_CLASSES = 10  # that get a column each: more would drown the other columns


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
