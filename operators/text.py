"""Texts as columns of numbers: topics, and what a linear model makes of the words.

Both operators take a table and give it back with columns added. So they stand below any
encoder, or on each other, and codes, one-hot columns or target means of the categories go
with any form of the texts: `lightgbm(target_encoding(text_topics(table)))`. Encoders by
themselves read nothing but the shape of a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autopipe.operators.cost import Cost, Shape, number
from autopipe.operators.declaration import Operator, Raw, State
from autopipe.operators.outcomes import MOST_CLASSES, crossfitted, outcomes_of
from autopipe.operators.vocabulary import TERMS, Vocabularies
from autopipe.space import Float, Int, Value
from autopipe.table import Table
from autopipe.task import FloatArray, IntArray, Target

_MOST_TOPICS = 200  # of all columns together; boosting slows down with every one


class TextTopics:
    """Adds the leading topics of every column of texts: latent semantic analysis.

    The strength of each of the foremost directions in which the tf-idf of the texts varies;
    0 where there is no text. Knows no target.

    Parameters
    ----------
    topics : columns added for every column of texts; 200 in all at most
    terms : one of `TERMS`

    References
    ----------
    Deerwester et al., Indexing by Latent Semantic Analysis, Journal of the American Society
    for Information Science 41(6), 1990.
    """

    def __init__(self, *, topics: int, terms: str) -> None:
        self.topics = topics
        self._vocabularies = Vocabularies(terms)
        self._directions: dict[str, NDArray[np.float32]] = {}
        """By the column's name, shape (terms, topics)."""

    def fit_transform(self, data: Table, target: Target, seed: int) -> Table:
        rows = self._vocabularies.learn(data)
        topics = min(self.topics, max(1, _MOST_TOPICS // max(1, len(rows))))
        self._directions = {
            name: self._foremost(part, topics, seed) for name, part in rows.items()
        }
        return self._extended(data, rows)

    def _foremost(self, rows: Any, topics: int, seed: int) -> NDArray[np.float32]:
        from sklearn.decomposition import TruncatedSVD

        topics = min(topics, *rows.shape)
        if rows.shape[1] < 2:  # which scikit-learn refuses
            return np.eye(rows.shape[1], topics, dtype=np.float32)
        decomposition = TruncatedSVD(topics, random_state=seed).fit(rows)
        return np.ascontiguousarray(decomposition.components_.T, np.float32)

    def transform(self, data: Table) -> Table:
        return self._extended(data, self._vocabularies.rows(data))

    def _extended(self, data: Table, rows: dict[str, Any]) -> Table:
        parts = {name: part @ self._directions[name] for name, part in rows.items()}
        return data.with_numbers(
            {
                f"{name} topic {index}": topic
                for name, part in parts.items()
                for index, topic in enumerate(part.T)
            }
        )

    def state(self) -> State:
        directions = {f"{name} directions": value for name, value in self._directions.items()}
        return {**self._vocabularies.state(), **directions}

    def restore(self, state: State) -> Self:
        self._vocabularies.restore(state)
        self._directions = {
            key.removesuffix(" directions"): np.asarray(value, np.float32)
            for key, value in state.items()
            if key.endswith(" directions")
        }
        return self


class TextPrediction:
    """Adds what a linear model on the terms of all texts predicts: one column, or one a class.

    Often the best that trees can be told of a text: single words that decide drown among
    topics, and trees see few of the many words at a time. A ridge regression on the tf-idf of
    all columns of texts side by side; classes are regressed on as zeros and ones.

    `fit_transform` gives every row the prediction of a model that was fitted to the other
    folds, so that a learner above trusts it no more than it deserves; `transform` uses the
    model of all training rows.

    Parameters
    ----------
    terms : one of `TERMS`
    alpha : strength of the penalty, for rows of length 1

    References
    ----------
    Wolpert, Stacked Generalization, Neural Networks 5(2), 1992: a model's predictions for
    rows that it never saw as the input of another.
    """

    def __init__(self, *, terms: str, alpha: float) -> None:
        self.alpha = alpha
        self._vocabularies = Vocabularies(terms)
        self._coefs: dict[str, FloatArray] = {}
        """By the column's name, shape (terms, columns added)."""
        self._intercept: FloatArray = np.empty(0)

    def fit_transform(self, data: Table, target: Target, seed: int) -> Table:
        rows = self._vocabularies.learn(data)
        if not rows:
            return data
        outcomes, weights = outcomes_of(target), target.row_weights
        predictions = crossfitted(
            lambda train: self._fit(_some(rows, train), outcomes[:, train], weights[train]),
            lambda held_out: self._predicted(_some(rows, held_out)),
            target,
            seed,
        )
        self._fit(rows, outcomes, weights)
        return self._extended(data, predictions)

    def _fit(self, rows: dict[str, Any], outcomes: FloatArray, weights: FloatArray) -> None:
        from scipy.sparse import hstack
        from sklearn.linear_model import Ridge

        side_by_side = hstack(list(rows.values()), format="csr")
        coef = np.zeros((len(outcomes), side_by_side.shape[1]))
        if all(side_by_side.shape):
            model = Ridge(alpha=self.alpha, solver="sparse_cg")
            model.fit(side_by_side, outcomes.T, weights)
            coef = np.asarray(model.coef_, np.float64).reshape(coef.shape)
            self._intercept = np.asarray(model.intercept_, np.float64).reshape(len(outcomes))
        elif len(weights):  # no term
            self._intercept = np.asarray(np.average(outcomes, axis=1, weights=weights))
        else:  # the only row is held out
            self._intercept = np.zeros(len(outcomes))
        self._split(coef)

    def _split(self, coef: FloatArray) -> None:
        """Keep what belongs to each column, as one stretch of memory.

        Parameters
        ----------
        coef : of all columns side by side, shape (columns added, terms)
        """
        ends = np.cumsum(list(self._vocabularies.sizes.values()))
        parts = np.split(coef, ends[:-1], axis=1)
        self._coefs = {
            name: np.ascontiguousarray(part.T)
            for name, part in zip(self._vocabularies.sizes, parts, strict=True)
        }

    def _predicted(self, rows: dict[str, Any]) -> FloatArray:
        count = next(iter(rows.values())).shape[0]
        total = np.tile(self._intercept, (count, 1))
        for name, part in rows.items():
            total += part @ self._coefs[name]
        return total

    def transform(self, data: Table) -> Table:
        rows = self._vocabularies.rows(data)
        return self._extended(data, self._predicted(rows)) if rows else data

    def _extended(self, data: Table, predictions: FloatArray) -> Table:
        return data.with_numbers(
            {f"text prediction {index}": each for index, each in enumerate(predictions.T)}
        )

    def state(self) -> State:
        return {
            **self._vocabularies.state(),
            "coef": np.concatenate(list(self._coefs.values())).T,
            "intercept": self._intercept,
        }

    def restore(self, state: State) -> Self:
        self._vocabularies.restore(state)
        self._intercept = np.asarray(state["intercept"])
        self._split(np.asarray(state["coef"]))
        return self


def _some(rows: dict[str, Any], which: IntArray) -> dict[str, Any]:
    return {name: part[which] for name, part in rows.items()}


def _reading(shape: Shape, columns: float) -> Cost:
    """Texts made into terms, which dominates, and so many columns added."""
    rows = shape.rows + shape.held_out
    seconds = rows * (1e-5 * shape.texts + 2e-7 * shape.text_bytes)
    gives = replace(shape, columns=shape.columns + round(columns))
    return Cost(seconds, megabytes=rows * 4e-6 * (columns + shape.text_bytes), gives=gives)


def _topics_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    return _reading(shape, min(number(params, "topics") * shape.texts, _MOST_TOPICS))


def _prediction_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    return _reading(shape, min(shape.outputs, MOST_CLASSES))


OPERATORS = (
    Operator(
        name="text_topics",
        family="text",
        build="autopipe.operators.text:TextTopics",
        takes=(Raw,),
        gives=Raw,
        space={"topics": Int(5, 60, default=10, log=True), "terms": TERMS},
        cost=_topics_cost,
        source="Deerwester et al., JASIS 41(6), 1990",
        needs_texts=True,
        keeps_monotone=True,
    ),
    Operator(
        name="text_prediction",
        family="text",
        build="autopipe.operators.text:TextPrediction",
        takes=(Raw,),
        gives=Raw,
        space={"terms": TERMS, "alpha": Float(0.1, 100.0, default=3.0, log=True)},
        cost=_prediction_cost,
        source="Wolpert, Stacked Generalization, Neural Networks 5(2), 1992",
        needs_texts=True,
        keeps_monotone=True,
        uses_target=True,
    ),
)
