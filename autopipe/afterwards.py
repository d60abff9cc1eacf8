"""What can be done to a fitted model without another search: choosing, fitting to new rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd

from autopipe.arguments import check_limit
from autopipe.ensembles.front import Front, best_within
from autopipe.ensembles.predictor import Member
from autopipe.errors import OptionError
from autopipe.folds import make_folds, splitter_name
from autopipe.intake.labels import TargetCoding
from autopipe.metrics import Metric
from autopipe.model import Model
from autopipe.moving import final_scores, moved, with_judged_front
from autopipe.placement import core_count
from autopipe.plain import from_json
from autopipe.refitting import Rows
from autopipe.seeds import RandomState, Seeds
from autopipe.task import TaskKind
from autopipe.training_rows import training_rows


class Afterwards:
    """The methods of both estimators that make another model of what a fit found."""

    cv: Any
    n_jobs: int | None
    random_state: RandomState

    def _fitted(self) -> Model:
        raise NotImplementedError

    def _adopt(self, model: Model) -> None:
        raise NotImplementedError

    def _scoring(self, model: Model) -> Metric:
        raise NotImplementedError

    def _metric(self, model: Model) -> Metric:
        raise NotImplementedError

    @property
    def front_(self) -> pd.DataFrame:
        """The models that `select` can move to, the best score first.

        `members` and `models` of each (light members have fewer); the cross-validated score in
        the metric's usual sign; `row_ms` for one row alone and `thousand_ms` for a thousand,
        reading included, and `megabytes`, as measured at the end of `fit`. With fewer models of
        each member the score is the same, as it is made of single ones, and new rows are
        predicted a little worse. After `load` those remain that can be made of what was saved.

        Scores of classifiers are with the temperature and the threshold that each would have.
        To learn these takes a few seconds at most, the first time that somebody asks.
        """
        model = self._judged()
        sign, name = model.facts["score_sign"], str(model.facts["score_name"])
        front, held = model.front, _form(model.predictor.members)
        score = final_scores(model)
        points = () if front is None else front.points
        rows = [
            {
                "members": len(point.weights),
                "models": point.folds,
                name: sign * score(point),
                "row_ms": point.row_ms,
                "thousand_ms": point.thousand_ms,
                "megabytes": point.megabytes,
                "is_chosen": front is not None and held == _form(front.chosen(point)),
            }
            for point in sorted(points, key=lambda one: (-score(one), -one.folds))
        ]
        columns = ["members", "models", name, "row_ms", "thousand_ms", "megabytes", "is_chosen"]
        return pd.DataFrame(rows, columns=columns)

    def select(
        self, *, max_latency_ms: float | None = None, max_size_mb: float | None = None
    ) -> Self:
        """Move to the best model that keeps within limits; without any, to the whole ensemble.

        Nothing is fitted but what comes after the members: temperature, threshold, intervals;
        and of the same members with fewer models these stay. `front_` shows what there is to
        choose from.

        Parameters
        ----------
        max_latency_ms : milliseconds for one row alone
        max_size_mb : megabytes of the fitted pipelines

        Raises
        ------
        OptionError
            If none keeps within them; the message tells the least there is.
        """
        check_limit("max_latency_ms", max_latency_ms)
        check_limit("max_size_mb", max_size_mb)
        is_limited = max_latency_ms is not None or max_size_mb is not None
        model = self._judged() if is_limited else self._fitted()
        front = model.front
        point = None
        if front is not None and front.points:
            score = final_scores(model)
            point = best_within(front.points, max_latency_ms, max_size_mb, score)
            point = point if is_limited else front.whole
        if front is None or point is None:
            least = f" {_least(front)}" if front is not None and front.points else ""
            raise OptionError(
                f"select(max_latency_ms={max_latency_ms}, max_size_mb={max_size_mb}): no model "
                f"keeps within these.{least}"
            )
        seeds = Seeds.of(0 if self.random_state is None else self.random_state)
        self._adopt(moved(model, front, point, self._metric(model), seeds))
        return self

    def _judged(self) -> Model:
        """The model, whose front was asked what each point would score."""
        model = self._fitted()
        try:
            metric = self._metric(model)
        except OptionError:  # a metric of the user's, which files do not keep
            return model
        judged = with_judged_front(model, metric)
        if judged is not model:
            self._adopt(judged)
        return judged

    def refit(
        self,
        X: Any,
        y: Any = None,
        *,
        bag: bool = True,
        groups: Any = None,
        sample_weight: Any = None,
        tables: Any = None,
    ) -> Self:
        """Fit the pipelines that were found to other rows, without a search.

        Trees and weights stay; members, temperature, threshold, intervals and `score_` are
        learned anew, so that the score is that of these rows. It takes what cross-fitting
        the members takes, with no limit. Where the fit had costs, they hold on. Trials that
        are not in the model lose their scores, which were of other rows.

        Parameters
        ----------
        X, y : as for `fit`, with the same columns, which are read in the same roles
        bag : members are the average of their fold models, each with rows held out to stop
            by; otherwise boosters, forests and linear models are fitted once more to all
            rows, for as many rounds as the folds took: a fraction of the size and time,
            mostly for a slightly worse prediction. After splits in time it is never the
            average.
        groups, sample_weight : as for `fit`; groups are wanted where `fit` had them
        tables : as for `predict`; the same columns are made of them

        Raises
        ------
        InputError
            If the data cannot be used.
        OptionError
            If the folds of `fit` cannot be made of these rows, or their classes are others
            than its costs or its metric are for.
        """
        model = self._fitted()
        _check_folds(model.facts, self.cv, groups)
        X, y = model.features_and_target(X, y)
        monotone = {from_json(name): sign for name, sign in model.facts.get("monotone", [])}
        given = training_rows(
            model.joined(X, tables),
            y,
            model.target_coding.kind is not TaskKind.REGRESSION,
            groups,
            sample_weight,
            monotone=monotone or None,
            former=model.coding,
        )
        _check_classes(given.target_coding, model.target_coding, model.costs is not None)
        metric = self._scoring(replace(model, target_coding=given.target_coding))
        given, metric = given.aimed_at(metric)
        table, target = given.table, given.target
        seeds = Seeds.of(self.random_state)
        cv = self.cv if self.cv is not None else max(2, model.fold_count)
        if isinstance(cv, (list, tuple)):
            _check_rows_of(cv, len(table), _fitted_rows(model))
        folds = make_folds(target, cv, seeds, groups, given.frame)
        rows = Rows(table, target, folds, metric, seeds, core_count(self.n_jobs))
        facts = {
            **model.facts,
            "loss": str(target.loss),
            "splitter": splitter_name(self.cv),
            "has_groups": groups is not None,
            "has_weights": sample_weight is not None,
        }
        new = replace(
            model, coding=given.coding, target_coding=given.target_coding, facts=facts
        )
        self._adopt(rows.refitted(new, bag, model.costs))
        return self


def _check_folds(facts: Mapping[str, Any], cv: Any, groups: Any) -> None:
    """Refuse folds that would tear apart what those of the fit kept together."""
    if facts.get("splitter") and cv is None:
        raise OptionError(
            f"refit: the model was fitted with cv a {facts['splitter']}, which files do not "
            "keep. First set it again: set_params(cv=...)."
        )
    if facts.get("has_groups") and groups is None:
        raise OptionError(
            "refit: the model was fitted with groups. Give those of these rows; where every "
            "row stands for itself, groups=range(len(X))."
        )


def _check_classes(new: TargetCoding, former: TargetCoding, has_costs: bool) -> None:
    """Refuse classes that the metric of the fit, or its costs, say nothing of."""
    is_same = new.classes.tolist() == former.classes.tolist()
    if new.kind is not former.kind or (has_costs and not is_same):
        raise OptionError(
            f"refit: y holds the classes {new.classes.tolist()}, and fit had "
            f"{'costs for ' * has_costs}{former.classes.tolist()}. Give rows of all these and "
            "of no others, or fit again."
        )


def _fitted_rows(model: Model) -> int | None:
    """Rows of the table that the model was fitted to; None where that is not known."""
    return None if model.front is None else model.front.evidence.table_rows


def _check_rows_of(pairs: Sequence[Any], rows: int, former: int | None) -> None:
    """Refuse pairs of rows of another table, which would leave rows out unnoticed.

    Pairs of the fit, of which `former` rows are known, may leave out the last ones.
    """
    parts = [np.asarray(part) for pair in pairs for part in pair if len(part)]
    ends = (len(part) if part.dtype == bool else 1 + int(part.max()) for part in parts)
    used = max(ends, default=rows)
    if used != rows and not (rows == former and used < rows):
        raise OptionError(
            f"refit: cv holds pairs of the rows of a table of {used}, and this one has {rows}. "
            "First set cv to a number, a splitter, or pairs of these: set_params(cv=...)."
        )


def _form(members: Sequence[Member]) -> dict[int, tuple[float, int]]:
    """Weight and number of models by number of the member."""
    return {one.number: (one.weight, len(one.models)) for one in members}


def _least(front: Front) -> str:
    row_ms = min(point.row_ms for point in front.points)
    megabytes = min(point.megabytes for point in front.points)
    return f"The quickest takes {row_ms:.3g} ms, the smallest {megabytes:.3g} MB."
