"""What predictions that look at no column would score: the floor that a model stands on."""

from __future__ import annotations

import numpy as np

from autopipe.ensembles.members import fold_scores
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.task import FloatArray, Target


def blind_baselines(
    target: Target, folds: Folds, metric: Metric, is_of_labels: bool, rng: np.random.Generator
) -> dict[str, float]:
    """Mean scores over the folds of predictions that know the training target alone.

    Returns
    -------
    dict
        "prior": class shares, so that the most frequent class is named, or the mean or median.
        "uniform": all classes alike. "shares": for metrics of labels alone, labels drawn by
        their shares; there "uniform" is drawn too.
    """
    shapes = (len(target.y), target.outputs)
    parts: dict[str, FloatArray] = {"prior": np.zeros(shapes)}
    if target.is_classification:
        parts["uniform"] = np.full(shapes, 1.0 / target.outputs)
    if is_of_labels:
        parts["shares"] = np.zeros(shapes)
        parts["uniform"] = np.eye(target.outputs)[
            rng.integers(target.outputs, size=len(target.y))
        ]
    for train, held_out in folds.pairs:
        prior = target.take(train).prior()
        parts["prior"][held_out] = prior
        if is_of_labels:
            drawn = rng.choice(target.outputs, len(held_out), p=prior)
            parts["shares"][held_out] = np.eye(target.outputs)[drawn]
    return {
        name: float(np.mean(fold_scores(predictions, target, folds, metric)))
        for name, predictions in parts.items()
    }
