"""The pipelines of a model fitted to other rows, without a search."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from autopipe.clock import Clock
from autopipe.conclusion import conclude
from autopipe.deployment import Demands, front_of, megabytes_of
from autopipe.ensembles.bags import thinned
from autopipe.ensembles.members import Candidates, Selection, fold_scores
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.ensembles.stacking import table_of
from autopipe.errors import DeadlineReached
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.model import Model
from autopipe.operators.boosting import Booster, rounds_for_all
from autopipe.operators.catalogue import estimator_for, operator_named
from autopipe.operators.declaration import FoldsLearner
from autopipe.operators.fitted import FittedTree
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import TABLE_NAME, Node
from autopipe.trial import Status, Trial

log = logging.getLogger(__name__)

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
        bag : of fold models; otherwise, and for splits in time, one for all rows, where the
            learner can do without rows to stop by
        """
        fits: dict[int, CrossFit] = {}
        trials: dict[int, Trial] = {trial.number: trial for trial in model.trials}
        members = thinned(
            [self._member(member, bag, fits, trials) for member in model.predictor.members]
        )
        candidates = Candidates(self.target, self.folds, self.metric, most=len(members))
        for member in members:
            number = member.number
            score = trials[number].score or 0.0
            candidates.add(number, str(number), score, fits[number].out_of_fold)
        weights = {member.number: member.weight for member in members}
        selection = Selection(weights, candidates.score(weights)) if members else None
        judged = [trials[number] for number in fits]
        everything = tuple(
            trial if trial.number in fits else _unscored(trial) for trial in trials.values()
        )
        conclusion = conclude(
            candidates, selection, judged, self.target, self.folds, self.metric, self.seeds,
            Clock(None), costs,
        )  # fmt: skip
        front = None
        if members:
            front = front_of(
                members, {}, candidates, judged, self.table, self.target, self.folds,
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

    def singles(
        self,
        members: Sequence[Member],
        bags: Mapping[int, Member],
        deadline: float,
        shares: Mapping[int, float],
    ) -> tuple[Member, ...]:
        """Members with one model each for all rows in place of the first fold's.

        On four data sets this was better than one fold's model for 17 of 18 members, and the
        ensemble nearly as good as with eight fold models of each. What does not succeed until
        the deadline stays as it is.

        Parameters
        ----------
        members : with a single model each
        bags : the same with all their fold models, by number
        deadline : on the axis of `time.monotonic`
        shares : of their folds' training rows, that the models were fitted to, by number
        """

        def fitted(member: Member) -> Member:
            if member.inputs:  # reads what others predict out of fold
                return member
            models = bags[member.number].models
            try:
                model = on_all_rows(
                    models, self.table, self.target, self.folds, self.seeds, deadline,
                    shares[member.number],
                )  # fmt: skip
            except Exception as error:  # there is a model without it
                log.info("Not fitted to all rows: %s: %s", type(error).__name__, error)
                return member
            return replace(member, models=(model,))

        with ThreadPoolExecutor(self.threads) as pool:
            return tuple(pool.map(fitted, members))

    def _member(
        self, member: Member, bag: bool, fits: dict[int, CrossFit], trials: dict[int, Trial]
    ) -> Member:
        """A member fitted anew, after those that it reads."""
        inputs = tuple(self._member(one, True, fits, trials) for one in member.inputs)
        table = self.table
        if inputs:
            table = table_of(np.stack([fits[one.number].out_of_fold for one in inputs]))
        tree = member.models[0].tree
        if member.number not in fits:
            begin = time.monotonic()
            fit = crossfit(
                tree, table, self.target, self.folds, self.seeds, fold_threads=self.threads
            )
            fits[member.number] = fit
            scores = fold_scores(fit.out_of_fold, self.target, self.folds, self.metric)
            trials[member.number] = replace(
                trials[member.number],
                score=float(np.mean(scores)),
                fold_scores=scores,
                seconds=time.monotonic() - begin,
                predict_seconds=fit.row_seconds,
                megabytes=megabytes_of([replace(member, models=fit.models, inputs=())]),
                train_share=1.0,
                is_truncated=False,
            )
        fit = fits[member.number]
        models, are_early = fit.models, self.folds.are_early
        if are_early:
            models = tuple(models[fold] for fold in self.folds.largest_first)
        if not inputs and (are_early or (not bag and _can_do_without_held_out_rows(tree))):
            models = (on_all_rows(models, table, self.target, self.folds, self.seeds),)
        return replace(member, models=models, inputs=inputs)


def _unscored(trial: Trial) -> Trial:
    """A trial that is no part of the model, without the score that it had on former rows."""
    if not trial.is_complete:
        return trial
    return replace(
        trial,
        status=Status.PARTIAL,
        score=None,
        fold_scores=(),
        failure=trial.failure or "not fitted to the rows of the refit",
    )


def on_all_rows(
    models: Sequence[FittedTree],
    table: Table,
    target: Target,
    folds: Folds,
    seeds: Seeds,
    deadline: float = float("inf"),
    train_share: float = 1.0,
) -> FittedTree:
    """The tree of some fold models fitted once more, to all rows.

    Boosters take as many rounds as the folds did, and a few more for the further rows. What
    needs held-out rows stays as it is: the first of the models is returned.

    Parameters
    ----------
    train_share : of their folds' training rows, that the models were fitted to

    Raises
    ------
    DeadlineReached
        If the time, on the axis of `time.monotonic`, was too short for all of it.
    """
    tree = models[0].tree
    if not _can_do_without_held_out_rows(tree):
        return models[0]
    everything = np.arange(len(table))
    rows = everything if target.weights is None else np.flatnonzero(target.weights)
    trained = train_share * float(np.mean([len(train) for train, _ in folds.pairs]))
    rounds = {
        path: rounds_for_all(
            [model.estimators[path].rounds for model in models], len(rows) / trained
        )
        for path, estimator in models[0].estimators.items()
        if isinstance(estimator, Booster)
    }
    once = Folds(((rows, rows[:_WATCHED_ROWS]),), len(table))
    fit = crossfit(tree, table, target, once, seeds, deadline, rounds=rounds)
    if fit.is_truncated:
        raise DeadlineReached("The time was too short for all rows.")
    return fit.models[0]


def _can_do_without_held_out_rows(tree: Node) -> bool:
    """Whether no operator needs them: networks stop by them, calibrators learn from them."""
    nodes = [node for _, node in tree.walk() if node.op != TABLE_NAME]
    return not any(
        operator_named(node.op).is_calibrator or isinstance(estimator_for(node), FoldsLearner)
        for node in nodes
    )
