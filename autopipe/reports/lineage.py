"""Which columns a model made for itself, of what, and what they are worth to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pandas as pd

from autopipe.ensembles.predictor import Member
from autopipe.intake.coding import Coding
from autopipe.model import Model
from autopipe.operators.boosting import Booster
from autopipe.operators.fitted import FittedTree
from autopipe.operators.programs import WithFeatures
from autopipe.operators.programs_formulas import Formula
from autopipe.table import Table, Texts


def features(model: Model) -> pd.DataFrame:
    """The synthesized columns of all members, the most important first.

    Those made of other tables are among them, where boosted trees split by them or other
    learners read them.

    Returns
    -------
    DataFrame
        `formula` in the names of the user's columns; `members`, the numbers of the trials
        that use it; `models`, the share of the members' fitted models that do, by weight; and
        `importance`, its share of what the splits of boosted trees gain, by weight too. That
        is NaN where no member that uses it is of boosted trees.
    """
    empty, names = _empty(model.coding), _user_names(model.coding)
    joined = _joined(model)
    weights = _weights(model.predictor.members)
    members: dict[str, set[int]] = defaultdict(set)
    shares: dict[str, float] = defaultdict(float)
    gains: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for member, weight in weights.values():
        each = weight / len(member.models)
        for fitted in member.models:
            gained = _gains(fitted, empty)
            made = {str(one): one.shown(names) for one in _formulas(fitted)}
            made |= {
                inner: formula
                for inner, formula in joined.items()
                if not gained or gained.get(inner)
            }
            for inner, formula in made.items():
                members[formula].add(member.number)
                shares[formula] += each
                if gained:
                    gains[formula].append((each * gained.get(inner, 0.0), each))
    rows = [
        (
            formula,
            tuple(sorted(members[formula])),
            shares[formula],
            np.divide(*np.sum(gains[formula], axis=0)) if gains[formula] else np.nan,
        )
        for formula in members
    ]
    frame = pd.DataFrame(rows, columns=["formula", "members", "models", "importance"])
    order = ["importance", "models", "formula"]
    return frame.sort_values(order, ascending=[False, False, True], ignore_index=True)


def _weights(members: Iterable[Member]) -> dict[int, tuple[Member, float]]:
    """The members and those that stacked ones read, by number, with their part in the model."""
    found: dict[int, tuple[Member, float]] = {}
    for member in members:
        for each in member.inputs or (member,):
            part = member.weight / max(1, len(member.inputs))
            _, before = found.get(each.number, (each, 0.0))
            found[each.number] = each, before + part
    return found


def _joined(model: Model) -> dict[str, str]:
    """The formulas of the columns that are made of other tables, by their names inside."""
    formulas = () if model.joining is None else model.joining.formulas
    first = len(model.coding.columns) - len(formulas)
    coded = {column.name for column in model.coding.schema.columns}
    names = {f"c{place}": formula for place, formula in enumerate(formulas, first)}
    return {inner: formula for inner, formula in names.items() if inner in coded}


def _formulas(fitted: FittedTree) -> Iterable[Formula]:
    """What its operators made, each once: one may stand on another."""
    makers = (one for one in fitted.estimators.values() if isinstance(one, WithFeatures))
    return dict.fromkeys(formula for one in makers for formula in one.formulas)


def _gains(fitted: FittedTree, empty: Table) -> dict[str, float]:
    """What the splits on every column gain, their sum being 1; empty but for boosted trees."""
    boosters = ((p, e) for p, e in fitted.estimators.items() if isinstance(e, Booster))
    path, booster = next(boosters, ((), None))
    if booster is None:
        return {}
    names = fitted.output((*path, 0), empty).names
    gains = booster.gains(len(names))
    shares: dict[str, float] = defaultdict(float)
    for name, share in zip(names, gains / (gains.sum() or 1.0), strict=True):
        shares[name.rstrip("'")] += float(share)  # a column made twice has a stroke
    return shares


def _empty(coding: Coding) -> Table:
    """A table without rows."""
    blocks = [column.block for column in coding.schema.columns]
    numbers, precise, codes = (
        np.empty((0, blocks.count(block)), kind)
        for block, kind in (("numbers", "f4"), ("precise", "f8"), ("codes", "i4"))
    )
    texts = tuple(Texts.of([]) for _ in range(blocks.count("texts")))
    return Table(coding.schema, numbers, precise, codes, texts)


def _user_names(coding: Coding) -> dict[str, str]:
    """The user's name of every column; texts beside the categories they spell are c5t."""
    names = {f"c{place}": str(name) for place, name in enumerate(coding.columns)}
    return {**names, **{f"{inner}t": name for inner, name in names.items()}}
