"""A model at another point of its front, and what it would score at each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from autopipe.clock import Clock
from autopipe.conclusion import (
    BUDGET_SHARE,
    LEAST_SECONDS,
    LEFT_SHARE,
    conclude,
    concluded_gain,
)
from autopipe.ensembles.corrected_score import Estimate
from autopipe.ensembles.front import Evidence, Front, Point
from autopipe.ensembles.members import Candidates, Selection
from autopipe.ensembles.predictor import Member
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.model import Model
from autopipe.seeds import Seeds
from autopipe.task import FloatArray

_SECONDS = 5.0  # at most, to judge all there is to choose from, or to calibrate what is chosen
_SPARE = 1.5  # times as long as any before, that there has to be for the next one

_Weighing: TypeAlias = tuple[tuple[int, float], ...]


def final_scores(model: Model) -> Callable[[Point], float]:
    """The score of what a point predicts; of the members that are held, that of the model.

    A point that could not be judged is taken to gain as much by temperature and threshold as
    those members do.
    """
    known, weights = model.facts["estimate"], _weights(model.predictor.members)
    points = () if model.front is None else model.front.points
    held = [point.score for point in points if point.weights == weights]
    gain = known["score"] - held[0] if known and held else 0.0

    def score(point: Point) -> float:
        if known and point.weights == weights:
            return float(known["score"])
        return judged_score(point, gain)

    return score


def judged_score(point: Point, gain: float = 0.0) -> float:
    """The score of what a point predicts; where it was not judged, that of the average.

    Parameters
    ----------
    gain : what comes to the latter
    """
    if point.judged is None or np.isnan(point.judged):
        return point.score + gain
    return point.judged


def judged_front(
    front: Front,
    metric: Metric,
    costs: FloatArray | None = None,
    held: Mapping[int, float] | None = None,
    seconds: float = _SECONDS,
) -> Front:
    """The front, with its points judged that never were; itself if all are.

    Numbers are predicted by the average as it is, so that its score says all.

    Parameters
    ----------
    costs : of every mistake, of shape (classes, classes), where the user gave them
    held : members and weights that need not be judged
    seconds : at most, for all of it
    """
    anew = [point for point in front.points if point.judged is None and point.weights != held]
    if not anew or not front.evidence.target.is_classification:
        return front
    begin, longest = time.monotonic(), 0.0
    candidates, folds = _witnesses(front.evidence, metric)
    gains: dict[_Weighing, float] = {}
    for weighing in dict.fromkeys(map(_weighing, anew)):
        now = time.monotonic()
        left = begin + seconds - now
        gains[weighing] = float("nan")
        if left > _SPARE * longest:
            share = BUDGET_SHARE if left > LEAST_SECONDS else LEFT_SHARE
            gains[weighing] = concluded_gain(
                candidates, dict(weighing), front.evidence.target, folds, metric, Seeds(0),
                Clock(left / share), costs,
            )  # fmt: skip
        longest = max(longest, time.monotonic() - now)
    points = tuple(
        replace(point, judged=point.score + gains[_weighing(point)]) if point in anew else point
        for point in front.points
    )
    return replace(front, points=points)


def with_judged_front(model: Model, metric: Metric) -> Model:
    """The model with its front judged; itself if it was."""
    if model.front is None:
        return model
    held = _weights(model.predictor.members)
    front = judged_front(model.front, metric, model.costs, held)
    return model if front is model.front else replace(model, front=front)


def moved(model: Model, front: Front, point: Point, metric: Metric, seeds: Seeds) -> Model:
    """The model with the members of a point, and what comes after them learned anew.

    Of the same members with other models it stays, as their predictions are of the same kind.
    """
    predictor = replace(model.predictor, members=front.chosen(point))
    if point.weights == _weights(model.predictor.members):
        return replace(model, predictor=predictor)
    evidence = front.evidence
    candidates, folds = _witnesses(evidence, metric)
    state = model.facts["estimate"]
    former = None if state is None else Estimate.restore(state)
    conclusion = conclude(
        candidates, Selection(point.weights, point.score), model.trials, evidence.target, folds,
        metric, seeds, Clock(_SECONDS / BUDGET_SHARE), model.costs, with_luck=former is None,
    )  # fmt: skip
    estimate = conclusion.estimate
    assert estimate is not None
    gain = estimate.score - candidates.score(point.weights)
    score = point.score + gain  # of all rows, where the evidence is of some
    luck = _luck(estimate if former is None else former)
    narrower = (len(evidence.folds) / evidence.rows) ** 0.5
    estimate = replace(
        estimate,
        score=score,
        corrected=None if luck is None else score - luck,
        rows=evidence.rows,
        deviations=tuple(narrower * deviation for deviation in estimate.deviations),
    )
    if former is not None:
        estimate = replace(
            estimate,
            baselines=former.baselines,
            best=former.best,
            stretch=former.stretch,
            overlap=former.overlap,
            winner=former.winner,
        )
    return replace(
        model,
        predictor=replace(predictor, temperature=conclusion.temperature),
        decision=conclusion.decision,
        conformal=conclusion.conformal,
        facts={**model.facts, "estimate": estimate.state()},
    )


def _witnesses(evidence: Evidence, metric: Metric) -> tuple[Candidates, Folds]:
    """The evidence as candidates of an ensemble, and the folds that its rows are of."""
    rows = np.arange(len(evidence.folds))
    pairs = [
        (rows[evidence.folds != fold], rows[evidence.folds == fold])
        for fold in np.unique(evidence.folds)
    ]
    folds = Folds(tuple(pairs), len(rows))
    candidates = Candidates(evidence.target, folds, metric, most=len(evidence.predictions))
    for number, predictions in evidence.predictions.items():
        candidates.add(number, str(number), 0.0, predictions)
    return candidates, folds


def _weighing(point: Point) -> _Weighing:
    """The members and weights of a point, as a key."""
    return tuple(point.weights.items())


def _weights(members: Sequence[Member]) -> dict[int, float]:
    """Weight by number of the member."""
    return {one.number: one.weight for one in members}


def _luck(estimate: Estimate) -> float | None:
    """What a choice gained by luck; None where that is not known."""
    return None if estimate.corrected is None else estimate.score - estimate.corrected
