"""The cells of one raw pandas column as numbers, truth values and times.

What cannot be read is refused, or counts as missing: a model in use should not fall over a
cell.
"""

from __future__ import annotations

import datetime
import re
import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from autopipe.errors import InputError
from autopipe.intake.cells import (
    Cells,
    Column,
    check_cells,
    distinct,
    kind_of_objects,
    number,
)
from autopipe.intake.quantities import LENGTHS, TIMES, Notation, read_strange

ISO = "ISO8601"  # a date format, of texts with the year first
Policy = Literal["refuse", "warn", "ignore"]  # what becomes of cells that cannot be read

# Texts that stand for a missing cell among numbers, truth values and times.
_BLANKS = frozenset({"", "nan", "na", "n/a", "nat", "null", "none", "?", "-", "--"})
_ENOUGH = 5  # cells of a column, all unreadable, that show it to be another column
_DAYS = 1900_01_01, 2199_12_31  # as whole numbers; of those between, one in 27 is a day
_FEWEST_DAYS = 10  # distinct ones, of numbers that are taken for days,
_SHARE_OF_DAYS = 0.95  # and the share of them that can be read as such

TRUTHS = {
    "true": 1.0, "yes": 1.0, "t": 1.0, "y": 1.0,
    "false": 0.0, "no": 0.0, "f": 0.0, "n": 0.0,
}  # fmt: skip


def numbers(
    column: Column[Any], notation: Notation | None = None, unreadable: Policy = "refuse"
) -> NDArray[np.float64]:
    """The cells as numbers, durations as seconds, NaN where missing or blank.

    Parameters
    ----------
    notation : how texts state numbers, where `float` would not read them
    unreadable : what becomes of cells that are no numbers

    Raises
    ------
    InputError
        If no cell is a number, or one is not and that is to be refused.
    """
    dtype = column.dtype
    if dtype.kind in "iufb":
        if isinstance(dtype, np.dtype):
            return column.to_numpy().astype(np.float64)
        if isinstance(dtype, pd.SparseDtype):
            return np.asarray(column).astype(np.float64)
        return np.array(column.to_numpy(dtype="float64", na_value=np.nan))
    if dtype.kind == "m":
        return _seconds_of(column.to_numpy(dtype="timedelta64[us]"))
    places, cells = distinct(column)
    values, readable = parsed_numbers(cells, notation)
    _tell_unreadable(column, places, cells, readable, "a number", unreadable)
    return np.append(values, np.nan)[places]


def parsed_numbers(
    cells: Cells, notation: Notation | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cells as numbers, and which of them could be read; a blank text reads as missing."""
    if kind_of_objects(cells) == "duration":
        return _seconds_of(pd.to_timedelta(cells).to_numpy("timedelta64[us]")), _all(cells)
    if kind_of_objects(cells) == "time":  # pandas would take its nanoseconds for a number
        return np.full(len(cells), np.nan), ~_all(cells)
    times = [place for place, cell in enumerate(cells) if isinstance(cell, datetime.time)]
    cells = cells.copy()
    cells[times] = [str(cell) for cell in cells[times]]
    texts = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    plain = cells.copy()
    if notation:
        plain[texts] = None
    values = np.array(pd.to_numeric(plain, errors="coerce"), dtype=np.float64)
    if notation:
        values[texts] = _usual_numbers(cells[texts], notation)
    read = notation.read if notation else read_strange
    for place in np.flatnonzero(np.isnan(values) & texts):
        found = read(cells[place])
        values[place] = np.nan if found is None else found
    return values, _readable(cells, values)


def _usual_numbers(texts: Cells, notation: Notation) -> NDArray[np.float64]:
    """What `notation.read` gives for texts of the most usual forms, NaN for the others.

    All at once: that takes a fifth of the time of asking it for one after the other.
    """
    if notation.decimal in (TIMES, LENGTHS):
        return np.full(len(texts), np.nan)
    mark, group = notation.decimal, "," if notation.decimal == "." else "."
    pattern = (  # of Arrow, whose \d are ASCII's; so few digits never overflow
        r"^(?P<sign>-?)(?:[$€£¥] ?)?(?P<digits>"
        rf"(?:[1-9]\d{{0,2}}(?:[{group}]\d{{3}}){{1,5}}|\d{{1,15}})(?:[{mark}]\d{{1,15}})?)"
        rf"(?: ?{re.escape(notation.unit)})?$"
    )
    try:
        found = pc.extract_regex(pa.array(texts, pa.string()), pattern)
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot spell
        return np.full(len(texts), np.nan)
    ungrouped = pc.replace_substring(pc.struct_field(found, "digits"), group, "")
    digits = pc.replace_substring(ungrouped, mark, ".")
    numbers = pc.binary_join_element_wise(pc.struct_field(found, "sign"), digits, "")
    return np.asarray(pc.cast(numbers, pa.float64()).to_numpy(zero_copy_only=False))


def truths(column: Column[Any], unreadable: Policy) -> NDArray[np.float64]:
    """The cells as 0 and 1, NaN where missing or blank; "yes" and "f" are read too.

    Raises
    ------
    InputError
        If no cell is a truth value or number, or one is not and that is to be refused.
    """
    if column.dtype.kind in "biuf":
        return numbers(column)
    places, cells = distinct(column)
    spelled = [TRUTHS.get(str(cell).strip().lower(), cell) for cell in cells]
    values, readable = parsed_numbers(np.array([*spelled, None], dtype=object)[:-1])
    _tell_unreadable(column, places, cells, readable, "a truth value", unreadable)
    return np.append(values, np.nan)[places]


def seconds(column: Column[Any], date_format: str, unreadable: Policy) -> NDArray[np.float64]:
    """The cells as seconds since 1970 in UTC, NaN where missing or blank.

    A time without a zone is taken for UTC.

    Raises
    ------
    InputError
        If no cell is a time of the format, or one is not and that is to be refused.
    """
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    # Arrow has days of a type of their own, which only objects can show.
    if column.dtype.kind == "M" and column.dtype.type is not datetime.date:
        return _seconds_of(column.to_numpy(dtype="datetime64[us]"))
    places, cells = distinct(column)
    values, readable = parsed_times(cells, date_format)
    wanted = f"a time of the format {date_format}"
    _tell_unreadable(column, places, cells, readable, wanted, unreadable)
    return np.append(values, np.nan)[places]


def parsed_times(
    cells: Cells, date_format: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cells as seconds since 1970, and which of them could be read as times.

    Whole numbers such as 20240131 are read as days where texts with the year first are.
    """
    if date_format == ISO:
        cells = np.array([*map(_spelled_day, cells), None], dtype=object)[:-1]
    values = np.array([_timestamp(cell) for cell in cells], dtype=np.float64)
    texts = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    if texts.any():
        times = pd.to_datetime(cells[texts], format=date_format, errors="coerce", utc=True)
        values[texts] = _seconds_of(times.to_numpy(dtype="datetime64[us]"))
    for place in np.flatnonzero(np.isnan(values) & texts):
        values[place] = _far_time(cells[place], date_format)
    return values, _readable(cells, values)


def are_days(values: NDArray[np.float64]) -> bool:
    """Whether numbers are rather days than amounts, as 20240131 is the last of January."""
    low, high = _DAYS
    is_near = (low <= values) & (values <= high)
    if 2 * is_near.sum() <= len(values):  # others may say that there is none
        return False
    distinct = np.unique(values[~np.isnan(values)])
    if len(distinct) < _FEWEST_DAYS:
        return False
    is_day = parsed_times(distinct.astype(object), ISO)[1]
    return bool(is_day.mean() >= _SHARE_OF_DAYS)


def has_unreadable(column: Column[Any], values: NDArray[np.float64]) -> bool:
    """Whether a cell gave no value although it is neither missing nor blank."""
    unread = np.isnan(values)
    if column.dtype.kind in "mM" or not unread.any():
        return False
    if column.dtype.kind in "iufb":
        return bool((unread & ~np.isnan(numbers(column))).any())
    places, cells = distinct(column)
    lost = np.unique(places[unread & (places >= 0)])
    return not all(is_blank(cell) for cell in cells[lost])


def _tell_unreadable(
    column: Column[Any],
    places: NDArray[np.intp],
    cells: Cells,
    readable: NDArray[np.bool_],
    wanted: str,
    unreadable: Policy,
) -> None:
    """Refuse cells that could not be read, or warn of a few that count as missing."""
    if readable.all():
        return
    present = places[places >= 0]
    lost = present[~readable[present]]
    if not len(lost):  # but categories that no row holds
        return
    check_cells(column, cells[np.unique(lost)])
    count = len(lost)
    shown = str(cells[lost.min()])[:60]
    if unreadable == "refuse" or count == len(present) >= _ENOUGH:
        raise InputError(
            f"Column {column.name!r} holds {shown!r}, which is not {wanted}. "
            "Correct the cell or set it to missing."
        )
    if unreadable == "warn":
        warnings.warn(
            f"X has column {column.name!r} with {count} cell(s) such as {shown!r}, which is "
            f"not {wanted}: they count as missing.",
            stacklevel=6,
        )


def _readable(cells: Cells, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which cells gave a value, or stand for a missing one."""
    readable = ~np.isnan(values)
    readable[~readable] = [is_blank(cell) for cell in cells[~readable]]
    return readable


def is_blank(cell: object) -> bool:
    """Whether a cell that is no value stands for a missing one."""
    if isinstance(cell, str):
        return cell.strip().lower() in _BLANKS
    return isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))


def _far_time(text: str, date_format: str) -> float:
    """A time in a text beyond the years 1677 to 2262, which pandas 2 does not read."""
    try:
        if date_format == ISO:
            return _timestamp(datetime.datetime.fromisoformat(text))
        return _timestamp(datetime.datetime.strptime(text, date_format))
    except (ValueError, OverflowError):
        return np.nan


def _spelled_day(cell: object) -> object:
    """A number such as 20240131 as a text; any other cell as it is."""
    value = None if isinstance(cell, str) else number(cell)
    is_day = value is not None and _DAYS[0] <= value <= _DAYS[1] and value % 1 == 0
    return f"{value:.0f}" if is_day else cell


def _timestamp(cell: object) -> float:
    if isinstance(cell, pd.Period):
        cell = cell.to_timestamp()
    if isinstance(cell, np.datetime64):
        cell = pd.Timestamp(cell)
    if isinstance(cell, datetime.datetime):
        if cell.tzinfo is None:
            cell = cell.replace(tzinfo=datetime.UTC)
        return cell.timestamp()
    if isinstance(cell, datetime.date):
        midnight = datetime.datetime(cell.year, cell.month, cell.day, tzinfo=datetime.UTC)
        return midnight.timestamp()
    return np.nan


def _seconds_of(values: NDArray[Any]) -> NDArray[np.float64]:
    """Seconds of datetime64[us] or timedelta64[us] values, NaN where not a time."""
    values = np.asarray(values)
    result = values.astype(np.int64) / 1e6
    result[np.isnat(values)] = np.nan
    return result


def _all(cells: Cells) -> NDArray[np.bool_]:
    return np.ones(len(cells), dtype=bool)
