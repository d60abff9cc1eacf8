"""The tables of trials that a fitted model shows: what was tried, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from autopipe.ensembles.corrected_score import Estimate
from autopipe.ensembles.predictor import Predictor
from autopipe.errors import InputError, ShapeError
from autopipe.intake.labels import TargetCoding
from autopipe.metrics import Metric
from autopipe.model import Model
from autopipe.table import Table
from autopipe.task import FloatArray, Target, TaskKind
from autopipe.trial import Source, Trial

NOT_USED = "not used"  # the status of a second level that the ensemble does without
_ENSEMBLE = "ensemble"
_COVERAGE = 0.9  # of the intervals
_ROUNDING = 1e-6  # by which probabilities in float32 may lie beyond 0 and 1


def history(trials: Sequence[Trial]) -> pd.DataFrame:
    """Every finished trial, in the order of their numbers."""
    columns = [
        "number", "source", "parents", "tree", "status", "score", "seconds", "train_share",
        "is_truncated", "failure",
    ]  # fmt: skip
    rows = [
        [
            trial.number, trial.source.value, trial.parents, str(trial.tree),
            trial.status.value, trial.score, trial.seconds, trial.train_share,
            trial.is_truncated, trial.failure,
        ]
        for trial in trials
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def leaderboard(model: Model) -> pd.DataFrame:
    """The ensemble, then the complete trials, best first, with their weight in it.

    Scores are means over the folds, in the metric's usual sign. `corrected` is without what
    choosing gained by luck: the members and weights of the ensemble, or the best trial among
    all. The score of any other trial decided nothing, and stands as it is; but who takes one
    for its score chooses again. Between `low` and `high` lies the score on ever more rows with
    90 %; of a trial as the scores of its folds tell.
    `row_ms` is what a row of a batch costs, in the ensemble by the models that it has. A
    second level that is "not used" scores well by the folds only; `history_` tells why.
    """
    name, score = str(model.facts["score_name"]), model.score
    weights = {member.number: member.weight for member in model.predictor.members}
    low, high = score.interval(coverage=_COVERAGE)
    sign: int = model.facts["score_sign"]
    complete = [trial for trial in model.trials if trial.score is not None]
    kept = {part.number: len(part.models) for part in model.parts}
    members = [trial for trial in complete if trial.number in kept]
    shares = [kept[trial.number] / len(trial.fold_scores) for trial in members]
    ensemble: dict[str, Any] = {
        "number": None,
        "learner": _ENSEMBLE,
        name: float(score),
        "corrected": score.corrected,
        "low": low,
        "high": high,
        "weight": 1.0,
        "seconds": sum(trial.seconds for trial in members),
        "row_ms": sum(
            1000 * share * trial.predict_seconds
            for share, trial in zip(shares, members, strict=True)
        ),
        "megabytes": sum(
            share * trial.megabytes for share, trial in zip(shares, members, strict=True)
        ),
        "status": "",
        "source": "",
        "tree": "",
    }
    rows = [
        {
            "number": trial.number,
            "learner": trial.tree.op,
            name: sign * (trial.score or 0.0),
            **_honest(trial, sign, score.estimate),
            "weight": weights.get(trial.number, 0.0),
            "seconds": trial.seconds,
            "row_ms": 1000 * trial.predict_seconds,
            "megabytes": trial.megabytes,
            "status": _status(trial),
            "source": trial.source.value,
            "tree": str(trial.tree),
        }
        for trial in sorted(complete, key=lambda trial: -(trial.score or 0.0))
    ]
    return pd.DataFrame([ensemble, *rows], columns=list(ensemble)).astype({"number": "Int64"})


def _honest(trial: Trial, sign: int, estimate: Estimate | None) -> dict[str, float]:
    """What a trial's score on rows to come will be, in the metric's usual sign.

    Nothing is told of a second level, whose scores know the rows that they are made of.

    References
    ----------
    Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 2003, section
    4: a t interval whose variance counts that folds share training rows.
    """
    if estimate is None or estimate.winner is None or trial.source is Source.STACK:
        return dict.fromkeys(("corrected", "low", "high"), float("nan"))
    best, corrected = estimate.winner
    centre = corrected if trial.number == best else trial.score or 0.0
    folds, half = len(trial.fold_scores), float("nan")
    if folds > 1:
        from scipy.special import stdtrit

        # Nadeau and Bengio, as `stretch_of` names them
        overlap = estimate.overlap or 1 / max(1, folds - 1)
        error = np.std(trial.fold_scores, ddof=1) * np.sqrt(1 / folds + overlap)
        half = stdtrit(folds - 1, (1 + _COVERAGE) / 2) * error
    ends = (centre - half, min(centre + half, estimate.best))
    low, high = sorted(sign * end for end in ends)
    return {"corrected": sign * centre, "low": low, "high": high}


def _status(trial: Trial) -> str:
    if trial.source is Source.STACK and trial.failure:
        return NOT_USED
    return "truncated" if trial.is_truncated else trial.status.value


def scored_leaderboard(
    model: Model,
    metric: Metric,
    table: Table,
    target: Target,
    baseline: FloatArray | None = None,
) -> pd.DataFrame:
    """The leaderboard with a column of scores on other rows.

    Only the ensemble and its members have such a score: the models of other trials are gone.

    Parameters
    ----------
    baseline : predictions of somebody else for these rows, shape (rows, outputs), which then
        stand in a line of their own
    """
    board = leaderboard(model)
    column = f"{model.facts['score_name']}_new"

    def score(predictions: FloatArray) -> float:
        return metric.shown(metric.score(target, predictions))

    scores = {
        member.number: score(
            Predictor((replace(member, weight=1.0),), model.predictor.prior).predict(table)
        )
        for member in model.predictor.members
    }
    whole = score(model.judged(model.predictor.predict(table), metric))
    of_trials = [scores.get(number) for number in board["number"][1:]]
    board.insert(3, column, [whole, *of_trials])
    if baseline is not None:
        line = pd.DataFrame({"learner": ["baseline"], column: [score(baseline)]})
        board = pd.concat([line, board], ignore_index=True)[list(board)]
    return board


def as_predictions(given: Any, coding: TargetCoding, rows: int) -> FloatArray:
    """Predictions that a user has, in our shape.

    Parameters
    ----------
    given : numbers or labels of shape (rows,); probabilities of shape (rows, classes), or
        for two classes those of the second one, of shape (rows,)

    Returns
    -------
    array of shape (rows, outputs)

    Raises
    ------
    ShapeError
        If it is of none of these shapes.
    InputError
        If a number is missing or infinite, or a probability is not from 0 to 1.
    """
    values = np.asarray(given)
    n_classes = len(coding.classes)
    if values.ndim not in (1, 2) or len(values) != rows:
        raise ShapeError(
            f"baseline has the shape {values.shape}: a prediction for each of {rows} rows is "
            "wanted."
        )
    if coding.kind is TaskKind.REGRESSION:
        if values.size != rows:
            raise ShapeError(
                f"baseline has {values.shape[1]} columns: one number for every row is wanted."
            )
        low, wanted = -np.inf, "finite numbers"
        if coding.is_logarithmic:
            low, wanted = float(np.nextafter(-1.0, 0.0)), "numbers above -1"
        return coding.coded(_numbers(values.reshape(rows, 1), low, np.inf, wanted))
    if values.ndim == 2:
        if values.shape[1] != n_classes:
            raise ShapeError(
                f"baseline has {values.shape[1]} columns: one for each of {n_classes} classes "
                "is wanted."
            )
        return _numbers(values, 0.0, 1.0, "probabilities from 0 to 1")
    is_share = (
        n_classes == 2
        and values.dtype.kind == "f"
        and not np.isin(values, coding.classes).all()
    )
    if is_share:
        wanted = "labels, or probabilities of the second class from 0 to 1"
        second = _numbers(values, 0.0, 1.0, wanted)
        return np.stack([1.0 - second, second], axis=1)
    return np.asarray(np.eye(n_classes)[coding.encode(given)])


def _numbers(given: np.ndarray, low: float, high: float, wanted: str) -> FloatArray:
    """The numbers of a baseline as float64, none of them missing, infinite or out of range."""
    try:
        values = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"baseline holds what is no number: {error}.") from error
    is_good = np.isfinite(values) & (values >= low - _ROUNDING) & (values <= high + _ROUNDING)
    if not is_good.all():
        bad = values[~is_good]
        raise InputError(
            f"baseline holds {len(bad)} values such as {bad[0]:g}; wanted {wanted}."
        )
    return values.clip(low, high)
