"""What a column is, as its cells tell, and how to read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autopipe.errors import InputError
from autopipe.intake import cells
from autopipe.intake.cells import Column, Level
from autopipe.intake.columns import ColumnCoding, distinct_texts
from autopipe.intake.values import are_days, has_unreadable, numbers, seconds, truths
from autopipe.intake.wording import Reading, best_date_format, judge_names, reading_of
from autopipe.roles import Role

_MIN_NUMBERED_ROWS = 100  # fewer rows could be numbered by chance
# float32 may merge so many distinct numbers, or dense columns all cost double.
_MERGED_SHARE = 0.01
_FLOAT64_EXACT = 2.0**53

_ROLE_OF_KIND = {
    "number": Role.NUMERIC,
    "duration": Role.NUMERIC,
    "boolean": Role.BOOLEAN,
    "time": Role.DATETIME,
    "category": Role.CATEGORICAL,
    "empty": Role.NUMERIC,
}

# What the user is told of a column, once for all columns alike.
_EMPTY = "no value at all; dropped"
_MIXED = "values of several types or bytes; read as text"
_INFINITE = "infinite values; they count as missing"
_ROUNDED = "whole numbers beyond 2**53; they are rounded. Give names as text"
_TORN = "cells that cannot be read like the others; they count as missing"
_NUMBERING = (
    "values that only number the rows; dropped. Where they tell more, such as a time, keep "
    'them with fit(..., roles={name: "numeric"})'
)
_NAMING = (
    "values that only name the rows; dropped. Where they tell more, keep them with "
    'fit(..., roles={name: "text"})'
)


def learn_column(
    column: Column[Any], role: Role | None = None, former: ColumnCoding | None = None
) -> ColumnCoding:
    """How to read a column, by the role given or the one its cells suggest.

    Parameters
    ----------
    former : how the column was read before; it keeps its role and its parts, even where it
        is constant now

    Raises
    ------
    InputError
        If no cell can be read as the role says, or one holds what no role takes.
    """
    kind = cells.kind(column)
    if kind == "complex":
        raise InputError(
            f"Complex data not supported: column {column.name!r} holds complex numbers. "
            "Give the real and the imaginary part as two columns."
        )
    role = role if former is None else former.role
    if role in (Role.CONSTANT, Role.ID):
        return ColumnCoding(role)
    if role is None and kind == "number" and _is_numbering(column):
        return ColumnCoding(Role.ID, remark=_NUMBERING)
    if role in (Role.CATEGORICAL, Role.TEXT):
        return _learn_names(column, kind, role, former)
    reading = _reading(column, kind, role)
    if reading.role is Role.CATEGORICAL:
        return _learn_names(column, kind, None)
    if reading.role is Role.DATETIME:
        values = seconds(column, reading.date_format, "ignore")
    elif reading.role is Role.BOOLEAN:
        values = truths(column, "ignore")
    else:
        values = numbers(column, reading.notation, "ignore")
    return _described(column, values, reading, former)


def _reading(column: Column[Any], kind: str, role: Role | None) -> Reading:
    """How to read the cells, by the role given or the one they suggest."""
    if kind not in ("text", "mixed"):
        if kind == "number" and role in (None, Role.DATETIME):
            if are_days(numbers(column)):
                return Reading(Role.DATETIME)
            if role is Role.DATETIME:
                raise InputError(
                    f"Column {column.name!r} holds numbers, which tell no time by themselves. "
                    f'Give pandas.to_datetime(X[{column.name!r}], unit="s") for seconds.'
                )
        return Reading(role or _ROLE_OF_KIND[kind])
    places, distinct = cells.distinct(column)
    cells.check_cells(column, distinct)
    counts = np.bincount(places[places >= 0], minlength=len(distinct))
    reading = reading_of(distinct, counts, is_mixed=kind == "mixed")
    if role is None or role is reading.role:
        return reading
    return Reading(role, best_date_format(distinct)[0], reading.notation)


def _is_numbering(column: Column[Any]) -> bool:
    """Whether whole numbers, all different, fill half of what lies between 0 and them.

    So do row numbers, also of a sample of rows. Years and amounts do not.
    """
    if len(column) < _MIN_NUMBERED_ROWS:
        return False
    values = numbers(column, unreadable="ignore")
    is_near = values.min() >= 0 and values.max() < 2 * len(values)  # false if one is missing
    return bool(is_near and (values % 1 == 0).all() and len(np.unique(values)) == len(values))


def _learn_names(
    column: Column[Any], kind: str, role: Role | None, former: ColumnCoding | None = None
) -> ColumnCoding:
    """The coding of categories or texts; which of them is judged where no role is given."""
    places, distinct = cells.distinct(column)
    cells.check_cells(column, distinct)
    counts = np.bincount(places[places >= 0], minlength=len(distinct))
    rows = int(counts.sum())
    used = distinct[counts > 0]
    is_numbered = kind != "mixed" and cells.kind_of_objects(used) in ("number", "boolean")
    levels: tuple[Level, ...]
    if is_numbered:
        levels = tuple(cast("list[Level]", [cells.number(cell) for cell in used]))
    else:
        texts = distinct_texts(column)[1] if kind == "mixed" else map(cells.text, used)
        levels = tuple(dict.fromkeys(texts))
    is_ordered = isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered
    if not is_ordered:
        levels = tuple(sorted(levels))
    has_missing = bool((places < 0).any())
    if not levels:
        return _without_values(former, True)
    if former is None and len(levels) == 1 and not has_missing:
        return ColumnCoding(Role.CONSTANT)
    has_levels, has_texts = role is not Role.TEXT, role is Role.TEXT
    if former is not None:
        has_levels, has_texts = bool(former.levels), former.has_texts
    elif role is None and kind == "text":
        role, has_levels, has_texts = judge_names(cast("tuple[str, ...]", levels), rows)
    elif role is None and kind == "category" and not (is_numbered or is_ordered):
        texts_of_levels = cast("tuple[str, ...]", levels)
        has_texts = judge_names(texts_of_levels, rows)[2]
    if role is Role.ID:
        return ColumnCoding(role, remark=_NAMING)
    return ColumnCoding(
        role or Role.CATEGORICAL,
        has_missing,
        levels=(*levels, *[None] * has_missing) if has_levels else (),
        has_texts=has_texts,
        remark=_MIXED if kind == "mixed" else "",
    )


def _without_values(former: ColumnCoding | None, has_missing: bool) -> ColumnCoding:
    """The coding of a column without any value."""
    if former is None:
        return ColumnCoding(Role.CONSTANT, has_missing, remark=_EMPTY)
    return replace(former, has_missing=has_missing, remark="")


def _described(
    column: Column[Any],
    values: NDArray[np.float64],
    reading: Reading,
    former: ColumnCoding | None,
) -> ColumnCoding:
    present = values[np.isfinite(values)]
    has_missing = len(present) < len(values)
    if not len(present):
        return _without_values(former, has_missing)
    low, high = float(present.min()), float(present.max())
    is_torn = has_missing and has_unreadable(column, values)
    remark = ""
    if has_missing and np.isinf(values).any():
        remark = _INFINITE
    elif is_torn:
        remark = _TORN
    elif column.dtype.kind in "iu" and max(-low, high) > _FLOAT64_EXACT:
        remark = _ROUNDED
    if former is None and low == high and not has_missing:
        return ColumnCoding(Role.CONSTANT, remark=remark)
    return ColumnCoding(
        reading.role,
        has_missing,
        precise=reading.role is Role.NUMERIC and _needs_float64(present),
        date_format=reading.date_format,
        notation=reading.notation,
        is_torn=is_torn,
        remark=remark,
    )


def _needs_float64(present: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore"):
        narrow = present.astype(np.float32)
    if (narrow == present).all():
        return False
    if np.isinf(narrow).any():
        return True
    wide = np.sort(present)
    narrow = wide.astype(np.float32)
    distinct = 1 + np.count_nonzero(wide[1:] != wide[:-1])
    kept = 1 + np.count_nonzero(narrow[1:] != narrow[:-1])
    return bool(distinct - kept > _MERGED_SHARE * distinct)
