"""What an encoder that looks at the target takes means of, or regresses on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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
        mean = np.average(target.y, weights=target.weights)
        spread = np.sqrt(np.average((target.y - mean) ** 2, weights=target.weights))
        return np.asarray((target.y - mean) / (spread or 1.0))[None]
    if target.n_classes == 2:
        return np.asarray(target.y == 1, np.float64)[None]
    counts = np.bincount(target.y, minlength=target.n_classes)
    classes = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    return np.asarray(target.y == classes[:, None], np.float64)


def crossfitted(
    fit: Callable[[IntArray], object],
    predicted: Callable[[IntArray], FloatArray],
    rows: int,
    seed: int,
) -> FloatArray:
    """Predictions for every row by a model that was fitted to other rows.

    Parameters
    ----------
    fit : learns from the rows at these places
    predicted : what was learned last says of the rows at these places, shape (rows, columns)
    rows : there are

    Returns
    -------
    array of shape (rows, columns)
    """
    folds = np.random.default_rng(seed).permutation(rows) % INNER_FOLDS
    order, parts = [], []
    for fold in np.unique(folds):
        fit(np.flatnonzero(folds != fold))
        order.append(np.flatnonzero(folds == fold))
        parts.append(predicted(order[-1]))
    return np.concatenate(parts)[np.argsort(np.concatenate(order))]
