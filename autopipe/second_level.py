"""Stacking: learners over the members' predictions, and whether they are to be trusted."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from autopipe.deployment import megabytes_of
from autopipe.ensembles.greedy import greedy_weights
from autopipe.ensembles.members import fold_scores
from autopipe.ensembles.predictor import Member
from autopipe.ensembles.stacking import table_of
from autopipe.errors import DeadlineReached
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.operators.catalogue import operator_named
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import Node, parse
from autopipe.trial import Source, Status, Trial

log = logging.getLogger(__name__)

_SCALED = "standard_scaling(codes(table))"
_BOOSTED = (
    "lightgbm(codes(table), bagging_fraction=0.8, cat_l2=10.0, cat_smooth=10.0, "
    "extra_trees=False, feature_fraction=0.8, lambda_l1=0.0, lambda_l2=10.0, "
    "learning_rate=0.1, max_bin=63, max_cat_to_onehot=8, min_data_in_leaf=40, num_leaves=4)"
)
_OF_CLASSES = (f"logistic({_SCALED}, C=0.01)", _BOOSTED)
_OF_NUMBERS = (f"ridge({_SCALED}, alpha=10.0)", _BOOSTED)

_FOLDS = 3  # that judge: three fits of every member, and three times as many rows as of one
_DRAWS = 30  # of the rows, for the spread of what is gained


@dataclass(frozen=True, eq=False)
class StackedLearner:
    """A learner over the predictions of members.

    Parameters
    ----------
    tree : reads what `stacking.table_of` makes
    fit : on the folds of the run
    scores : of each fold; they may promise too much, see
        `Stacking.unseen_gains`
    seconds : that the fit took
    weights : of the members and of this, last, where it competes with them
    gain : of the ensemble with it over the one without, on the held-out rows
    spread : of the gain over draws of these rows
    unseen : that gain on rows that neither level has seen, after learning from fewer; None
        where it is not known
    """

    tree: Node
    fit: CrossFit
    scores: tuple[float, ...]
    seconds: float
    weights: FloatArray = field(default_factory=lambda: np.empty(0))
    gain: float = 0.0
    spread: float = 0.0
    unseen: float | None = None

    @property
    def seems_better(self) -> bool:
        """Whether it gains more than luck would, if held-out rows are to be believed."""
        return self.gain > self.spread

    @property
    def wins(self) -> bool:
        """Whether it is better also where held-out rows cannot leak."""
        return self.seems_better and self.unseen is not None and self.unseen > 0

    def trial(self, number: int, members: Sequence[int]) -> Trial:
        """The record of it, which says why it is not used."""
        verdict = ""
        if not len(self.weights):
            verdict = "not used: it could not be judged"
        elif not self.seems_better:
            verdict = f"not used: the ensemble gains {self.gain:.2g} ± {self.spread:.1g} by it"
        elif self.unseen is None:
            verdict = "not used: time or folds were too few to judge it by unseen rows"
        elif not self.wins:
            verdict = (
                f"not used: the ensemble gains {self.gain:.2g} by it, but {self.unseen:.2g} on "
                "unseen rows"
            )
        return Trial(
            number=number,
            tree=self.tree,
            source=Source.STACK,
            status=Status.COMPLETE,
            parents=tuple(members),
            score=float(np.mean(self.scores)),
            fold_scores=self.scores,
            seconds=self.seconds,
            predict_seconds=self.fit.row_seconds,
            megabytes=megabytes_of([Member(number, 1.0, self.fit.models)]),
            is_truncated=self.fit.is_truncated,
            failure=verdict,
        )


def can_be_stacked(table: Table, folds: Folds) -> bool:
    """Whether a second level could be judged, and would keep what the members promise.

    Two folds are left out at a time, every row needs a prediction to learn from, and a second
    level might turn round what only rises with a column.
    """
    is_complete = len(folds) > _FOLDS and bool(folds.times_held_out.all())
    return is_complete and not table.schema.is_monotone


@dataclass(frozen=True, eq=False)
class Stacking:
    """Builds a second level over members, and judges it.

    Parameters
    ----------
    deadline : time on `time.monotonic`'s axis, after which it is shown at most, not used
    threads : fits at the same time
    """

    table: Table
    target: Target
    folds: Folds
    metric: Metric
    seeds: Seeds
    deadline: float = float("inf")
    threads: int = 1

    def judged(
        self, members: Sequence[Node], predictions: FloatArray, weights: FloatArray
    ) -> list[StackedLearner]:
        """Linear and boosted learners over the members, with what they gain on unseen rows.

        Parameters
        ----------
        members : trees over the table
        predictions : of theirs, out of fold, shape (members, rows, outputs)
        weights : of the members in the ensemble that a second level has to beat
        """
        texts = _OF_CLASSES if self.target.is_classification else _OF_NUMBERS
        learners: list[StackedLearner] = []
        try:
            for tree in map(parse, texts):
                learners.append(self._fitted(tree, table_of(predictions)))
                learners[-1] = self._compared(learners[-1], predictions, weights)
            better = [one for one in learners if one.seems_better]
            if better:
                gains = self.unseen_gains(members, weights, better)
                found = {one.tree: gain for one, gain in zip(better, gains, strict=True)}
                learners = [replace(one, unseen=found.get(one.tree)) for one in learners]
        except Exception as error:  # as of any candidate: what it raises costs only itself
            log.info("The second level is not judged: %s: %s", type(error).__name__, error)
        return learners

    def _compared(
        self, learner: StackedLearner, predictions: FloatArray, weights: FloatArray
    ) -> StackedLearner:
        """With what the ensemble seems to gain by it, as the scores of the folds tell.

        Raises
        ------
        DeadlineReached
            If the time is up.
        """
        everyone = np.concatenate([predictions, learner.fit.out_of_fold[None]])
        chosen = greedy_weights(everyone, self.target, self.metric, until=self.deadline)
        averages = (
            np.tensordot(chosen, everyone, axes=1),
            np.tensordot(weights, predictions, axes=1),
        )
        judges = [(self.target.take(rows), rows) for _, rows in self.folds.pairs]
        rng = self.seeds.stream("second level")

        def gain(is_drawn: bool) -> float:
            differences = []
            for target, rows in judges:
                if time.monotonic() >= self.deadline:
                    raise DeadlineReached("The second level could not be compared in time.")
                size = len(rows)
                draw = rng.integers(size, size=size) if is_drawn else np.arange(size)
                ours, theirs = (
                    self.metric.score(target.take(draw), one[rows[draw]]) for one in averages
                )
                differences.append(ours - theirs)
            return float(np.mean(differences))

        spread = float(np.std([gain(is_drawn=True) for _ in range(_DRAWS)]))
        return replace(learner, weights=chosen, gain=gain(is_drawn=False), spread=spread)

    def _fitted(self, tree: Node, table: Table) -> StackedLearner:
        begin = time.monotonic()
        fit = crossfit(
            tree, table, self.target, self.folds, self.seeds, self.deadline, self.threads
        )
        scores = fold_scores(fit.out_of_fold, self.target, self.folds, self.metric)
        return StackedLearner(tree, fit, scores, time.monotonic() - begin)

    def unseen_gains(
        self, members: Sequence[Node], weights: FloatArray, learners: Sequence[StackedLearner]
    ) -> list[float]:
        """What the ensemble gains by second-level trees on rows that neither level has seen.

        The predictions that a second level learns from know the rows it is judged on: those
        of fold j come from models that were trained on fold k. Where a member says less the
        more of the truth was held out, as the mean of the training rows does, this is read
        backwards, and the score of fold k is better than that of any new row will be. Hence
        the members are fitted once more, each time without two of three folds. The second
        level then learns from two folds, by members that saw nothing of the third, which
        judges the ensembles with and without it.

        Costs three fits of every member, where cross-fitting took one for every fold.

        Raises
        ------
        DeadlineReached
            If the time is up.

        References
        ----------
        Wolpert, Stacked Generalization, Neural Networks 1992, section 2: the second level has
        to learn from guesses about rows that the guessers did not see.
        """
        without = self._without_pairs(members)
        gains = np.zeros((_FOLDS, len(learners)))
        for judge in range(_FOLDS):
            others = [fold for fold in range(_FOLDS) if fold != judge]
            told = [without[min(fold, judge), max(fold, judge)] for fold in others]
            parts = [self.folds.pairs[fold][1] for fold in others]
            rows, new = np.concatenate(parts), self.folds.pairs[judge][1]
            known = np.concatenate(
                [one[:, part] for one, part in zip(told, parts, strict=True)], axis=1
            )
            unseen = np.mean([one[:, new] for one in told], axis=0)
            target, judged = self.target.take(rows), self.target.take(new)
            plain = self.metric.score(judged, np.tensordot(weights, unseen, axes=1))
            one, other = np.split(np.arange(len(rows)), [len(parts[0])])
            halves = Folds(((one, other), (other, one)), len(rows))
            for index, learner in enumerate(learners):
                fit = crossfit(
                    learner.tree, table_of(known), target, halves, self.seeds, self.deadline
                )
                above = [model.predict(table_of(unseen)) for model in fit.models]
                everyone = np.concatenate([unseen, np.mean(above, axis=0)[None]])
                ours = self.metric.score(
                    judged, np.tensordot(learner.weights, everyone, axes=1)
                )
                gains[judge, index] = ours - plain
        return [float(gain) for gain in gains.mean(axis=0)]

    def _without_pairs(self, members: Sequence[Node]) -> Mapping[tuple[int, int], FloatArray]:
        """For each two folds the predictions that members make without them.

        Of shape (members, rows, outputs), for the rows of the two folds.
        """

        def fit(job: tuple[tuple[int, int], Node]) -> FloatArray:
            pair, tree = job
            if operator_named(tree.op).is_calibrator:  # it would need one more fold
                tree = tree.inputs[0]
            (train, held_out), (train_too, held_out_too) = (
                self.folds.pairs[fold] for fold in pair
            )
            split = np.intersect1d(train, train_too), np.union1d(held_out, held_out_too)
            once = Folds((split,), self.folds.rows)
            made = crossfit(tree, self.table, self.target, once, self.seeds, self.deadline)
            if made.is_truncated:
                raise DeadlineReached("A member could not be fitted as far as in the search.")
            return made.out_of_fold

        pairs = list(combinations(range(_FOLDS), 2))
        jobs = [(pair, tree) for pair in pairs for tree in members]
        with ThreadPoolExecutor(self.threads) as pool:
            made = np.stack(list(pool.map(fit, jobs)))
        return dict(zip(pairs, np.split(made, len(pairs)), strict=True))
