"""What has to hold of tables and their keys before anything is made of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError, OptionError
from autopipe.intake import cells
from autopipe.relations.schema import Link
from autopipe.suggestion import did_you_mean

_SHOWN = 3  # keys in a message


def check_given(tables: object, relationships: object, cutoff: object) -> bool:
    """Whether there are several tables at all.

    Raises
    ------
    OptionError
        If one of the arguments is given without those that it needs.
    """
    given = {"tables": tables, "relationships": relationships}
    lacking = [name for name, value in given.items() if value is None]
    if len(lacking) == len(given) and cutoff is None:
        return False
    if lacking:
        there = "cutoff" if len(lacking) == len(given) else next(iter(set(given) - {*lacking}))
        raise OptionError(
            f"{there} is given without {' and '.join(lacking)}: give all of them, as in "
            'fit(customers, "target", tables={"orders": orders}, relationships=[("customers", '
            '"id", "orders", "customer_id")]).'
        )
    return True


def check_tables(
    frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame], name: str, links: Sequence[Link]
) -> None:
    """Refuse tables that cannot be linked, and tell of rows that are not.

    Parameters
    ----------
    name : of the frame

    Raises
    ------
    InputError
        If a column is missing, a table is empty, a key stands twice, or no key is found.
    """
    for link in links:
        is_frame = link.parent == name
        parent, child = frame if is_frame else tables[link.parent], tables[link.child]
        what = f"The frame, {name!r}," if is_frame else f"The table {link.parent!r}"
        check_columns(parent, [link.key], what)
        check_columns(child, [link.foreign], f"The table {link.child!r}")
        if child.empty:
            raise InputError(
                f"The table {link.child!r} has no rows, so there is nothing to learn from it. "
                "Was it filtered too far?"
            )
        check_kinds(parent, child, link)
        if not is_frame:
            _check_unique(parent, link)
        _check_found(parent, child, link)


def check_columns(table: pd.DataFrame, wanted: Sequence[str], what: str) -> None:
    """Refuse a table that lacks columns, or has two of one name.

    Raises
    ------
    InputError
        That names them.
    """
    lacking = [name for name in dict.fromkeys(wanted) if name not in table.columns]
    if twice := [name for name in wanted if (table.columns == name).sum() > 1]:
        raise InputError(f"{what} has several columns called {twice[0]!r}; rename them.")
    if lacking:
        known = [str(name) for name in table.columns]
        raise InputError(
            f"{what} lacks the column{'s' * (len(lacking) > 1)} "
            f"{', '.join(map(repr, lacking))}.{did_you_mean(lacking[0], known)} It has "
            f"{', '.join(known[:10])}{', ...' if len(known) > 10 else ''}."
        )


def check_kinds(parent: pd.DataFrame, child: pd.DataFrame, link: Link) -> None:
    """Refuse keys of which some are numbers and some are texts, which are never equal.

    Raises
    ------
    InputError
        If they are.
    """
    ours, theirs = cells.kind(parent[link.key]), cells.kind(child[link.foreign])
    if {ours, theirs} == {"number", "text"}:
        raise InputError(
            f"{link.parent}.{link.key} holds {ours}s and {link.child}.{link.foreign} "
            f"{theirs}s, which are never equal. Make them alike, as with .astype(str)."
        )


def _check_unique(parent: pd.DataFrame, link: Link) -> None:
    keys = parent[link.key].dropna()
    twice = keys[keys.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"{link.parent}.{link.key} names {len(twice)} rows more than once, such as "
            f"{listed(twice)}; {link.child!r} needs one row for each. Drop the copies, or "
            "name another key."
        )


def _check_found(parent: pd.DataFrame, child: pd.DataFrame, link: Link) -> None:
    """Refuse keys of which none is found, and count those that are not, or are missing."""
    own_places, own = cells.distinct(parent[link.key])
    places, known = cells.distinct(child[link.foreign])
    is_orphan = pd.Index(own, dtype=object).get_indexer(pd.Index(known, dtype=object)) < 0
    if is_orphan.all():
        raise InputError(
            f"No value of {link.child}.{link.foreign}, such as {listed(known)}, is among "
            f"those of {link.parent}.{link.key}, such as {listed(own)}."
        )
    orphans = int(np.append(is_orphan, False)[places].sum())
    for count, of, what in (
        (orphans, link.child, f"belong to no row of {link.parent}: they are left out"),
        ((places < 0).sum(), link.child, f"have no {link.foreign}: they are left out"),
        ((own_places < 0).sum(), link.parent, f"have no {link.key}: nothing belongs to them"),
    ):
        if count:
            warnings.warn(f"{count} rows of {of} {what}.", stacklevel=6)


def listed(values: Any) -> str:
    """A few values for a message."""
    shown = ", ".join(
        repr(value) for value in np.asarray(values, dtype=object)[:_SHOWN].tolist()
    )
    return f"{shown}, ..." if len(values) > _SHOWN else shown
