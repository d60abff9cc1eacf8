"""The pipelines of a model fitted to other rows, without a search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autopipe.clock import Clock
from autopipe.conclusion import conclude
from autopipe.deployment import Demands, front_of
from autopipe.ensembles.members import Candidates, Selection, fold_scores
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.ensembles.stacking import table_of
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.operators.boosting import Booster, rounds_for_all
from autopipe.operators.catalogue import estimator_for, operator_named
from autopipe.operators.declaration import FoldsLearner
from autopipe.operators.fitted import FittedTree
from autopipe.persistence import Model
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import TABLE_NAME, Node
from autopipe.trial import Trial

_WATCHED_ROWS = 100  # that learners ask for where nothing is held out


@dataclass(frozen=True, eq=False)
class Rows:
    """What a model is fitted to anew."""

    table: Table
    target: Target
    folds: Folds
    metric: Metric
    seeds: Seeds
    threads: int

    def refitted(self, model: Model, bag: bool, costs: FloatArray | None) -> Model:
        """A model with the same trees and weights, and all that is learned learned anew.

        Parameters
        ----------
        bag : of fold models; otherwise one for all rows, where the learner can do without
            rows to stop by
        """
        fits: dict[int, CrossFit] = {}
        trials: dict[int, Trial] = {trial.number: trial for trial in model.trials}
        members = tuple(
            self._member(member, bag, fits, trials) for member in model.predictor.members
        )
        candidates = Candidates(self.target, self.folds, self.metric, most=len(members))
        for member in members:
            number = member.number
            candidates.add(number, str(number), 0.0, fits[number].out_of_fold)
        weights = {member.number: member.weight for member in members}
        selection = Selection(weights, candidates.score(weights)) if members else None
        everything = tuple(trials.values())
        conclusion = conclude(
            candidates, selection, everything, self.target, self.folds, self.metric, self.seeds,
            Clock(None), costs,
        )  # fmt: skip
        front = None
        if members:
            front = front_of(
                members, {}, candidates, everything, self.table, self.target, self.folds,
                Demands(),
            )  # fmt: skip
        estimate = conclusion.estimate
        return replace(
            model,
            predictor=Predictor(members, self.target.prior(), conclusion.temperature),
            decision=conclusion.decision,
            conformal=conclusion.conformal,
            trials=everything,
            facts={**model.facts, "estimate": None if estimate is None else estimate.state()},
            front=front,
        )

    def _member(
        self, member: Member, bag: bool, fits: dict[int, CrossFit], trials: dict[int, Trial]
    ) -> Member:
        """A member fitted anew, after those that it reads."""
        inputs = tuple(self._member(one, True, fits, trials) for one in member.inputs)
        table = self.table
        if inputs:
            table = table_of(np.stack([fits[one.number].out_of_fold for one in inputs]))
        tree = member.models[0].tree
        begin = time.monotonic()
        if member.number not in fits:
            fits[member.number] = crossfit(
                tree, table, self.target, self.folds, self.seeds, fold_threads=self.threads
            )
        fit = fits[member.number]
        scores = fold_scores(fit.out_of_fold, self.target, self.folds, self.metric)
        trials[member.number] = replace(
            trials[member.number],
            score=float(np.mean(scores)),
            fold_scores=scores,
            seconds=time.monotonic() - begin,
            predict_seconds=fit.row_seconds,
            train_share=1.0,
            is_truncated=False,
        )
        models = fit.models
        if not bag and not inputs and _can_do_without_held_out_rows(tree):
            models = (self._on_all_rows(tree, fit.models),)
        return replace(member, models=models, inputs=inputs)

    def _on_all_rows(self, tree: Node, models: Sequence[FittedTree]) -> FittedTree:
        rows = np.arange(len(self.table))
        trained = float(np.mean([len(train) for train, _ in self.folds.pairs]))
        rounds = {
            path: rounds_for_all(
                [model.estimators[path].rounds for model in models], len(rows) / trained
            )
            for path, estimator in models[0].estimators.items()
            if isinstance(estimator, Booster)
        }
        once = Folds(((rows, rows[:_WATCHED_ROWS]),), len(rows))
        fit = crossfit(tree, self.table, self.target, once, self.seeds, rounds=rounds)
        return fit.models[0]


def _can_do_without_held_out_rows(tree: Node) -> bool:
    """Whether no operator needs them: networks stop by them, calibrators learn from them."""
    nodes = [node for _, node in tree.walk() if node.op != TABLE_NAME]
    return not any(
        operator_named(node.op).is_calibrator or isinstance(estimator_for(node), FoldsLearner)
        for node in nodes
    )
