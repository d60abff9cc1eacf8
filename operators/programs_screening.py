"""Which features tell what the columns by themselves do not: a screen of very many at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autopipe.operators.outcomes import outcomes_of
from autopipe.operators.programs_candidates import candidates
from autopipe.operators.programs_formulas import Formula, column, of
from autopipe.operators.programs_residuals import residuals
from autopipe.operators.programs_values import Keys, Truth, Values
from autopipe.roles import Role
from autopipe.table import Schema, Table
from autopipe.task import FloatArray, Target

MOST_ROWS = 10_000  # that candidates are judged by
MOST_CANDIDATES = 1_000
MOST_COLUMNS = 100  # that the quick model sees and candidates are made of
_BINS = 16
_FEW_VALUES = 50  # of a number that may serve as a key
_ALIKE = 0.98  # rank correlation of two features of which one will do
_ALIKE_ROWS = 1_000  # that this is told by, and where the bins part
_KEY_PARTS = ("hour", "weekday", "month")


@dataclass(frozen=True)
class Scored:
    """A feature, and how far beyond luck it explains residuals better than its columns do.

    Parameters
    ----------
    excess : in standard deviations of what a feature of noise would explain
    """

    formula: Formula
    excess: float


def screened(table: Table, target: Target, seed: int, most: int, least: float) -> list[Scored]:
    """The features worth adding, the best first; none that says what another one says.

    At most 1,000 candidates are judged, on 10,000 rows at most. Each is put into bins, and
    the sums of a quick model's residuals within them are compared with those of noise.

    Parameters
    ----------
    most : features
    least : excess that a feature must have
    """
    rng = np.random.default_rng(seed)
    if len(table) > MOST_ROWS:
        rows = np.sort(rng.choice(len(table), MOST_ROWS, replace=False))
        table, target = table.take(rows), target.take(rows)
    table = _promising(table, target, rng)
    left = residuals(table, target, seed)
    truth = Truth.of(target, seed)
    judge = _Judge(left.values, truth.weights, rng)
    values = Values(table, {}, truth)
    numbers, keys, times = _material(table.schema, values, left.gains)
    known = {str(one): judge.excess(judge.bins(values.of(one))) for one in numbers}
    known |= {str(one): judge.excess(values.keys(one)) for one in keys}
    found: list[tuple[Scored, FloatArray]] = []
    for formula in candidates(numbers, keys, times, len(truth.outcomes), MOST_CANDIDATES):
        made = values.of(formula)
        if formula.name == "target_mean" and not judge.agrees(made, formula):
            continue
        before = max((known.get(str(part), 0.0) for part in formula.walk()), default=0.0)
        excess = judge.excess(judge.bins(made)) - max(0.0, before)
        if excess > least:
            found.append((Scored(formula, excess), judge.direction(made)))
    found.sort(key=lambda pair: -pair[0].excess)
    return _different(found, [judge.direction(values.of(one)) for one in numbers], most)


def _different(
    found: list[tuple[Scored, FloatArray]], seen: list[FloatArray], most: int
) -> list[Scored]:
    """The first ones, but for those that are like a number or like one before."""
    kept: list[Scored] = []
    for one, direction in found:
        if len(kept) == most:
            break
        if all(abs(direction @ other) <= _ALIKE for other in seen):
            kept.append(one)
            seen.append(direction)
    return kept


class _Judge:
    """What features explain of residuals.

    Parameters
    ----------
    residuals : array of shape (outcomes, rows), of variance 1
    weights : array of shape (rows,)
    """

    def __init__(
        self, residuals: FloatArray, weights: FloatArray, rng: np.random.Generator
    ) -> None:
        self._residuals = residuals * np.sqrt(weights / weights.mean())
        self._some = np.sort(rng.permutation(residuals.shape[1])[:_ALIKE_ROWS])

    def bins(self, made: NDArray[np.float32]) -> Keys:
        """A feature's values in bins of about equal size, and one for what is missing."""
        some = np.sort(made[self._some])
        known = some[: np.count_nonzero(~np.isnan(some))]
        places = np.linspace(0, len(known) - 1, _BINS + 1).astype(np.int64)[1:-1]
        edges = np.unique(known[places]) if len(known) else known
        ids = np.searchsorted(edges, made)
        ids[np.isnan(made)] = len(edges) + 1
        return Keys(ids, len(edges) + 2)

    def excess(self, keys: Keys) -> float:
        """How far what the groups explain lies beyond luck, in standard deviations.

        Of noise, the sums of squares between the groups are distributed as chi squared.
        """
        rows = np.bincount(keys.ids, minlength=keys.count)
        used = np.flatnonzero(rows)
        freedom = len(self._residuals) * (len(used) - 1)
        if freedom < 1:
            return 0.0
        explained = 0.0
        for residual in self._residuals:
            sums = np.bincount(keys.ids, residual, minlength=keys.count)[used]
            explained += (sums**2 / rows[used]).sum() - residual.sum() ** 2 / len(residual)
        return float((explained - freedom) / np.sqrt(2 * freedom))

    def agrees(self, made: NDArray[np.float32], formula: Formula) -> bool:
        """Whether a target mean is high where the residuals are.

        It is low there where the quick model has learned the same means by heart.
        """
        return float((made - made.mean()) @ self._residuals[int(formula.word or 0)]) > 0

    def direction(self, made: NDArray[np.float32]) -> FloatArray:
        """The ranks of some rows, as a vector of length 1."""
        ranks = np.argsort(np.argsort(made[self._some], kind="stable")).astype(np.float64)
        ranks -= ranks.mean()
        return np.asarray(ranks / (np.sqrt(ranks @ ranks) or 1.0))


def _promising(table: Table, target: Target, rng: np.random.Generator) -> Table:
    """The table, with the columns that by themselves tell most where there are too many."""
    columns = table.schema.columns
    if len(columns) <= MOST_COLUMNS:
        return table
    outcomes, weights = outcomes_of(target), target.row_weights
    centred = outcomes - np.average(outcomes, axis=1, weights=weights)[:, None]
    spread = np.sqrt(np.average(centred**2, axis=1, weights=weights))[:, None]
    judge = _Judge(centred / np.where(spread > 0, spread, 1.0), weights, rng)
    told = [
        0.0
        if one.role is Role.TEXT
        else judge.excess(judge.bins(table.values(one).astype(np.float32)))
        for one in columns
    ]
    best = np.sort(np.argsort(told, kind="stable")[-MOST_COLUMNS:])
    return replace(table, schema=Schema(tuple(columns[place] for place in best)))


def _material(
    schema: Schema, values: Values, gains: dict[str, float]
) -> tuple[list[Formula], list[Formula], list[Formula]]:
    """Numbers, keys and times that features can be made of, most useful columns first."""
    numbers, keys, times = [], [], []
    for each in sorted(schema.columns, key=lambda one: -gains[one.name]):
        formula = column(each.name)
        if not each.name.isidentifier():  # made by an operator below: a formula cannot name it
            continue
        if each.role is Role.CATEGORICAL:
            keys.append(formula)
        elif each.role is Role.DATETIME:
            times.append(formula)
            keys += [of("part", formula, word=part) for part in _KEY_PARTS]
        elif each.role in (Role.NUMERIC, Role.BOOLEAN):
            count = len(np.unique(values.number(formula)))
            if count <= _FEW_VALUES:
                keys.append(formula)
            if count > 2:
                numbers.append(formula)
    return numbers, keys, times
