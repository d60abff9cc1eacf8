"""How benchmarks score: one metric for each kind of task, of a model and of the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def score(task: str, y: Any, said: np.ndarray) -> float:
    """ROC AUC of two classes, log loss of more, root mean squared error of numbers.

    Parameters
    ----------
    y : numbers, or numbers of classes, shape (rows,)
    said : a column for each class, or one of numbers
    """
    if not np.isfinite(said).all():
        raise ValueError("predictions are not finite")
    if task == "regression":
        return float(root_mean_squared_error(y, said[:, 0]))
    if task == "binary":
        return float(roc_auc_score(y, said[:, 1]))
    return float(log_loss(y, said, labels=np.arange(said.shape[1])))


def prior(task: str, y: Any, rows: int) -> np.ndarray:
    """What ignores the columns: the mean, or the shares of the classes."""
    if task == "regression":
        return np.full((rows, 1), np.mean(y))
    return np.tile(np.bincount(y) / len(y), (rows, 1))


def scores(
    model: Any, X_new: pd.DataFrame, y: pd.Series[Any], y_new: pd.Series[Any], task: str
) -> dict[str, object]:
    """Of a fitted estimator on rows that it has not seen, beside the prior of those it has.

    Rows of a class that was not there to learn from are left out.
    """
    if task == "regression":
        said = np.asarray(model.predict(X_new))[:, None]
    else:
        known = y_new.isin(model.classes_).to_numpy()
        said = np.asarray(model.predict_proba(X_new))[known]
        y, y_new = (np.searchsorted(model.classes_, one) for one in (y, y_new[known]))
    found = score(task, y_new, said)
    least = score(task, y_new, prior(task, y, len(y_new)))
    is_better = found > least if task == "binary" else found < least
    return {"metric": METRICS[task], "score": found, "prior": least, "beats_prior": is_better}


def shown(value: object) -> object:
    """A number with five significant digits."""
    return f"{value:.5g}" if isinstance(value, float) else value
