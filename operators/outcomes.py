"""What an encoder that looks at the target takes means of, or regresses on."""

from __future__ import annotations

import numpy as np

from autopipe.task import FloatArray, Target

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
