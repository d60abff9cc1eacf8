"""The estimators of an exported script: they fit the pipelines that a search found.

Every pipeline is cross-fitted, and the fold models of all are averaged by weight. Boosters
and networks stop by the held-out rows of their fold, as they did in the search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from autopipe.ensembles.bags import thinned
from autopipe.ensembles.decisions import Decision
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.ensembles.stacking import table_of
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.export.delivered import Delivered
from autopipe.folds import Folds, holdout, make_folds
from autopipe.intake.alignment import features_and_target
from autopipe.operators.calibration import Temperature
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Loss, Target
from autopipe.training_rows import training_rows
from autopipe.tree import parse


class _Standalone(BaseEstimator):
    """The weighted average of pipelines.

    Parameters
    ----------
    trees : the text of every pipeline, by number
    weights : of those that are averaged, by number; their sum is 1
    inputs : of a stacked pipeline, the numbers of those whose predictions it reads
    folds : in which each is cross-fitted; 1 holds a fifth of the rows out, once
    temperature : that the averaged probabilities are softened by; None for none
    costs : what a mistake costs, of shape (classes, classes); None names the likeliest class
    roles : of columns where their cells alone would mislead
    monotone : of columns that predictions may only rise (1) or only fall (-1) with
    loss : of numbers: "squared", or "absolute" for medians
    logarithmic : whether log(1 + y) is predicted, and turned back
    least : below which no number is predicted
    random_state : an integer
    """

    def __init__(
        self,
        trees: Mapping[int, str],
        weights: Mapping[int, float],
        *,
        inputs: Mapping[int, Sequence[int]] | None = None,
        folds: int = 5,
        temperature: float | None = None,
        costs: Sequence[Sequence[float]] | None = None,
        roles: Mapping[Any, str] | None = None,
        monotone: Mapping[Any, int] | None = None,
        loss: str = "squared",
        logarithmic: bool = False,
        least: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.trees = trees
        self.weights = weights
        self.inputs = inputs
        self.folds = folds
        self.temperature = temperature
        self.costs = costs
        self.roles = roles
        self.monotone = monotone
        self.loss = loss
        self.logarithmic = logarithmic
        self.least = least
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Fit all pipelines to a table and its target, which may be named by its column."""
        X, y = features_and_target(X, y)
        is_classifier = isinstance(self, ClassifierMixin)
        rows = training_rows(
            X, y, is_classifier, groups, sample_weight, self.roles, self.monotone or None
        )
        coding = replace(rows.target_coding, is_logarithmic=self.logarithmic, least=self.least)
        target = replace(
            coding.target(y, rows.target.weights),
            loss=Loss(self.loss),
            groups=rows.target.groups,
        )
        seeds = Seeds.of(self.random_state)
        if self.folds == 1:
            folds = holdout(target, seeds)
        else:
            folds = make_folds(target, self.folds, seeds)
        predictor = self._predictor(rows.table, target, folds, seeds)
        decision = None if self.costs is None else Decision(np.array(self.costs))
        self.model_ = Delivered(rows.coding, coding, predictor, decision)
        self.n_features_in_ = len(rows.coding.columns)
        return self

    def _predictor(self, table: Table, target: Target, folds: Folds, seeds: Seeds) -> Predictor:
        inputs = self.inputs or {}
        fits: dict[int, CrossFit] = {}
        for number in sorted(self.trees, key=lambda number: number in inputs):
            told = table
            if number in inputs:
                told = table_of(np.stack([fits[each].out_of_fold for each in inputs[number]]))
            tree = parse(self.trees[number])
            fits[number] = crossfit(tree, told, target, folds, seeds)

        def member(number: int) -> Member:
            below = tuple(map(member, inputs.get(number, ())))
            return Member(number, self.weights.get(number, 0.0), fits[number].models, below)

        temperature = None
        if self.temperature is not None:
            temperature = Temperature().restore({"temperature": self.temperature})
        return Predictor(thinned(list(map(member, self.weights))), target.prior(), temperature)

    def _fitted(self) -> Delivered:
        check_is_fitted(self, "model_")
        return self.model_

    def predict(self, X: Any) -> np.ndarray:
        """The class of every row, or a number, shape (rows,)."""
        return self._fitted().predict(X)


class Classifier(ClassifierMixin, _Standalone):
    __doc__ = _Standalone.__doc__

    @property
    def classes_(self) -> np.ndarray:
        """The classes, sorted."""
        return self._fitted().classes_

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities of shape (rows, classes), in the order of `classes_`."""
        return self._fitted().predict_proba(X)


class Regressor(RegressorMixin, _Standalone):
    __doc__ = _Standalone.__doc__
