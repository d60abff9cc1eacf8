"""What one column is, and how its cells become codes and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autopipe import cells
from autopipe.cells import Cells, Column, Level
from autopipe.errors import InputError
from autopipe.roles import Role

# A column of texts such as "0", "1", "2" with few distinct ones holds names, not amounts:
# a number would have been stored as one. With more, the texts are rather a column of
# numbers that was read as text, as happens with blanks in it.
_MAX_NUMBERED_NAMES = 20
_SAMPLE = 100  # distinct texts tried before all of them are
_MERGED_SHARE = (
    0.01  # float32 may merge so many distinct numbers, or dense columns all cost double
)
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_FLOAT64_EXACT = 2.0**53

_ISO = "ISO8601"
# Month before day, as pandas has it; a day above 12 anywhere decides for the other order.
# fmt: off
_DATES = (
    "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%Y", "%d.%m.%y", "%m-%d-%Y",
    "%d-%m-%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%b-%Y", "%b-%y", "%b %Y", "%B %Y", "%m/%Y",
)
# fmt: on
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


@dataclass(frozen=True)
class ColumnCoding:
    """How the cells of one column are read, as learned from the training rows.

    Parameters
    ----------
    role : how the cells are read
    has_missing : whether a training row had none
    precise : whether float32 would merge the numbers or overflow
    levels : the categories in the order of their codes; all numbers, or all texts
    date_format : how texts are read as times
    remark : what the user should know of the column
    """

    role: Role
    has_missing: bool = False
    precise: bool = False
    levels: tuple[Level, ...] = ()
    date_format: str = _ISO
    remark: str = field(default="", compare=False)

    def read(self, column: Column[Any]) -> NDArray[np.float64] | NDArray[np.int32]:
        """The cells of a column as they stand in the table, shape (rows,).

        Raises
        ------
        InputError
            If a cell cannot be read as the role says.
        """
        if self.role is Role.CATEGORICAL:
            return self._codes(column)
        if self.role is Role.DATETIME:
            return cells.seconds(column, self.date_format)
        values = _booleans(column) if self.role is Role.BOOLEAN else cells.numbers(column)
        values[np.isinf(values)] = np.nan
        if not self.precise:
            np.clip(values, -_FLOAT32_MAX, _FLOAT32_MAX, out=values)
        return values

    def _codes(self, column: Column[Any]) -> NDArray[np.int32]:
        if self._named_by_numbers:
            places, distinct = cells.distinct(column)
            keys: list[Any] = [cells.number(cell) for cell in distinct]
        else:
            places, keys = _distinct_texts(column)
        codes = [self._code_of.get(key, -1) for key in keys]
        return np.array([*codes, -1], dtype=np.int32)[places]

    @cached_property
    def _code_of(self) -> Mapping[Any, int]:
        return {level: code for code, level in enumerate(self.levels)}

    @cached_property
    def _named_by_numbers(self) -> bool:
        return bool(self.levels) and not isinstance(self.levels[0], str)


def learn_column(column: Column[Any], role: Role | None = None) -> ColumnCoding:
    """How to read a column, by the role given or the one its cells suggest.

    Raises
    ------
    InputError
        If the cells cannot be read as the role says, or hold what no role takes.
    """
    kind = cells.kind(column)
    if kind == "complex":
        raise InputError(
            f"Complex data not supported: column {column.name!r} holds complex numbers. "
            "Give the real and the imaginary part as two columns."
        )
    date_format = _ISO
    if kind in ("text", "mixed") and role in (None, Role.DATETIME):
        _, distinct = cells.distinct(column)
        cells.check_cells(column, distinct)
        if kind == "text":
            guess, date_format = _role_of_texts(distinct)
            role = role or guess
        elif role is None and _all_numbers(distinct):
            role = Role.NUMERIC  # numbers, some of them written as text
    if role is None:
        role = _ROLE_OF_KIND[kind]
    if role is Role.CONSTANT:
        return ColumnCoding(Role.CONSTANT)
    if role is Role.CATEGORICAL:
        return _learn_categories(column, kind)
    if role is Role.DATETIME:
        return _described(cells.seconds(column, date_format), role, date_format)
    if role is Role.BOOLEAN:
        return _described(_booleans(column), role)
    return _described(cells.numbers(column), role, whole=column.dtype.kind in "iu")


_ROLE_OF_KIND = {
    "number": Role.NUMERIC,
    "duration": Role.NUMERIC,
    "boolean": Role.BOOLEAN,
    "time": Role.DATETIME,
    "category": Role.CATEGORICAL,
    "mixed": Role.CATEGORICAL,
    "empty": Role.NUMERIC,
}


def _role_of_texts(distinct: Cells) -> tuple[Role, str]:
    """The role that texts suggest, and the format if they are times."""
    texts = np.array([cell for cell in distinct if str(cell).strip()], dtype=object)
    sample = texts[:: len(texts) // _SAMPLE + 1]
    if len(texts) and _all_numbers(sample) and _all_numbers(texts):
        numbered = len(texts) <= _MAX_NUMBERED_NAMES and all(map(_WHOLE.match, texts))
        padded = any(map(_PADDED.match, texts))
        return (Role.CATEGORICAL if numbered or padded else Role.NUMERIC), _ISO
    for date_format in _date_formats(sample):
        if _all_times(sample, date_format) and _all_times(texts, date_format):
            return Role.DATETIME, date_format
    return Role.CATEGORICAL, _ISO


_WHOLE = re.compile(r"\s*[+-]?\d+\s*$")
_PADDED = re.compile(r"\s*0\d+\s*$")  # such as 01067, a post code
_YEAR_FIRST = re.compile(r"\s*\d{4}[-/]\d")


def _all_numbers(texts: Cells) -> bool:
    return bool(cells.parsed_numbers(texts)[1].all())


def _all_times(texts: Cells, date_format: str) -> bool:
    return bool(cells.parsed_times(texts, date_format)[1].all())


def _date_formats(sample: Cells) -> list[str]:
    """The formats that the first of some texts follows."""
    if not len(sample):
        return []
    first = str(sample[0])
    if _YEAR_FIRST.match(first):
        return [_ISO]
    if not any(map(str.isdigit, first)):
        return []
    formats = (date + time for date in _DATES for time in _TIMES)
    return [date_format for date_format in formats if _follows(first, date_format)]


def _follows(text: str, date_format: str) -> bool:
    try:
        datetime.strptime(text, date_format)
    except ValueError:
        return False
    return True


def _learn_categories(column: Column[Any], kind: str) -> ColumnCoding:
    places, distinct = cells.distinct(column)
    cells.check_cells(column, distinct)
    used = distinct[np.bincount(places[places >= 0], minlength=len(distinct)) > 0]
    levels: tuple[Level, ...]
    if cells.kind_of_objects(used) in ("number", "boolean") and kind != "mixed":
        levels = tuple(cast("list[Level]", [cells.number(cell) for cell in used]))
    else:
        texts = _distinct_texts(column)[1] if kind == "mixed" else map(cells.text, used)
        levels = tuple(dict.fromkeys(texts))
    ordered = isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered
    if not ordered:
        levels = tuple(sorted(levels))
    has_missing = bool((places < 0).any())
    if not levels:
        return ColumnCoding(Role.CONSTANT, True, remark=_EMPTY)
    if len(levels) == 1 and not has_missing:
        return ColumnCoding(Role.CONSTANT)
    remark = _MIXED if kind == "mixed" else ""
    return ColumnCoding(Role.CATEGORICAL, has_missing, levels=levels, remark=remark)


# What the user is told of a column, once for all columns alike.
_EMPTY = "no value at all; dropped"
_MIXED = "values of several types or bytes; read as text"
_INFINITE = "infinite values; they count as missing"
_ROUNDED = "whole numbers beyond 2**53; they are rounded. Give names as text"


def _described(
    values: NDArray[np.float64], role: Role, date_format: str = _ISO, whole: bool = False
) -> ColumnCoding:
    present = values[np.isfinite(values)]
    has_missing = len(present) < len(values)
    if not len(present):
        return ColumnCoding(Role.CONSTANT, has_missing, remark=_EMPTY)
    low, high = float(present.min()), float(present.max())
    if low == high and not has_missing:
        return ColumnCoding(Role.CONSTANT)
    remark = ""
    if has_missing and np.isinf(values).any():
        remark = _INFINITE
    elif whole and max(-low, high) > _FLOAT64_EXACT:
        remark = _ROUNDED
    precise = role is Role.NUMERIC and _needs_float64(present)
    return ColumnCoding(role, has_missing, precise, date_format=date_format, remark=remark)


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


def _booleans(column: Column[Any]) -> NDArray[np.float64]:
    """The cells as 0 and 1; the texts of truth values count too."""
    if column.dtype.kind in "biuf":
        return cells.numbers(column)
    places, distinct = cells.distinct(column)
    spelled = [
        {"true": 1.0, "false": 0.0}.get(str(cell).strip().lower(), cell) for cell in distinct
    ]
    plain = pd.Series([*spelled, np.nan], dtype=object, name=column.name)
    return cells.numbers(plain)[places]


def _distinct_texts(column: Column[Any]) -> tuple[NDArray[np.intp], list[str]]:
    places, distinct = cells.distinct(column)
    if column.dtype == object and any(
        isinstance(c, (int, float, np.generic)) for c in distinct
    ):
        # True and 1 are the same to a hash table, but not as text: which of them stands
        # for both would depend on the order of the rows.
        missing = places < 0
        texts = [cells.text(cell) for cell in column.to_numpy()[~missing]]
        places = places.copy()
        places[~missing], unique = pd.factorize(np.array(texts, dtype=object))
        return places, list(unique)
    return places, [cells.text(cell) for cell in distinct]
