"""What can be made of child tables, found out from those of `fit`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError, OptionError
from autopipe.intake import cells
from autopipe.intake.cells import Column
from autopipe.intake.columns import distinct_texts
from autopipe.intake.recognition import learn_column
from autopipe.relations import synthesis
from autopipe.relations.checks import check_tables
from autopipe.relations.children import Child
from autopipe.relations.histories import View
from autopipe.relations.joining import Joining
from autopipe.relations.schema import Link, Relations
from autopipe.relations.times import time_coding, times_of
from autopipe.roles import Role
from autopipe.suggestion import did_you_mean

_SKETCHED_ROWS = 50  # of the frame, that tell featuretools what the tables are like
_LEAST_SHARE = 0.01  # of the rows, that a value has to be in to be looked at on its own


@dataclass(frozen=True, eq=False)
class Proposal:
    """All features that can be made, the most promising first.

    Parameters
    ----------
    joining : without features yet
    features : featuretools' definitions
    formulas : of each, as people read it
    view : of the rows of the frame
    tables : below it
    seconds : that it took to find out who sees what
    begun : when the tables were first looked at, on the monotonic clock
    """

    joining: Joining
    features: Sequence[Any]
    formulas: Sequence[str]
    view: View
    tables: Mapping[str, pd.DataFrame]
    seconds: float
    begun: float

    def kept(self, places: Sequence[int]) -> Joining:
        """How to make some of the features."""
        features = [self.features[place] for place in places]
        formulas = tuple(self.formulas[place] for place in places)
        definitions = synthesis.written(features) if features else ""
        return replace(self.joining, definitions=definitions, formulas=formulas)


def propose(
    frame: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    relations: Relations,
    cutoff: object = None,
) -> Proposal:
    """What can be made of tables for the rows of a frame.

    Of child rows that no row of the frame may see, nothing is learned either.

    Parameters
    ----------
    cutoff : the column of the frame up to which child rows count; or columns by table, where
        it is to be said which one of a child table is compared with it

    Raises
    ------
    InputError, OptionError
        If tables, relationships and cutoff do not fit together.
    """
    synthesis.library()
    begun = time.monotonic()
    name, links = relations.tree(tables)
    check_tables(frame, tables, name, links)
    times = times_of(frame, tables, name, links, cutoff)
    cut = times.get(name)
    drafts = [
        Child(link, dict([times[link.child]]), times[link.child][0])
        if link.child in times
        else Child(link, {})
        for link in links
    ]
    draft = Joining(name, tuple(drafts), cut)
    begin = time.monotonic()
    view = draft.view(frame, tables)
    seen = _seen(view, tables)
    seconds = time.monotonic() - begin
    children = tuple(
        _learned(child, tables[child.name].loc[seen[child.name]], _keys(links, child.name))
        for child in drafts
    )
    joining = replace(draft, children=children)
    features = synthesis.definitions(
        name,
        joining.entities(view, np.arange(min(_SKETCHED_ROWS, len(view))), tables),
        relations.depth,
        relations.primitives,
        _where(relations, children, tables, seen),
    )
    timed = {child.name for child in children if child.time is not None}
    features = [one for one in features if synthesis.tables_in_order(one) <= timed]
    if not features:
        raise InputError(
            f"Nothing can be made of {', '.join(map(repr, tables))} with the primitives "
            f'{", ".join(relations.primitives)}. Add "count", or columns beside the keys.'
        )
    by_name = {child.name: child for child in children}

    def shown(table: str, column: str) -> str:
        return by_name[table].shown(column, None if cut is None else cut[1].role)

    taken = {str(column) for column in frame.columns}
    formulas = [_untaken(synthesis.formula(one, shown), taken) for one in features]
    return Proposal(joining, features, formulas, view, tables, seconds, begun)


def _untaken(formula: str, taken: Collection[str]) -> str:
    """A name that no column of the frame has."""
    while formula in taken:
        formula += "'"
    return formula


def _keys(links: Sequence[Link], table: str) -> set[str]:
    """The columns of a table that only link it to others."""
    own = {link.key for link in links if link.parent == table}
    return own | {link.foreign for link in links if link.child == table}


def _learned(child: Child, table: pd.DataFrame, keys: set[str]) -> Child:
    """A child with the columns of its table that say something."""
    columns = dict(child.columns)
    for name, column in table.items():
        if name in keys or name in columns:
            continue
        coding = time_coding(column)
        if coding is None or coding.role is not Role.DATETIME:
            coding = learn_column(column)
        if coding.role is Role.TEXT and coding.levels:
            coding = replace(coding, role=Role.CATEGORICAL)
        if coding.role not in (Role.ID, Role.CONSTANT, Role.TEXT):
            columns[str(name)] = coding
    _, known = cells.distinct(table[child.link.foreign])
    has_text_keys = cells.kind_of_objects(known) == "text"
    return replace(child, columns=columns, has_text_keys=has_text_keys)


def _seen(view: View, tables: Mapping[str, pd.DataFrame]) -> dict[str, np.ndarray]:
    """Which rows of the tables are seen by any row of the frame."""
    seen = {name: np.zeros(len(table), dtype=bool) for name, table in tables.items()}
    for rows in view.chunks():
        for name, copies in view.copies(rows).items():
            seen[name][copies.rows] = True
    return seen


def _where(
    relations: Relations,
    children: Sequence[Child],
    tables: Mapping[str, pd.DataFrame],
    seen: Mapping[str, np.ndarray],
) -> dict[str, dict[str, list[str]]]:
    """The values of categories whose rows are looked at on their own, by table and column."""
    given = relations.where
    categories = {
        f"{child.name}.{name}": (child.name, f"c{place}", name)
        for child in children
        for place, (name, coding) in enumerate(child.columns.items())
        if coding.role is Role.CATEGORICAL
    }
    found: dict[str, dict[str, list[str]]] = {child.name: {} for child in children}
    if isinstance(given, int):
        for table, inner, name in categories.values():
            found[table][inner] = _frequent(tables[table].loc[seen[table], name], given)
        return found
    for key, values in given.items():
        if key not in categories:
            raise OptionError(
                f"Relations(where={{{key!r}: ...}}): there is no such column of categories."
                f"{did_you_mean(key, categories)} Known: {', '.join(categories) or 'none'}."
            )
        table, inner, _ = categories[key]
        found[table][inner] = [cells.text(value) for value in values]
    return found


def _frequent(column: Column[Any], most: int) -> list[str]:
    """The most frequent texts of a column, of which each is in a share of the rows."""
    places, texts = distinct_texts(column)
    counts = np.bincount(places[places >= 0], minlength=len(texts))
    order = sorted(range(len(texts)), key=lambda place: (-counts[place], texts[place]))
    return [texts[one] for one in order[:most] if counts[one] >= _LEAST_SHARE * len(column)]
