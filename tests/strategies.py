"""Hypothesis strategies and toy operators that several test modules share."""

from __future__ import annotations

import keyword

from hypothesis import settings
from hypothesis import strategies as st

from autopipe.evolution.grammar import Grammar
from autopipe.operators.declaration import Coded, Complete, Dense, Operator, Predictions, Raw
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.space import Choice, Float, Int
from autopipe.table import Schema, place_columns
from autopipe.task import TaskKind
from autopipe.tree import TABLE, Node

LAW = settings(max_examples=200)


def _operator(name, takes, gives, space=None, **more):
    return Operator(name, "toy", "nowhere:None", takes, gives, space or {}, **more)


_CLASSES = frozenset({TaskKind.BINARY, TaskKind.MULTICLASS})
_C = Float(1e-3, 1e3, default=1.0, log=True)
_BOOSTING = {"learning_rate": Float(0.01, 0.3, default=0.05, log=True), "depth": Int(2, 9, 6)}

TOY_OPERATORS = (
    _operator("codes", (Raw,), Coded),
    _operator("one_hot", (Raw,), Coded, {"most": Int(2, 50, 20)}, needs_categories=True),
    _operator("target_encoding", (Raw,), Coded, needs_categories=True, uses_target=True),
    _operator("impute", (Coded,), Complete, {"statistic": Choice(("median", "mean"))}),
    _operator("standard_scaling", (Complete,), Dense),
    _operator("quantile_scaling", (Complete,), Dense, {"normal": Choice((True, False))}),
    _operator("projection", (Dense,), Dense, {"share": Float(0.5, 0.99, default=0.9)}),
    _operator("logistic", (Dense,), Predictions, {"C": _C}, kinds=_CLASSES),
    _operator("ridge", (Dense,), Predictions, kinds=frozenset({TaskKind.REGRESSION})),
    _operator("extra_trees", (Complete,), Predictions, {"leaf": Int(1, 20, 1, log=True)}),
    _operator("lightgbm", (Coded,), Predictions, {**_BOOSTING, "extra": Choice((False, True))}),
    _operator("xgboost", (Coded,), Predictions, _BOOSTING),
    _operator("absent", (Coded,), Predictions, requires="no_such_library", extra="none"),
    _operator("stack", (Coded, Predictions), Predictions, {"rounds": Int(1, 9, 3)}),
    _operator("temperature", (Predictions,), Predictions, kinds=_CLASSES),
)  # fmt: skip


@st.composite
def schemas(draw):
    """Tables of every kind: any mixture of roles, with and without missing values."""
    coded = [role for role in Role if role not in (Role.CONSTANT, Role.ID)]
    roles = draw(st.lists(st.sampled_from(coded), max_size=5))
    named = {f"c{index}": role for index, role in enumerate(roles)}
    return place_columns(
        roles=named,
        levels={name: 3 for name, role in named.items() if role is Role.CATEGORICAL},
        missing={name: draw(st.booleans()) for name in named},
        precise=frozenset(),
    )


def schema_of(*roles: Role) -> Schema:
    """A table with one column of every role given."""
    named = {f"c{index}": role for index, role in enumerate(roles)}
    levels = {name: 3 for name, role in named.items() if role is Role.CATEGORICAL}
    return place_columns(named, levels, dict.fromkeys(named, True), frozenset())


def toy_grammar(kind: TaskKind = TaskKind.BINARY, operators=TOY_OPERATORS) -> Grammar:
    """The toy operators over a table of numbers and categories."""
    return Grammar(operators, schema_of(Role.NUMERIC, Role.CATEGORICAL), kind)


class NoIdeas:
    """A search that proposes nothing, so that the prior is all there is."""

    ended = "there were no ideas"

    def ask(self) -> None:
        return None

    def tell(self, trial) -> None:
        return None


def seeds():
    """Roots of random streams."""
    return st.integers(0, 2**31 - 1)


def generators():
    """Fresh random generators."""
    return seeds().map(lambda seed: Seeds(seed).stream("test"))


@st.composite
def grammars(draw):
    """Grammars of the toy operators over any table, for any task."""
    return Grammar(TOY_OPERATORS, draw(schemas()), draw(st.sampled_from(list(TaskKind))))


@st.composite
def domains(draw):
    """Domains with several values, whose bounds the rounding to three digits leaves alone."""
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -50, 50))
    high = low + draw(st.integers(1, 900))
    place = draw(st.integers(low, high))
    return draw(
        st.sampled_from(
            [
                Int(low, high, place, log=log),
                Float(low, high, place, log=log),
                Choice((None, "a", True, 1, 0.5)),
            ]
        )
    )


_NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
_VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
_PARAMS = st.dictionaries(_NAMES, _VALUES, max_size=3).map(lambda params: tuple(params.items()))


def trees():
    """Trees of any names and values, most of which no grammar would take."""
    return st.recursive(
        st.just(TABLE) | st.builds(Node, _NAMES, _PARAMS),
        lambda below: st.builds(Node, _NAMES, _PARAMS, st.lists(below, max_size=3).map(tuple)),
        max_leaves=6,
    )
