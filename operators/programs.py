"""Features synthesized from the columns: given as formulas, or found by a screen.

Both operators take a table and give it back with columns added, so that they stand below any
encoder. A column is named by its formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from autopipe.operators.cost import Cost, Shape, number
from autopipe.operators.declaration import Operator, Raw, State
from autopipe.operators.outcomes import MOST_CLASSES
from autopipe.operators.programs_domain import Formulas
from autopipe.operators.programs_formulas import Formula, parse_formulas
from autopipe.operators.programs_screening import (
    MOST_CANDIDATES,
    MOST_COLUMNS,
    MOST_ROWS,
    screened,
)
from autopipe.operators.programs_values import Learned, Truth, Values
from autopipe.space import Float, Value
from autopipe.table import Table
from autopipe.task import Target

_SURE = 6.0  # excess: of 1,000 candidates of noise and 15 degrees of freedom, 0.03 have it
_MOST_ADDED = 100  # by a screen: every one costs time to predict


class WithFeatures:
    """Adds a column for every formula.

    Group means and the like are learned from the training rows. `fit_transform` gives target
    means that are cross-fitted, so that a learner above trusts them no more than they deserve;
    `transform` uses all training rows.

    Parameters
    ----------
    formulas : such as "ratio(c1, c2), target_mean(cross(c3, c4))"
    """

    def __init__(self, *, formulas: str) -> None:
        self._formulas = parse_formulas(formulas)
        self._learned: dict[str, Learned] = {}

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Of the columns added, in their order."""
        return self._formulas

    def fit_transform(self, data: Table, target: Target, seed: int) -> Table:
        self._learned = {}
        return self._extended(data, Truth.of(target, seed))

    def transform(self, data: Table) -> Table:
        return self._extended(data)

    def _extended(self, data: Table, truth: Truth | None = None) -> Table:
        values = Values(data, self._learned, truth)
        added = {str(formula): values.of(formula) for formula in self._formulas}
        return data.with_numbers(added)

    def state(self) -> State:
        learned: dict[str, NDArray[np.number]] = {
            f"{text} {name}": array
            for text, arrays in self._learned.items()
            for name, array in arrays.items()
        }
        return {"formulas": ", ".join(map(str, self._formulas)), **learned}

    def restore(self, state: State) -> Self:
        formulas = state["formulas"]
        assert isinstance(formulas, str)
        self._formulas = parse_formulas(formulas)
        self._learned = {}
        for key, array in state.items():
            text, _, name = key.rpartition(" ")
            if isinstance(array, np.ndarray):
                self._learned.setdefault(text, {})[name] = array
        return self


class Synthesized(WithFeatures):
    """Adds the features that explain what a quick model on the columns leaves unexplained.

    Parameters
    ----------
    growth : features added for every column, at most
    least : standard deviations beyond luck that a feature has to explain
    """

    def __init__(self, *, growth: float, least: float) -> None:
        super().__init__(formulas="")
        self.growth = growth
        self.least = least
        self._sure = 0

    def fit_transform(self, data: Table, target: Target, seed: int) -> Table:
        most = min(_MOST_ADDED, max(1, round(self.growth * len(data.schema.columns))))
        kept = screened(data, target, seed, most, self.least)
        self._formulas = tuple(one.formula for one in kept)
        self._sure = sum(one.excess >= _SURE for one in kept)
        return super().fit_transform(data, target, seed)

    @property
    def sure(self) -> tuple[Formula, ...]:
        """The features that luck does not explain, the best first."""
        return self._formulas[: self._sure]

    def state(self) -> State:
        return {**super().state(), "sure": self._sure}

    def restore(self, state: State) -> Self:
        sure = state["sure"]
        assert isinstance(sure, int)
        self._sure = sure
        return super().restore(state)


def agreed(folds: Sequence[Iterable[object]]) -> tuple[str, ...]:
    """Formulas of which the screens of all folds were sure, in the order of the first.

    Every screen has seen its own training rows alone. That all of them agree tells a little
    of every row; but so sure are they of a feature of noise once in forty screens, and what
    a search makes of the formulas is judged and corrected for selection like any other tree.

    Parameters
    ----------
    folds : for every fold the estimators of its pipeline
    """
    sure = [
        [str(formula) for one in each if isinstance(one, Synthesized) for formula in one.sure]
        for each in folds
    ]
    first, *others = sure or [[]]
    return tuple(text for text in first if all(text in other for other in others))


def _with_features_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    return _adding(len(parse_formulas(str(params["formulas"]))), shape)


def _synthesized_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    rows, columns = min(shape.rows, MOST_ROWS), min(shape.columns, MOST_COLUMNS)
    outcomes = min(shape.outputs, MOST_CLASSES)
    judged = min(MOST_CANDIDATES, 3 * columns**2) * (7e-5 + 3.3e-8 * rows * (1 + outcomes / 10))
    boosted = 45 * outcomes * (2e-4 + 4e-9 * rows * columns)
    added = min(_MOST_ADDED, number(params, "growth") * columns)
    cost = _adding(round(added / 2), shape)  # what is found, as a rule
    return replace(cost, seconds=cost.seconds + judged + boosted)


def _adding(count: int, shape: Shape) -> Cost:
    """The cost of so many columns."""
    values = count * (shape.rows + shape.held_out)
    gives = replace(shape, columns=shape.columns + count)
    return Cost(5e-8 * values, megabytes=4e-6 * gives.all_cells, gives=gives)


OPERATORS = (
    Operator(
        name="synthesized",
        family="features",
        build="autopipe.operators.programs:Synthesized",
        takes=(Raw,),
        gives=Raw,
        space={
            "growth": Float(0.1, 2.0, default=1.0),
            "least": Float(1.0, 10.0, default=2.0),
        },
        cost=_synthesized_cost,
        source="Zhang et al., OpenFE: Automated Feature Generation with Expert-level "
        "Performance, ICML 2023: candidates are judged by what they add to boosting",
        uses_target=True,
    ),
    Operator(
        name="with_features",
        family="features",
        build="autopipe.operators.programs:WithFeatures",
        takes=(Raw,),
        gives=Raw,
        space={"formulas": Formulas()},
        cost=_with_features_cost,
        uses_target=True,
    ),
)
