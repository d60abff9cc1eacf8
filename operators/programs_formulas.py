"""Formulas of features: what there is, how it is written, and which columns it can be of.

>>> formula, = parse_formulas("ratio(c1, group_mean(c1, cross(c3, c4)))")
>>> str(formula), formula.columns
('ratio(c1, group_mean(c1, cross(c3, c4)))', ('c1', 'c3', 'c4'))
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autopipe.errors import TreeError
from autopipe.operators.outcomes import MOST_CLASSES
from autopipe.roles import Role
from autopipe.table import Column, Schema

NUMBER, KEY, TIME, TEXT = "number", "key", "time", "text"
PARTS = ("year", "month", "day", "weekday", "yearday", "hour", "days")
CYCLES = {"month": 12.0, "day": 31.0, "weekday": 7.0, "yearday": 366.0, "hour": 24.0}
_DEEPEST = 6  # of a formula; the screen builds three
_MOST_LETTERS = 5_000  # of all formulas of a tree
_MOST_WORDS = 1_000  # that parse as a target mean's second argument; `fault` refuses most


@dataclass(frozen=True)
class Function:
    """What a formula can say.

    Parameters
    ----------
    takes : what every argument is: a number, a key to groups of rows, a time, a text
    gives : a number or a key
    words : what may follow the arguments; none, or one of these
    """

    takes: tuple[str, ...]
    gives: str = NUMBER
    words: tuple[str | int, ...] = ()


FUNCTIONS: Mapping[str, Function] = {
    "ratio": Function((NUMBER, NUMBER)),
    "product": Function((NUMBER, NUMBER)),
    "difference": Function((NUMBER, NUMBER)),
    "sum": Function((NUMBER, NUMBER)),
    "log": Function((NUMBER,)),
    "cross": Function((KEY, KEY), KEY),
    "count": Function((KEY,)),
    "group_mean": Function((NUMBER, KEY)),
    "group_rank": Function((NUMBER, KEY)),
    "target_mean": Function((KEY,), words=tuple(range(_MOST_WORDS))),
    "part": Function((TIME,), words=PARTS),
    "cycle_sine": Function((TIME,), words=tuple(CYCLES)),
    "cycle_cosine": Function((TIME,), words=tuple(CYCLES)),
    "elapsed": Function((TIME, TIME)),
    "length": Function((TEXT,)),
    "missing_count": Function(()),
}
"""Every function by name; any number is also a key, whose groups are its values."""

_GIVEN_BY_ROLE = {
    Role.NUMERIC: NUMBER,
    Role.BOOLEAN: NUMBER,
    Role.CATEGORICAL: KEY,
    Role.DATETIME: TIME,
    Role.TEXT: TEXT,
}


@dataclass(frozen=True)
class Formula:
    """A column, or a function of formulas.

    Parameters
    ----------
    name : of the column or the function
    inputs : of the function
    word : what follows them, such as the part of a date; None where nothing does
    is_column : whether it is a column's name
    """

    name: str
    inputs: tuple[Formula, ...] = ()
    word: str | int | None = None
    is_column: bool = False

    def __str__(self) -> str:
        return self.shown({})

    def shown(self, names: Mapping[str, str]) -> str:
        """The formula with other names for the columns."""
        if self.is_column:
            return names.get(self.name, self.name)
        words = [formula.shown(names) for formula in self.inputs]
        words += [] if self.word is None else [repr(self.word)]
        return f"{self.name}({', '.join(words)})"

    def walk(self) -> Iterator[Formula]:
        """The formula and all that it is made of."""
        yield self
        for formula in self.inputs:
            yield from formula.walk()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it is made of, each once."""
        return tuple(dict.fromkeys(part.name for part in self.walk() if part.is_column))

    def renamed(self, old: str, new: str) -> Formula:
        """The formula with another column in the place of one."""
        if self.is_column:
            return column(new) if self.name == old else self
        inputs = tuple(formula.renamed(old, new) for formula in self.inputs)
        return Formula(self.name, inputs, self.word)


def given_by(each: Column) -> str:
    """What a column is to formulas."""
    return _GIVEN_BY_ROLE[each.role]


def column(name: str) -> Formula:
    """The formula that is a column as it stands."""
    return Formula(name, is_column=True)


def of(name: str, *inputs: Formula, word: str | int | None = None) -> Formula:
    """A function of formulas; of two that may be exchanged, in one order only."""
    if name in {"product", "sum", "cross"}:
        inputs = tuple(sorted(inputs, key=lambda formula: (len(str(formula)), str(formula))))
    return Formula(name, inputs, word)


def parse_formulas(text: str) -> tuple[Formula, ...]:
    """The formulas that print as `text`, with commas between; nothing in it is ever run.

    Raises
    ------
    TreeError
        If the text is no list of formulas.
    """
    if len(text) > _MOST_LETTERS:
        raise TreeError(f"{text[:50]!r}...: formulas take at most {_MOST_LETTERS} letters.")
    try:
        expression = ast.parse(f"({text},)" if text else "()", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TreeError(f"{text[:200]!r} holds no formulas: {error}.") from error
    if not isinstance(expression, ast.Tuple):
        raise TreeError(f"{text[:200]!r} holds no formulas, such as ratio(c1, c2).")
    return tuple(_formula_of(each, text, 1) for each in expression.elts)


def _formula_of(expression: ast.expr, text: str, depth: int) -> Formula:
    match expression:
        case ast.Name(id=name):
            return column(name)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if name not in FUNCTIONS:
                raise TreeError(
                    f"{text[:200]!r}: no function is called {name!r}. "
                    f"Known: {', '.join(FUNCTIONS)}."
                )
            word: str | int | None = None
            if arguments and isinstance(last := arguments[-1], ast.Constant):
                if last.value not in FUNCTIONS[name].words or isinstance(last.value, bool):
                    raise TreeError(f"{text[:200]!r}: {name} does not know {last.value!r}.")
                arguments, word = arguments[:-1], last.value  # type: ignore[assignment]  # one of the words
            wanted = len(FUNCTIONS[name].takes)
            if len(arguments) != wanted or depth > _DEEPEST:
                raise TreeError(
                    f"{text[:200]!r}: {name} takes {wanted} arguments, at most {_DEEPEST} deep."
                )
            inputs = tuple(_formula_of(each, text, depth + 1) for each in arguments)
            return Formula(name, inputs, word)
    raise TreeError(
        f"{text[:200]!r}: met {ast.unparse(expression)[:50]!r} where a formula was wanted, "
        "such as ratio(c1, c2)."
    )


def fault(formula: Formula, schema: Schema) -> str:
    """Why a table cannot have this feature; empty if it can."""
    given = {each.name: given_by(each) for each in schema.columns}
    if formula.is_column or FUNCTIONS[formula.name].gives != NUMBER:
        return f"{formula} is no feature by itself; count({formula}) would be one"
    return _fault(formula, given)


def _fault(formula: Formula, given: Mapping[str, str]) -> str:
    function = FUNCTIONS[formula.name]
    if (formula.word is None) and formula.name in {"part", "cycle_sine", "cycle_cosine"}:
        return f"{formula}: name one of {', '.join(map(str, function.words))}"
    if formula.name == "target_mean" and int(formula.word or 0) >= MOST_CLASSES:
        return f"{formula}: means are taken of {MOST_CLASSES} classes at most, from 0 on"
    for below, wanted in zip(formula.inputs, function.takes, strict=True):
        if below.is_column and below.name not in given:
            return f"{formula}: the table has no column {below.name}"
        gives = given[below.name] if below.is_column else FUNCTIONS[below.name].gives
        if gives != wanted and not (wanted == KEY and gives == NUMBER):
            return f"{formula}: {below} is a {gives}, and {formula.name} takes a {wanted}"
        if wanted == KEY and any(part.name == "target_mean" for part in below.walk()):
            return f"{formula}: {below} is no key, for training rows have values of their own"
        if reason := "" if below.is_column else _fault(below, given):
            return reason
    return ""
