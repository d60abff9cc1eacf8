"""Metrics of labels, from how often which class is called which."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from autopipe.task import FloatArray, IntArray, Target


def confusion(target: Target, predicted: IntArray) -> FloatArray:
    """The weight of the rows by true class and by predicted class."""
    n_classes = target.n_classes
    counts = np.bincount(target.y * n_classes + predicted, target.weights, n_classes**2)
    return counts.reshape(n_classes, n_classes).astype(np.float64)


def _accuracy(counts: FloatArray) -> float:
    return float(np.trace(counts) / counts.sum())


def _balanced_accuracy(counts: FloatArray) -> float:
    of_class = counts.sum(axis=1)
    is_met = of_class > 0
    return float(np.mean(np.diag(counts)[is_met] / of_class[is_met]))


def _f1_of_classes(counts: FloatArray) -> FloatArray:
    """Of every class that is true or predicted somewhere."""
    both = counts.sum(axis=0) + counts.sum(axis=1)
    is_met = both > 0
    return np.asarray(2.0 * np.diag(counts)[is_met] / both[is_met])


def _f1(counts: FloatArray) -> float:
    both = counts[1].sum() + counts[:, 1].sum()
    return float(2.0 * counts[1, 1] / both) if both > 0 else 0.0


def _matthews(counts: FloatArray) -> float:
    true, predicted, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    spread = np.sqrt((total**2 - true @ true) * (total**2 - predicted @ predicted))
    return float((np.trace(counts) * total - true @ predicted) / spread) if spread > 0 else 0.0


OF_LABELS: Mapping[str, Callable[[FloatArray], float]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "f1_macro": lambda counts: float(np.mean(_f1_of_classes(counts))),
    "matthews_corrcoef": _matthews,
}
"""By scikit-learn's name, from a confusion matrix."""
