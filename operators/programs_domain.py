"""Lists of formulas as a hyperparameter: what evolution draws, and how it edits one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autopipe.errors import TreeError
from autopipe.operators.declaration import Operator
from autopipe.operators.programs_candidates import candidates
from autopipe.operators.programs_formulas import (
    Formula,
    column,
    fault,
    given_by,
    parse_formulas,
)
from autopipe.space import Value
from autopipe.table import Schema

MOST_FORMULAS = 30  # formulas of one tree: more belong to a screen
_DRAWN = 4
_COLUMNS_DRAWN = 4  # of every kind, that a random formula is made of
_POOL_SHARE = 0.8  # of what is added, that comes from the pool where there is one


@dataclass(frozen=True)
class Formulas:
    """One or more formulas, as text; the domain of `with_features`.

    Parameters
    ----------
    schema : of the table; where it is not known, all that can be drawn is the default
    pool : text of formulas that have proven themselves, best first; it may grow
    """

    schema: Schema | None = None
    pool: list[str] = field(default_factory=list, compare=False)

    @property
    def default(self) -> str:
        """What any table has."""
        return "missing_count()"

    def __contains__(self, value: object) -> bool:
        try:
            formulas = parse_formulas(value) if isinstance(value, str) else ()
        except TreeError:
            return False
        is_known = self.schema is None or not any(fault(one, self.schema) for one in formulas)
        return 0 < len(formulas) <= MOST_FORMULAS and is_known

    def draw(self, rng: np.random.Generator) -> str:
        """A few formulas."""
        formulas: list[Formula] = []
        for _ in range(int(rng.integers(1, _DRAWN + 1))):
            formulas.append(self._another(rng, formulas))
        return _text(formulas)

    def step(self, value: Value, rng: np.random.Generator) -> str:
        """The formulas with one more, with the last one dropped, or with a column swapped."""
        formulas = list(parse_formulas(str(value)))
        edit = int(rng.integers(3))
        if edit == 0 and len(formulas) > 1:
            return _text(formulas[:-1])
        if edit == 1:
            place = int(rng.integers(len(formulas)))
            formulas[place] = self._swapped(formulas[place], rng)
            return _text(formulas)
        return _text([*formulas, self._another(rng, formulas)][-MOST_FORMULAS:])

    def nearest(self, value: Value) -> Value:
        """The value where it is a list of formulas over this table, or else the default."""
        return value if value in self else self.default

    def _another(self, rng: np.random.Generator, known: Sequence[Formula] = ()) -> Formula:
        """The best of the pool that is not among the known ones, or a random formula."""
        if rng.random() < _POOL_SHARE:
            for text in self.pool:
                (formula,) = parse_formulas(text)
                if formula not in known:
                    return formula
        return self._random(rng)

    def _random(self, rng: np.random.Generator) -> Formula:
        numbers, keys, times = (
            [column(str(name)) for name in rng.permutation(names)[:_COLUMNS_DRAWN]]
            for names in self._material()
        )
        options = candidates(numbers, keys, times, 1, 100)
        return options[int(rng.integers(len(options)))]

    def _material(self) -> tuple[list[str], list[str], list[str]]:
        """Names of the numbers, of what may serve as a key, and of the times."""
        names: dict[str, list[str]] = {"number": [], "key": [], "time": [], "text": []}
        for each in () if self.schema is None else self.schema.columns:
            names[given_by(each)].append(each.name)
        return names["number"], names["key"], names["time"]

    def _swapped(self, formula: Formula, rng: np.random.Generator) -> Formula:
        """The formula with one column exchanged for another of its kind."""
        if not formula.columns or self.schema is None:
            return formula
        given = {each.name: given_by(each) for each in self.schema.columns}
        old = formula.columns[int(rng.integers(len(formula.columns)))]
        others = [name for name in given if given[name] == given[old] and name != old]
        return formula.renamed(old, str(rng.choice(others))) if others else formula


def _text(formulas: Sequence[Formula]) -> str:
    return ", ".join(dict.fromkeys(map(str, formulas)))


def bound(operator: Operator, schema: Schema) -> Operator:
    """The operator with its formulas, if it has any, over the columns of a table."""
    space = {
        name: Formulas(schema) if isinstance(domain, Formulas) else domain
        for name, domain in operator.space.items()
    }
    return replace(operator, space=space) if space != operator.space else operator
