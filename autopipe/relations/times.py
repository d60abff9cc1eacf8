"""Which columns tell the time, of a frame and of the tables below it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError, OptionError
from autopipe.intake import cells
from autopipe.intake.cells import Column
from autopipe.intake.columns import ColumnCoding
from autopipe.intake.wording import reading_of
from autopipe.relations.checks import check_columns, listed
from autopipe.relations.schema import Link
from autopipe.roles import Role
from autopipe.suggestion import did_you_mean

_ZONE = re.compile(r"\d:\d{2}[\d:.]*\s*(?:Z|[+-]\d{2}(?::?\d{2})?)\s*$")

Times = dict[str, tuple[str, ColumnCoding]]
"""By table, the column that tells the time and how it is read."""


def times_of(
    frame: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    name: str,
    links: Sequence[Link],
    cutoff: object,
) -> Times:
    """The columns that tell the time, of the frame and of the tables that have one.

    Parameters
    ----------
    name : of the frame
    links : to the tables, after those to their parents
    cutoff : a column of the frame; or columns by table, that of the frame among them

    Raises
    ------
    InputError, OptionError
        If one is not there or tells no time, or it is not clear which one of a table does.
    """
    named = _named(cutoff, name, tables)
    if not named:
        found = {child: _dates(table) for child, table in tables.items()}
        return {child: dates[0] for child, dates in found.items() if len(dates) == 1}
    times = {name: _time(frame, named[name], f"The frame, {name!r},")}
    column, coding = times[name]
    for link in links:
        child, table = link.child, tables[link.child]
        if child in named:
            times[child] = _time(table, named[child], f"The table {child!r}")
        elif dates := _dates(table) if coding.role is Role.DATETIME else []:
            if len(dates) > 1:
                first = dates[0][0]
                raise InputError(
                    f"cutoff: the table {child!r} has {len(dates)} columns of times, "
                    f"{', '.join(repr(date) for date, _ in dates)}. Say which one tells when a "
                    f"row became known, as in cutoff={{{name!r}: {column!r}, {child!r}: "
                    f"{first!r}}}."
                )
            times[child] = dates[0]
        else:
            if link.parent in times and link.parent != name:
                continue  # its rows count with those they belong to
            warnings.warn(
                f"cutoff: the table {child!r} has no column of times, so all of its rows "
                "count, whenever they became known. If a number tells it, say which, as in "
                f"cutoff={{{name!r}: {column!r}, {child!r}: ...}}.",
                stacklevel=5,
            )
            continue
        theirs, read = times[child]
        if read.role is not coding.role:
            told = {Role.DATETIME: "times", Role.NUMERIC: "numbers"}
            raise InputError(
                f"cutoff: {column!r} of the frame holds {told[coding.role]}, and "
                f"{child}.{theirs} {told[read.role]}, which cannot be compared."
            )
    return times


def _named(cutoff: object, name: str, tables: Collection[str]) -> dict[str, str]:
    """The columns that the user names, by table; empty without a cutoff."""
    if cutoff is None:
        return {}
    if isinstance(cutoff, str):
        return {name: cutoff}
    if not isinstance(cutoff, Mapping) or name not in cutoff:
        raise OptionError(
            f"cutoff={cutoff!r}: name the column of the frame that holds it, or columns by "
            f'table with that of the frame among them, as in {{{name!r}: "snapshot_date"}}.'
        )
    for table in cutoff:
        if table != name and table not in tables:
            raise OptionError(
                f"cutoff names the table {table!r}, which is not there."
                f"{did_you_mean(table, [name, *tables])} There are "
                f"{', '.join(map(repr, [name, *tables]))}."
            )
    return dict(cutoff)


def _time(table: pd.DataFrame, column: str, what: str) -> tuple[str, ColumnCoding]:
    check_columns(table, [column], what)
    coding = time_coding(table[column])
    if coding is None:
        shown = listed(table[column].dropna().unique()) or "nothing"
        raise InputError(
            f"cutoff: {what} has no time in {column!r}, but {shown}; wanted dates, or numbers "
            "that grow with time."
        )
    return column, coding


def _dates(table: pd.DataFrame) -> list[tuple[str, ColumnCoding]]:
    """The columns that hold dates."""
    codings = ((str(name), time_coding(column)) for name, column in table.items())
    return [(name, one) for name, one in codings if one and one.role is Role.DATETIME]


def time_coding(column: Column[Any]) -> ColumnCoding | None:
    """How to read a column of times, or of numbers that may stand for such; None if neither."""
    kind = cells.kind(column)
    if kind == "number":
        return ColumnCoding(Role.NUMERIC)
    if kind == "time":
        return ColumnCoding(Role.DATETIME)
    if kind in ("text", "category"):
        places, texts = cells.distinct(column)
        counts = np.bincount(places[places >= 0], minlength=len(texts))
        reading = reading_of(texts, counts, is_mixed=False)
        if reading.role is Role.DATETIME:
            return ColumnCoding(Role.DATETIME, date_format=reading.date_format, is_torn=True)
    return None


def is_zoned(column: Column[Any]) -> bool | None:
    """Whether the times of a column, or texts that spell them, name their time zone.

    None where no cell can tell.
    """
    first = column.dropna().head(1).tolist()
    if not first:
        return None
    if isinstance(first[0], str):
        return _ZONE.search(first[0]) is not None
    return getattr(first[0], "tzinfo", None) is not None


def check_zones(frame_column: Column[Any], column: Column[Any], name: str) -> None:
    """Refuse times of which those of one table name a zone and those of the other do not.

    Raises
    ------
    InputError
        If they cannot be compared.
    """
    ours, theirs = is_zoned(frame_column), is_zoned(column)
    if ours is not None and theirs is not None and ours != theirs:
        told = {True: "with a time zone", False: "without one"}
        raise InputError(
            f"cutoff: {frame_column.name!r} of the frame holds times {told[ours]}, and "
            f"{name}.{column.name} times {told[theirs]}, which cannot be compared. Make them "
            'alike, as with .dt.tz_localize("UTC") or .dt.tz_convert(None).'
        )
