"""Probabilities made as sure as they deserve to be."""

from __future__ import annotations

from typing import Self

import numpy as np

from autopipe.operators.declaration import Operator, Predictions, State
from autopipe.task import FloatArray, Target, TaskKind

_FLOOR = 1e-7  # of a probability: below float32's rounding, and log 0 would decide all
_PLATT_C = 100.0  # keeps the slope finite where the predictions part the classes
_COLDEST, _HOTTEST = 0.05, 20.0  # far beyond the 0.5 to 5 that networks and trees need


class Temperature:
    """Divides all logits by one number, chosen to minimise log loss.

    The order of the classes never changes, so accuracy does not either. One parameter hardly
    overfits: a few hundred rows are enough.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
    """

    def __init__(self) -> None:
        self.temperature = 1.0

    def fit(self, predictions: FloatArray, target: Target) -> Self:
        from scipy.optimize import minimize_scalar

        rows, logits = np.arange(len(predictions)), _logits(predictions)

        def log_loss(log_temperature: float) -> float:
            corrected = _softened(logits, np.exp(log_temperature))
            return -float(np.average(np.log(corrected[rows, target.y]), weights=target.weights))

        found = minimize_scalar(
            log_loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded"
        )
        self.temperature = float(np.exp(found.x))
        return self

    def transform(self, predictions: FloatArray) -> FloatArray:
        return _softened(_logits(predictions), self.temperature)

    def state(self) -> State:
        return {"temperature": self.temperature}

    def restore(self, state: State) -> Self:
        self.temperature = float(state["temperature"])  # type: ignore[arg-type]  # a number
        return self


class Sigmoid:
    """One logistic curve for every class against the others, normalised to sum to 1.

    Unlike a temperature it also mends a class that is always thought too likely.

    References
    ----------
    Platt, Probabilistic Outputs for Support Vector Machines, Advances in Large Margin
    Classifiers, 1999. Zadrozny and Elkan, Transforming Classifier Scores into Accurate
    Multiclass Probability Estimates, KDD 2002: one class against the others.
    """

    def __init__(self) -> None:
        self._slopes = np.empty(0)
        self._intercepts = np.empty(0)

    def fit(self, predictions: FloatArray, target: Target) -> Self:
        from sklearn.linear_model import LogisticRegression

        logits = _log_odds(predictions)
        self._slopes = np.ones(target.n_classes)
        self._intercepts = np.zeros(target.n_classes)
        for index in np.unique(target.y):
            is_it = target.y == index
            if is_it.all():
                continue
            curve = LogisticRegression(C=_PLATT_C)
            curve.fit(logits[:, [index]], is_it, target.weights)
            # A falling curve would turn the order around: then the share alone is told.
            self._slopes[index] = max(float(curve.coef_[0, 0]), 0.0)
            self._intercepts[index] = curve.intercept_[0]
        return self

    def transform(self, predictions: FloatArray) -> FloatArray:
        from scipy.special import expit

        return _normalised(expit(_log_odds(predictions) * self._slopes + self._intercepts))

    def state(self) -> State:
        return {"slopes": self._slopes, "intercepts": self._intercepts}

    def restore(self, state: State) -> Self:
        self._slopes = np.asarray(state["slopes"])
        self._intercepts = np.asarray(state["intercepts"])
        return self


class Isotonic:
    """One rising staircase for every class against the others, normalised to sum to 1.

    Mends any bend, and overfits below some thousand rows. No step is nearer to 0 or 1 than
    Laplace's rule of succession allows for so many rows.

    References
    ----------
    Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability
    Estimates, KDD 2002.
    """

    def __init__(self) -> None:
        self._scores: list[FloatArray] = []
        self._shares: list[FloatArray] = []

    def fit(self, predictions: FloatArray, target: Target) -> Self:
        from sklearn.isotonic import IsotonicRegression

        margin = 1.0 / (len(predictions) + 2.0)
        self._scores, self._shares = [], []
        for index in range(target.n_classes):
            stairs = IsotonicRegression(y_min=margin, y_max=1.0 - margin, out_of_bounds="clip")
            stairs.fit(predictions[:, index], target.y == index, target.weights)
            self._scores.append(stairs.X_thresholds_)
            self._shares.append(stairs.y_thresholds_)
        return self

    def transform(self, predictions: FloatArray) -> FloatArray:
        steps = zip(predictions.T, self._scores, self._shares, strict=True)
        return _normalised(np.stack([np.interp(*step) for step in steps], axis=1))

    def state(self) -> State:
        return {
            "scores": np.concatenate(self._scores),
            "shares": np.concatenate(self._shares),
            "ends": np.cumsum([len(scores) for scores in self._scores]),
        }

    def restore(self, state: State) -> Self:
        ends = np.asarray(state["ends"])[:-1]
        self._scores = np.split(np.asarray(state["scores"]), ends)
        self._shares = np.split(np.asarray(state["shares"]), ends)
        return self


def _log_odds(predictions: FloatArray) -> FloatArray:
    bounded = np.clip(predictions.astype(np.float64), _FLOOR, 1.0 - _FLOOR)
    return np.asarray(np.log(bounded) - np.log1p(-bounded))


def _normalised(shares: FloatArray) -> FloatArray:
    bounded = np.maximum(shares, _FLOOR)
    return np.asarray(bounded / bounded.sum(axis=1, keepdims=True))


def _logits(predictions: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(predictions.astype(np.float64), _FLOOR)))


def _softened(logits: FloatArray, temperature: float) -> FloatArray:
    logits = logits / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


_CLASSES = frozenset({TaskKind.BINARY, TaskKind.MULTICLASS})
OPERATORS = (
    Operator(
        name="temperature",
        family="calibration",
        build="autopipe.operators.calibration:Temperature",
        takes=(Predictions,),
        gives=Predictions,
        source="Guo et al., On Calibration of Modern Neural Networks, ICML 2017",
        kinds=_CLASSES,
        keeps_monotone=True,
    ),
    Operator(
        name="sigmoid",
        family="calibration",
        build="autopipe.operators.calibration:Sigmoid",
        takes=(Predictions,),
        gives=Predictions,
        source="Platt, Probabilistic Outputs for Support Vector Machines, 1999",
        kinds=_CLASSES,
        keeps_monotone=True,
    ),
    Operator(
        name="isotonic",
        family="calibration",
        build="autopipe.operators.calibration:Isotonic",
        takes=(Predictions,),
        gives=Predictions,
        source="Zadrozny and Elkan, KDD 2002",
        kinds=_CLASSES,
        keeps_monotone=True,
    ),
)
