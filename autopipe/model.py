"""What a fit leaves: all that predicts, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autopipe.ensembles.corrected_score import Estimate, Score
from autopipe.ensembles.decisions import Decision, is_of_labels
from autopipe.ensembles.front import Front
from autopipe.ensembles.intervals import Conformal
from autopipe.ensembles.predictor import Member, Predictor, pipelines_of
from autopipe.intake.alignment import features_and_target
from autopipe.intake.coding import Coding
from autopipe.intake.frames import as_frame
from autopipe.intake.labels import TargetCoding
from autopipe.metrics import Metric
from autopipe.relations.joining import Joining, joined
from autopipe.task import FloatArray, IntArray
from autopipe.trial import Trial


@dataclass(frozen=True, eq=False)
class Model:
    """What a fit leaves, whoever made it.

    Parameters
    ----------
    coding, target_coding : how tables and targets are read
    predictor : predicts for coded tables
    decision : from probabilities to a class; None for the most probable one
    conformal : the errors that intervals and sets are made of
    trials : every finished trial
    facts : further plain values, such as the score
    front : the models to choose from after fitting; None where there is but this one
    joining : makes the columns of other tables; None where there are none
    """

    coding: Coding
    target_coding: TargetCoding
    predictor: Predictor
    decision: Decision | None
    conformal: Conformal
    trials: tuple[Trial, ...]
    facts: Mapping[str, Any]  # JSON
    front: Front | None = None
    joining: Joining | None = None

    @property
    def parts(self) -> list[Member]:
        """Every pipeline once, inputs before those that read them."""
        parts = pipelines_of(self.predictor.members).values()
        return sorted(parts, key=lambda part: (bool(part.inputs), part.number))

    @property
    def fold_count(self) -> int:
        """Folds that the members were judged in, of which they may keep fewer models."""
        parts = self.parts
        numbers = {part.number for part in parts}
        judged = [len(trial.fold_scores) for trial in self.trials if trial.number in numbers]
        return max([*judged, *(len(part.models) for part in parts)], default=1)

    @property
    def costs(self) -> FloatArray | None:
        """What the user said that mistakes cost; None where nothing was said."""
        has_costs = self.decision is not None and self.facts.get("has_costs", False)
        return self.decision.costs if has_costs and self.decision is not None else None

    @property
    def score(self) -> Score:
        """The cross-validated score with what is known of it, in the metric's usual sign."""
        name, sign = self.facts["score_name"], self.facts["score_sign"]
        if self.facts["estimate"] is None:
            return Score(float("nan"), name, None, sign)
        estimate = Estimate.restore(self.facts["estimate"])
        return Score(sign * estimate.score, name, estimate, sign)

    @property
    def known(self) -> dict[str, bool]:
        """The columns that a file should have, and whether each is of texts."""
        keys = {} if self.joining is None else self.joining.known_keys
        return {**keys, **self.coding.known}

    def joined(self, X: Any, tables: object = None) -> Any:
        """A table with the columns that are made of others, where the model has such."""
        if isinstance(X, (str, Path)):
            X = as_frame(X, self.known)
        return joined(self.joining, X, tables)

    def features_and_target(self, X: Any, y: Any) -> tuple[Any, Any]:
        """A table and its target; of files, texts are what was text in training."""
        known = dict(self.known)
        if isinstance(y, str):
            known[y] = self.target_coding.is_written
        return features_and_target(X, y, known)

    def chosen(self, probabilities: FloatArray) -> IntArray:
        """Codes of the classes that are predicted, shape (rows,)."""
        if self.decision is None:
            return np.asarray(probabilities.argmax(axis=1))
        return self.decision.choose(probabilities)

    def judged(self, predictions: FloatArray, metric: Metric) -> FloatArray:
        """Predictions as a metric is to see them: if of labels, certain of the chosen class."""
        n_classes = len(self.target_coding.classes)
        if n_classes and is_of_labels(metric, n_classes):
            return np.asarray(np.eye(n_classes)[self.chosen(predictions)])
        return predictions
