"""What a fitted estimator tells of itself: leaderboard, importance, failures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from autopipe.errors import InputError, OptionError
from autopipe.intake.alignment import check_rows
from autopipe.intake.frames import as_frame, is_named
from autopipe.metrics import Metric, metric_for
from autopipe.model import Model
from autopipe.plain import plain
from autopipe.reports.failures import failures
from autopipe.reports.importance import permutation_importance
from autopipe.reports.leaderboard import as_predictions, leaderboard, scored_leaderboard
from autopipe.reports.lineage import features
from autopipe.seeds import RandomState, Seeds
from autopipe.table import Table
from autopipe.task import Target, TaskKind


class Inspection:
    """The methods of both estimators that look at a model and change nothing."""

    scoring: Any  # a name or a callable
    random_state: RandomState

    def _fitted(self) -> Model:
        raise NotImplementedError

    def leaderboard(
        self, X: Any = None, y: Any = None, baseline: Any = None, *, tables: Any = None
    ) -> pd.DataFrame:
        """The ensemble, then the complete trials, best first, with their weight in it.

        Scores are means over the folds, in the metric's usual sign. `corrected` is without
        what choosing gained by luck: the ensemble's members and weights, or the best trial of
        all; the score of any other trial decided nothing. Between `low` and `high` lies the
        score on ever more rows with 90 %.

        Parameters
        ----------
        X, y : rows that the model has not seen; then one more column, named after the metric
            and `_new`, has the scores of the ensemble and of its members on these rows
        baseline : predictions for these rows by anybody, for a line of their own: numbers,
            labels, or probabilities of shape (rows, classes), or (rows,) of the second one
        tables : the other tables for these rows, where the model was fitted with such
        """
        model = self._fitted()
        if X is None and y is None and baseline is None:
            return leaderboard(model)
        if X is None or y is None:
            raise InputError("leaderboard takes X and y, or neither; baseline needs both.")
        table, _, target, metric = self._unseen(X, y, tables)
        theirs = None
        if baseline is not None:
            theirs = as_predictions(baseline, model.target_coding, len(table))
        return scored_leaderboard(model, metric, table, target, theirs)

    def feature_importance(
        self, X: Any, y: Any, repeats: int = 5, *, tables: Any = None
    ) -> pd.DataFrame:
        """What the score falls by when a column is shuffled, with a 90 % interval.

        Columns that tell the same share what they are worth. Costs a prediction of up to
        5,000 rows for every column and repeat.

        Parameters
        ----------
        X, y : rows that the model has not seen; on those of `fit` it seems to need what it
            has merely learned by heart
        repeats : shuffles of every column
        tables : the other tables for these rows, where the model was fitted with such; then
            the columns that are made of them are shuffled like the others

        Returns
        -------
        DataFrame
            `column`, `importance`, `low`, `high`, the most important column first, in units
            of the metric
        """
        model = self._fitted()
        if repeats < 1:
            raise OptionError(f"repeats={repeats!r}: give 1 or more.")
        table, frame, target, metric = self._unseen(X, y, tables)
        columns = model.coding.coded
        if is_named(X) and model.coding.named:
            names = model.coding.own_names([plain(name) for name in frame.columns])
            columns = {name: coded for name, coded in columns.items() if name in names}
        return permutation_importance(
            table,
            target,
            metric,
            lambda rows: model.judged(model.predictor.predict(rows), metric),
            columns,
            repeats,
            Seeds.of(0 if self.random_state is None else self.random_state).stream("shuffles"),
        )

    def _unseen(
        self, X: Any, y: Any, tables: Any
    ) -> tuple[Table, pd.DataFrame, Target, Metric]:
        """Rows with a target, and the metric of the fit to judge their predictions by."""
        model = self._fitted()
        X, y = model.features_and_target(X, y)
        X = model.joined(X, tables)
        table = model.coding.encode(X, type(self).__name__)
        target = model.target_coding.target(y)
        frame = as_frame(X)
        check_rows(frame, y, frame is X)
        return table, frame, target, self._metric(model)

    def _metric(self, model: Model) -> Metric:
        """The metric of the fit, for numbers as the model codes them.

        Raises
        ------
        OptionError
            If `scoring` is another one by now, or an earlier autopipe coded numbers for it in
            another way.
        """
        metric, coding = self._scoring(model), model.target_coding
        if metric.is_logarithmic and not coding.is_logarithmic:
            raise OptionError(
                f"An earlier autopipe fitted this model without logarithms, which "
                f"{metric.shown_name} is of now: refit(X, y) it, or fit anew."
            )
        return metric.raised_to(coding.least)

    def _scoring(self, model: Model) -> Metric:
        """The metric of the fit, for numbers that nothing is known of."""
        kind = model.target_coding.kind
        classes = None if kind is TaskKind.REGRESSION else model.target_coding.classes
        metric = metric_for(self.scoring, kind, classes)
        if metric.shown_name != model.facts["score_name"]:
            raise OptionError(
                f"The model was fitted with {model.facts['score_name']}, but scoring now means "
                f"{metric.shown_name}; set_params(scoring=...) gives the former back."
            )
        return metric

    @property
    def features_(self) -> pd.DataFrame:
        """The columns that members made for themselves, the most important first.

        `formula` is in the names of the user's columns; `members` are the numbers of the trials
        that use it; `models` is the share of their fitted models that do, and `importance` its
        share of what the splits of boosted trees gain, both by weight.
        """
        return features(self._fitted())

    def failures(self) -> pd.DataFrame:
        """The trials that failed, by learner and reason, the most frequent first.

        `share` is that of all trials; `tree` and `traceback` are those of the last one.
        """
        return failures(self._fitted().trials)
