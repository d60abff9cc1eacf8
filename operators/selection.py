"""Fewer columns: those that say something of the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, Shape, number
from autopipe.operators.declaration import Complete, Operator, State
from autopipe.space import Choice, Float, Value
from autopipe.task import FloatArray, IntArray, Target

_MOST_ROWS = 5_000  # that columns are judged by: their order needs no more
_FEWEST_ROWS = 100  # that they are judged by, if there are so many, however uneven the weights


class UnivariateSelection:
    """The columns that tell most of the target, judged one by one, in their old order.

    Quick, and blind to what columns only say together. Columns that are constant in
    training go; where all are, the first stays.

    Parameters
    ----------
    share : of the columns that vary, how much is kept
    score : "f" measures linear dependence, "information" any
    """

    def __init__(self, *, share: float, score: str) -> None:
        self.share = share
        self.score = score
        self._kept: IntArray = np.empty(0, np.int64)

    def fit_transform(self, data: Matrix, target: Target, seed: int) -> Matrix:
        rows = _judged(target, seed)
        values = data.values[rows].astype(np.float64)
        varies = np.flatnonzero(np.ptp(values, axis=0) > 0)
        self._kept = np.arange(1)
        if len(varies):
            is_discrete = np.array(data.levels)[varies] > 0
            scores = self._scores(values[:, varies], is_discrete, target.take(rows), seed)
            count = max(1, round(self.share * len(varies)))
            best = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:count]
            self._kept = np.sort(varies[best])
        return self.transform(data)

    def _scores(
        self, values: FloatArray, is_discrete: np.ndarray, target: Target, seed: int
    ) -> FloatArray:
        from sklearn import feature_selection

        kind = "classif" if target.is_classification else "regression"
        if self.score == "f":
            with np.errstate(divide="ignore", invalid="ignore"):  # columns that tell all
                scores, _ = getattr(feature_selection, f"f_{kind}")(values, target.y)
        else:
            information = getattr(feature_selection, f"mutual_info_{kind}")
            scores = information(
                values, target.y, discrete_features=is_discrete, random_state=seed
            )
        return np.asarray(scores)

    def transform(self, data: Matrix) -> Matrix:
        return Matrix(
            data.values[:, self._kept],
            tuple(data.levels[index] for index in self._kept),
            tuple(data.names[index] for index in self._kept),
            data.monotone and tuple(data.monotone[index] for index in self._kept),
        )

    def state(self) -> State:
        return {"kept": self._kept}

    def restore(self, state: State) -> Self:
        self._kept = np.asarray(state["kept"])
        return self


def _judged(target: Target, seed: int) -> IntArray:
    """The rows that columns are judged by, heavy ones more likely than light ones.

    scikit-learn's scores know no weights. None is drawn twice: to the nearest neighbours that
    tell information, a row that is there again would tell nothing but itself. There are as
    many as Kish's effective size of the sample.
    """
    rows = np.arange(len(target.y))
    if target.weights is None:
        shares, count = None, len(rows)
    else:
        shares = target.weights / target.weights.sum()
        few = min(_FEWEST_ROWS, np.count_nonzero(shares))
        count = max(few, round(1.0 / np.square(shares).sum()))
    if count >= len(rows) and len(rows) <= _MOST_ROWS:
        return rows
    count = min(count, _MOST_ROWS)
    return np.random.default_rng(seed).choice(rows, count, replace=False, p=shares)


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    judged = min(shape.rows, _MOST_ROWS) * shape.columns
    seconds = (4e-6 if params["score"] == "information" else 1e-7) * judged
    gives = replace(shape, columns=max(1, round(number(params, "share") * shape.columns)))
    return Cost(seconds, megabytes=4e-6 * shape.all_cells, gives=gives)


OPERATORS = (
    Operator(
        name="univariate_selection",
        family="selection",
        build="autopipe.operators.selection:UnivariateSelection",
        takes=(Complete,),
        gives=Complete,
        space={
            "share": Float(0.1, 0.9, default=0.5),
            "score": Choice(("information", "f")),
        },
        cost=_cost,
        source="scikit-learn, f_classif and mutual_info_classif: Kraskov et al., Physical "
        "Review E 69, 2004; Ross, PLoS ONE 9(2), 2014",
        uses_target=True,
        keeps_monotone=True,
    ),
)
