"""How predictions are scored: larger is better, always; the sign is turned here, once.

An ensemble is chosen by thousands of scores, so the default metrics are written out and
have a quick form; every other one is scikit-learn's own scorer, which is shown the
predictions instead of a model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autopipe.confusion import OF_LABELS, confusion
from autopipe.errors import OptionError
from autopipe.suggestion import did_you_mean
from autopipe.task import FloatArray, IntArray, Loss, Target, TaskKind

Score = Callable[[Target, FloatArray], float]

_SMALLEST = np.finfo(np.float64).eps
"""Probabilities are clipped here, as scikit-learn does, or one mistake would be infinite."""

_BITS = 14
_BINS = 2**_BITS
_SORTED_ROWS = 5_000  # up to here sorting is as fast as binning
_CROWDED = 0.01  # of the pairs in a bin together: with fewer, an area was off by 1e-4 at most


@dataclass(frozen=True)
class Reduction:
    """A quick way to score many averages of the same predictions.

    What `reduce` keeps of predictions is linear in them, so that the average of reduced
    predictions is the reduced average, and a score of it costs microseconds.

    Parameters
    ----------
    reduce : from a target and predictions of shape (rows, outputs) to one array for the rows
    score : from a target and reduced predictions to a score, larger is better
    """

    reduce: Callable[[Target, FloatArray], FloatArray]
    score: Callable[[Target, FloatArray], float]


@dataclass(frozen=True)
class Metric:
    """A score of predictions, larger is better.

    Parameters
    ----------
    name : as scikit-learn calls its scorer
    score : takes a target and predictions of shape (rows, outputs)
    is_error : whether users know it as an error, so that it is shown with the sign turned
    reduction : the quick way, where there is one
    loss : of numbers, that learners should make small for its sake
    is_logarithmic : whether target and predictions are to be coded as log(1 + y) for it
    is_of_positive : whether predictions have to be above zero
    """

    name: str
    score: Score
    is_error: bool = False
    reduction: Reduction | None = None
    loss: Loss = Loss.SQUARED
    is_logarithmic: bool = False
    is_of_positive: bool = False

    def shown(self, score: float) -> float:
        """The number as users know it: a log loss or an RMSE is positive."""
        return -score if self.is_error else score

    @property
    def quick(self) -> Reduction:
        """The quick way, or the metric itself where there is none."""
        return self.reduction or Reduction(lambda _, predictions: predictions, self.score)

    def raised_to(self, least: float | None) -> Metric:
        """The metric of predictions that are at least so large; None for itself."""
        if least is None:
            return self
        score = self.score
        return replace(self, score=lambda target, x: score(target, np.maximum(x, least)))

    @property
    def shown_name(self) -> str:
        """The name that belongs to `shown`."""
        return self.name.removeprefix("neg_")


def roc_auc(target: Target, predictions: FloatArray) -> float:
    """Area under the receiver operating characteristic, ties counted half.

    With one class absent it is 0.5: such rows cannot tell one model from another.
    """
    return _roc_auc(target.y == 1, predictions[:, 1], target.weights)


def roc_auc_ovr(target: Target, predictions: FloatArray) -> float:
    """Mean of every class's ROC AUC against the rest; classes that are absent are left out."""
    present = np.unique(target.y)
    each = [_roc_auc(target.y == k, predictions[:, k], target.weights) for k in present]
    return float(np.mean(each))


def _roc_auc(
    is_positive: NDArray[np.bool_], scores: FloatArray, weights: FloatArray | None
) -> float:
    order = np.argsort(scores)
    ordered = scores[order]
    ranks = np.cumsum(np.append(False, ordered[1:] != ordered[:-1]))
    return _share_in_order(
        ranks, is_positive[order], None if weights is None else weights[order]
    )


def _share_in_order(
    ranks: IntArray, is_positive: NDArray[np.bool_], weights: FloatArray | None
) -> float:
    """The share of pairs in order (Hanley and McNeil, Radiology 1982); equal ranks are ties."""
    all_weights = np.ones(len(ranks)) if weights is None else weights
    positives = np.bincount(ranks, all_weights * is_positive)
    negatives = np.bincount(ranks, all_weights * ~is_positive)
    below = np.cumsum(negatives) - negatives
    pairs = positives.sum() * negatives.sum()
    return float(positives @ (below + 0.5 * negatives) / pairs) if pairs else 0.5


def _quick_roc_auc(target: Target, positive: FloatArray) -> float:
    """ROC AUC, of many rows with near probabilities merged into bins.

    The bins are of the odds, by the leading bits of a float32, which rise with it: so rare
    classes stay apart, and bins are as narrow as the range allows. Eight times as fast as
    sorting 100,000 rows, and off by 1e-6 as a rule; where a few rows are so sure that the
    others crowd into few bins, all are sorted.
    """
    if len(positive) <= _SORTED_ROWS:
        return _roc_auc(target.y == 1, positive, target.weights)
    clipped = np.clip(positive, 1e-7, 1 - 1e-7).astype(np.float32, copy=False)
    clipped /= 1 - clipped
    bits = clipped.view(np.int32)
    low, high = int(bits.min()), int(bits.max())
    bits -= low
    bits >>= max(0, (high - low).bit_length() - _BITS)
    bits += (target.y == 1) * np.int32(_BINS)
    counts = np.bincount(bits, target.weights, 2 * _BINS)
    negatives, positives = counts[:_BINS], counts[_BINS:]
    below = np.cumsum(negatives) - 0.5 * negatives
    pairs = positives.sum() * negatives.sum()
    if positives @ negatives > _CROWDED * pairs:
        return _roc_auc(target.y == 1, positive, target.weights)
    return float((positives * below).sum() / pairs) if pairs else 0.5


def _quick_roc_auc_ovr(target: Target, predictions: FloatArray) -> float:
    each = [
        _quick_roc_auc(replace(target, y=(target.y == k).astype(np.int32)), predictions[:, k])
        for k in np.unique(target.y)
    ]
    return float(np.mean(each))


def neg_log_loss(target: Target, predictions: FloatArray) -> float:
    """Mean log probability of the true class."""
    return _mean_log(target, _of_true_class(target, predictions))


def _of_true_class(target: Target, predictions: FloatArray) -> FloatArray:
    return np.asarray(predictions[np.arange(len(target.y)), target.y])


def _mean_log(target: Target, true: FloatArray) -> float:
    logs = np.log(np.clip(true.astype(np.float64), _SMALLEST, 1.0))
    return float(np.average(logs, weights=target.weights))


def neg_root_mean_squared_error(target: Target, predictions: FloatArray) -> float:
    """Root of the mean squared error, negative."""
    return _neg_root_mean_square(target, _errors(target, predictions))


def _errors(target: Target, predictions: FloatArray) -> FloatArray:
    return predictions[:, 0].astype(np.float64) - target.y


def _neg_root_mean_square(target: Target, errors: FloatArray) -> float:
    return -float(np.sqrt(np.average(np.square(errors), weights=target.weights)))


def _neg_percentage(target: Target, errors: FloatArray) -> float:
    sizes = np.maximum(abs(target.y), np.finfo(np.float64).eps)  # as scikit-learn has it
    return -float(np.average(abs(errors) / sizes, weights=target.weights))


def _r2(target: Target, errors: FloatArray) -> float:
    mean = np.average(target.y, weights=target.weights)
    spread = np.average(np.square(target.y - mean), weights=target.weights)
    left = np.average(np.square(errors), weights=target.weights)
    return float(1.0 - left / spread) if spread else float(not left)


def _quick_mean_log(target: Target, true: FloatArray) -> float:
    """As `_mean_log`, in float32 where the predictions are: three times as fast."""
    logs = np.log(np.maximum(true, np.asarray(_SMALLEST, true.dtype)))
    return float(np.average(logs.astype(np.float64), weights=target.weights))


_LOG = Reduction(_of_true_class, _quick_mean_log)
_OWN: dict[tuple[str, TaskKind], tuple[Score, Reduction | None]] = {
    ("roc_auc", TaskKind.BINARY): (
        roc_auc,
        Reduction(lambda _, predictions: predictions[:, 1], _quick_roc_auc),
    ),
    ("roc_auc_ovr", TaskKind.MULTICLASS): (
        roc_auc_ovr,
        Reduction(lambda _, predictions: predictions, _quick_roc_auc_ovr),
    ),
    ("neg_log_loss", TaskKind.BINARY): (neg_log_loss, _LOG),
    ("neg_log_loss", TaskKind.MULTICLASS): (neg_log_loss, _LOG),
    ("neg_root_mean_squared_error", TaskKind.REGRESSION): (
        neg_root_mean_squared_error,
        Reduction(_errors, _neg_root_mean_square),
    ),
}
_OF_ERRORS = {  # a hundred times as fast as scikit-learn's scorers on 1,000 rows
    "neg_mean_absolute_error": Reduction(
        _errors, lambda target, errors: -float(np.average(abs(errors), weights=target.weights))
    ),
    "neg_mean_squared_error": Reduction(
        _errors, lambda target, errors: -float(np.average(errors**2, weights=target.weights))
    ),
    "neg_mean_absolute_percentage_error": Reduction(_errors, _neg_percentage),
    "r2": Reduction(_errors, _r2),
}
_LOSSES = {  # that learners should make small, but for squared errors
    "neg_mean_absolute_error": Loss.ABSOLUTE,
    "neg_median_absolute_error": Loss.ABSOLUTE,
    "neg_mean_absolute_percentage_error": Loss.PERCENTAGE,
    "d2_absolute_error_score": Loss.ABSOLUTE,
}
_OF_POSITIVE = {"neg_mean_poisson_deviance", "neg_mean_gamma_deviance"}
_OF_LOGARITHMS = {  # which are others of coded numbers
    "neg_mean_squared_log_error": "neg_mean_squared_error",
    "neg_root_mean_squared_log_error": "neg_root_mean_squared_error",
}
_OTHER_OF_NUMBERS = {"neg_root_mean_squared_error", "neg_max_error", "explained_variance"}
_DEFAULT = {
    TaskKind.BINARY: "roc_auc",
    TaskKind.MULTICLASS: "neg_log_loss",
    TaskKind.REGRESSION: "neg_root_mean_squared_error",
}
_OF_SCORERS = (
    ". A scorer is called with an estimator, predictions in the place of X, and y; of a "
    "function of y and predictions sklearn.metrics.make_scorer(function) makes one."
)
_NICKNAMES = {
    "auc": "roc_auc",
    "log_loss": "neg_log_loss",
    "logloss": "neg_log_loss",
    "rmse": "neg_root_mean_squared_error",
    "mse": "neg_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "rmsle": "neg_root_mean_squared_log_error",
    "brier_score": "neg_brier_score",
}


def metric_for(
    scoring: str | Callable[..., float] | None, kind: TaskKind, classes: np.ndarray | None
) -> Metric:
    """The metric that `scoring` names.

    Parameters
    ----------
    scoring : a scikit-learn scorer's name, a scorer, or None for the kind's default:
        ROC AUC, log loss, root mean squared error. A scorer sees predictions in the place of
        columns; one that takes no weights counts every row once.
    kind : of the task
    classes : the user's labels in the order of their codes; None for regression

    Raises
    ------
    OptionError
        If there is no such scorer, or it cannot score predictions of this kind.
    """
    from sklearn.metrics import get_scorer, get_scorer_names

    if scoring is None:
        scoring = _DEFAULT[kind]
    if not isinstance(scoring, str):
        if not callable(scoring):
            raise OptionError(f"scoring={scoring!r}: give a scorer's name, or a scorer.")
        name = getattr(scoring, "__name__", str(scoring))
        return _checked(Metric(name, _shown_to(scoring, classes)), kind, classes, _OF_SCORERS)
    name = _NICKNAMES.get(scoring, scoring)
    if name == "roc_auc" and kind is TaskKind.MULTICLASS:
        name = "roc_auc_ovr"
    if name not in get_scorer_names():
        hint = did_you_mean(name, [*get_scorer_names(), *_NICKNAMES])
        raise OptionError(
            f"scoring={scoring!r}: scikit-learn has no such scorer.{hint} "
            "sklearn.metrics.get_scorer_names() lists them."
        )
    if name in _OF_LOGARITHMS and kind is TaskKind.REGRESSION:
        metric = metric_for(_OF_LOGARITHMS[name], kind, classes)
        return replace(metric, name=name, is_logarithmic=True)
    is_error = name.startswith("neg_")
    if (name, kind) in _OWN:
        score, reduction = _OWN[name, kind]
        return Metric(name, score, is_error, reduction)
    if classes is not None and (kind is TaskKind.BINARY or not _are_usual(classes)):
        classes = np.arange(len(classes))  # "f1" would look for a class called 1
    reduction = _OF_ERRORS.get(name) if kind is TaskKind.REGRESSION else _of_labels(name, kind)
    metric = Metric(
        name,
        _shown_to(get_scorer(name), classes),
        is_error,
        reduction,
        loss=_LOSSES.get(name, Loss.SQUARED),
        is_of_positive=name in _OF_POSITIVE,
    )
    return _checked(metric, kind, classes)


def is_of_numbers(scoring: str | None) -> bool:
    """Whether a scorer of this name judges numbers rather than classes."""
    name = _NICKNAMES.get(scoring or "", scoring)
    return name in {*_OF_ERRORS, *_LOSSES, *_OF_POSITIVE, *_OF_LOGARITHMS, *_OTHER_OF_NUMBERS}


def _are_usual(classes: np.ndarray) -> bool:
    """Whether scikit-learn takes these for labels: not objects but texts, and no fractions."""
    from sklearn.utils.multiclass import type_of_target

    return type_of_target(np.repeat(classes, 3)) in ("binary", "multiclass")


def _of_labels(name: str, kind: TaskKind) -> Reduction | None:
    """The quick way for some metrics of the most probable class: a score takes 0.4 ms."""
    if name not in OF_LABELS:
        return None
    formula = OF_LABELS[name]
    if kind is TaskKind.MULTICLASS:
        return Reduction(
            lambda _, predictions: predictions,
            lambda target, shown: formula(confusion(target, shown.argmax(axis=1))),
        )
    return Reduction(
        lambda _, predictions: predictions[:, 1] - predictions[:, 0],
        lambda target, lead: formula(confusion(target, (lead > 0).astype(np.int32))),
    )


def _checked(
    metric: Metric, kind: TaskKind, classes: np.ndarray | None, hint: str = ""
) -> Metric:
    """The metric, once it has scored a few made-up rows, most of them predicted well."""
    n_classes = 0 if classes is None else len(classes)
    rows = np.arange(max(12, 2 * n_classes))
    y: FloatArray | IntArray
    if n_classes:
        y = rows.astype(np.int32) % n_classes
        predictions = np.eye(n_classes)[np.where(rows % 5, y, (y + 1) % n_classes)] + 0.5
        predictions /= predictions.sum(axis=1, keepdims=True)
    else:
        y = rows + 0.5
        predictions = y[:, None] + 0.1 * (rows[:, None] % 3)
    target = Target(kind, y, n_classes)
    try:
        is_finite = np.isfinite(metric.score(target, predictions))
    except Exception as error:
        raise OptionError(
            f"scoring={metric.name!r} cannot score {kind}: {type(error).__name__}: "
            f"{error}{hint}"
        ) from error
    if not is_finite:
        raise OptionError(
            f"scoring={metric.name!r} gives no finite score for {kind}. Give another one."
        )
    try:
        metric.score(replace(target, weights=np.ones(len(y))), predictions)
    except (TypeError, ValueError):
        score = metric.score
        return replace(metric, score=lambda t, shown: score(replace(t, weights=None), shown))
    return metric


class _Shown:
    """Stands where a scorer wants a fitted estimator: "X" holds its predictions."""

    def __init__(self, classes: np.ndarray | None) -> None:
        if classes is not None:
            self.classes_ = classes

    def __sklearn_tags__(self) -> Any:  # scikit-learn carries no types
        from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags

        is_classifier = hasattr(self, "classes_")
        return Tags(
            estimator_type="classifier" if is_classifier else "regressor",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if is_classifier else None,
            regressor_tags=None if is_classifier else RegressorTags(),
        )

    def fit(self, X: FloatArray, y: object = None) -> _Shown:
        """Nothing is left to fit; scorers refuse what has no `fit`."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: FloatArray) -> np.ndarray:
        """Labels of the most probable classes, or the numbers."""
        return self.classes_[X.argmax(axis=1)] if hasattr(self, "classes_") else X[:, 0]

    def predict_proba(self, X: FloatArray) -> FloatArray:
        """The probabilities."""
        return X


def _shown_to(scorer: Callable[..., float], classes: np.ndarray | None) -> Score:
    """The scorer as a function of target and predictions."""
    from sklearn.exceptions import UndefinedMetricWarning

    shown = _Shown(classes)

    def score(target: Target, predictions: FloatArray) -> float:
        X = predictions.astype(np.float64)
        y: np.ndarray = target.y
        if classes is not None:
            X /= X.sum(axis=1, keepdims=True)  # float32 is too coarse to add up to 1
            y = classes[target.y]
        weights = {} if target.weights is None else {"sample_weight": target.weights}
        with warnings.catch_warnings():  # of classes that nobody predicted
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
            try:
                return float(scorer(shown, X, y, **weights))
            except ValueError:  # some take no rows that lack a class
                n_present = len(np.unique(target.y))
                if classes is None or not 1 < n_present < len(classes):
                    raise
                if not is_of_pairs:
                    with suppress(ValueError, TypeError):
                        found = _with_all_classes(scorer, classes, target, X)
                        if np.isfinite(found):
                            return found
                return _without_absent_classes(scorer, target, X, weights)

    # in which a class without rows has no part
    is_of_pairs = any(word in repr(scorer) for word in ("roc_auc", "average_precision"))
    return score


def _with_all_classes(
    scorer: Callable[..., float], classes: np.ndarray, target: Target, X: FloatArray
) -> float:
    """The score with a row of weight 0 for every class that has none."""
    absent = np.setdiff1d(np.arange(len(classes)), target.y)
    y = classes[np.append(target.y, absent)]
    X = np.vstack([X, np.full((len(absent), X.shape[1]), 1.0 / X.shape[1])])
    weights = np.append(target.row_weights, np.zeros(len(absent)))
    return float(scorer(_Shown(classes), X, y, sample_weight=weights))


def _without_absent_classes(
    scorer: Callable[..., float], target: Target, X: FloatArray, weights: Mapping[str, Any]
) -> float:
    """The score of what is left for the classes that have rows."""
    present, y = np.unique(target.y, return_inverse=True)
    X = np.maximum(X[:, present], np.finfo(float).tiny)
    X /= X.sum(axis=1, keepdims=True)
    return float(scorer(_Shown(np.arange(len(present))), X, y, **weights))
