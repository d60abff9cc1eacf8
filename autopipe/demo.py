"""Autopipe beside two usual models, on rows that none of them has seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autopipe.datasets.knowledge import Knowledge
from autopipe.estimators import AutoClassifier
from autopipe.task import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

_SMALLEST = 1e-15  # probabilities are clipped here, or one sure mistake were infinite
_CLEAR = 2.0  # standard errors: a difference beyond is seldom luck


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a model made of the rows that were held out.

    Parameters
    ----------
    name : of the model
    losses : log loss of every row, shape (rows,)
    hits : 1 where the most probable class is the true one, shape (rows,)
    seconds : that fitting took
    """

    name: str
    losses: FloatArray
    hits: FloatArray
    seconds: float


@dataclass(frozen=True)
class Mean:
    """A mean over rows with its standard error.

    Examples
    --------
    >>> print(Mean.of(np.array([1.0, 0.0, 1.0, 0.0])))
    0.5000 ± 0.2887
    """

    value: float
    error: float

    @classmethod
    def of(cls, values: FloatArray) -> Mean:
        """The mean of what was measured on independent rows."""
        return cls(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))

    @property
    def is_clear(self) -> bool:
        """Whether it differs from zero by more than luck would explain."""
        return abs(self.value) > _CLEAR * self.error

    def __str__(self) -> str:
        return f"{self.value:.4f} ± {self.error:.4f}"


@dataclass(frozen=True, eq=False)
class Split:
    """A data set cut into rows for fitting and rows for the comparison."""

    X: pd.DataFrame
    y: IntArray
    X_held_out: pd.DataFrame
    y_held_out: IntArray


def digits(seed: int) -> Split:
    """Handwritten digits, which scikit-learn ships, with a quarter held out."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True, as_frame=True)
    X, X_held_out, y, y_held_out = train_test_split(
        X, y.to_numpy(), test_size=0.25, stratify=y, random_state=seed
    )
    return Split(X, y, X_held_out, y_held_out)


def contender(budget: float, seed: int) -> AutoClassifier:
    """Ours, not fitted yet; it searches for what the comparison is about.

    What was learned on these digits before is left out, or it would know the answer.
    """
    knowledge = Knowledge(exclude=["itself"], learn=False)
    return AutoClassifier(
        time_budget=budget, scoring="neg_log_loss", random_state=seed, knowledge=knowledge
    )


def rivals(seed: int) -> dict[str, Any]:  # scikit-learn carries no types
    """What many would try first, as it comes: by name, not fitted yet."""
    from lightgbm import LGBMClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "LightGBM": LGBMClassifier(random_state=seed, verbose=-1),
    }


def held_out(
    name: str, model: Any, split: Split, now: Callable[[], float] = time.monotonic
) -> HeldOut:
    """Fit a classifier and judge it on the rows that were held out."""
    begin = now()
    model.fit(split.X, split.y)
    seconds = now() - begin
    probabilities = np.asarray(model.predict_proba(split.X_held_out))
    true = probabilities[np.arange(len(split.y_held_out)), split.y_held_out]
    hits = probabilities.argmax(axis=1) == split.y_held_out
    losses = -np.log(np.clip(true, _SMALLEST, 1.0))
    return HeldOut(name, losses, hits.astype(np.float64), seconds)


def verdict(ours: HeldOut, other: HeldOut) -> str:
    """How two models differ in log loss, row by row, in words."""
    difference = Mean.of(ours.losses - other.losses)
    side = "lower (better)" if difference.value < 0 else "higher (worse)"
    luck = "more than luck explains" if difference.is_clear else "which may be luck"
    return (
        f"{ours.name}'s log loss is {abs(difference.value):.4f} ± {difference.error:.4f} "
        f"{side} than that of {other.name}, {luck}."
    )
