"""The cells of one raw pandas column, read as plain arrays.

Text and objects are read by their distinct values, so that a column costs as much as it
has different cells. The cells of a column never change here: every array is a new one.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autopipe.errors import InputError

Level = str | int | float | bool
Cells = NDArray[np.object_]
Column = pd.Series  # without its parameter: any dtype is welcome

_KIND_OF_DTYPE = {
    "i": "number",
    "u": "number",
    "f": "number",
    "b": "boolean",
    "M": "time",
    "m": "duration",
    "c": "complex",
}
_KIND_OF_OBJECTS = {
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "boolean": "boolean",
    "datetime": "time",
    "datetime64": "time",
    "date": "time",
    "period": "time",
    "timedelta": "duration",
    "timedelta64": "duration",
    "complex": "complex",
    "string": "text",
    "interval": "text",
    "time": "text",
    "empty": "empty",
}


def kind(column: Column[Any]) -> str:
    """What the cells are.

    One of number, boolean, time, duration, complex, category, text, mixed and empty.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.PeriodDtype):
        return "time"
    if isinstance(dtype, (pd.StringDtype, pd.IntervalDtype)):
        return "text"
    if dtype.kind in _KIND_OF_DTYPE:
        return _KIND_OF_DTYPE[dtype.kind]
    return kind_of_objects(np.asarray(column, dtype=object))


def kind_of_objects(cells: Cells) -> str:
    """What objects are; missing ones do not count."""
    return _KIND_OF_OBJECTS.get(pd.api.types.infer_dtype(cells, skipna=True), "mixed")


def distinct(column: Column[Any]) -> tuple[NDArray[np.intp], Cells]:
    """The distinct cells, and for every row the place of its cell among them.

    Missing cells have place -1. Categories that no row holds may be among the cells.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes, dtype=np.intp)
        return codes, np.asarray(column.cat.categories, dtype=object)
    if isinstance(column.dtype, np.dtype):
        values: Any = column.to_numpy()
    elif isinstance(column.dtype, pd.SparseDtype):
        values = np.asarray(column)  # factorize drops the fill value of sparse arrays
    else:
        values = column.array
    try:
        places, cells = pd.factorize(values)
    except (TypeError, NotImplementedError) as error:  # a list has no hash; Arrow no method
        unhashable = next((cell for cell in values if _is_container(cell)), values[0])
        raise InputError(_unusable(column, unhashable)) from error
    return places, np.asarray(cells, dtype=object)


def numbers(column: Column[Any]) -> NDArray[np.float64]:
    """The cells as numbers, durations as seconds, NaN where missing or blank.

    Raises
    ------
    InputError
        If a cell is no number.
    """
    dtype = column.dtype
    if dtype.kind in "iufb":
        if isinstance(dtype, np.dtype):
            return column.to_numpy().astype(np.float64)
        if isinstance(dtype, pd.SparseDtype):
            return np.asarray(column).astype(np.float64)
        return np.array(column.to_numpy(dtype="float64", na_value=np.nan))
    if dtype.kind == "m":
        return _microseconds(column.to_numpy(dtype="timedelta64[us]"))
    places, cells = distinct(column)
    values, readable = parsed_numbers(cells)
    _refuse_unreadable(column, cells, readable, "a number")
    return np.append(values, np.nan)[places]


def parsed_numbers(cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cells as numbers, and which of them could be read; a blank text reads as missing."""
    if kind_of_objects(cells) == "duration":
        return _microseconds(pd.to_timedelta(cells).to_numpy("timedelta64[us]")), _all(cells)
    if kind_of_objects(cells) == "time":  # pandas would take its nanoseconds for a number
        return np.full(len(cells), np.nan), ~_all(cells)
    values = np.array(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)
    unread = np.isnan(values)
    readable = ~unread
    readable[unread] = [_is_blank(cell) for cell in cells[unread]]
    return values, readable


def seconds(column: Column[Any], date_format: str) -> NDArray[np.float64]:
    """The cells as seconds since 1970 in UTC, NaN where missing or blank.

    A time without a zone is taken for UTC.

    Raises
    ------
    InputError
        If a cell is no time, or a text that does not follow `date_format`.
    """
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    # Arrow has days of a type of their own, which only objects can show.
    if column.dtype.kind == "M" and column.dtype.type is not datetime.date:
        return _microseconds(column.to_numpy(dtype="datetime64[us]"))
    places, cells = distinct(column)
    values, readable = parsed_times(cells, date_format)
    _refuse_unreadable(column, cells, readable, f"a time of the format {date_format}")
    return np.append(values, np.nan)[places]


def parsed_times(
    cells: Cells, date_format: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cells as seconds since 1970, and which of them could be read as times."""
    values = np.array([_timestamp(cell) for cell in cells], dtype=np.float64)
    texts = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    if texts.any():
        times = pd.to_datetime(cells[texts], format=date_format, errors="coerce", utc=True)
        values[texts] = _microseconds(times.to_numpy(dtype="datetime64[us]"))
    unread = np.isnan(values)
    readable = ~unread
    readable[unread] = [_is_blank(cell) for cell in cells[unread]]
    return values, readable


def text(cell: object) -> str:
    """A cell as text, the same for 1 and 1.0; bytes are read as UTF-8 or shown in hex."""
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:
            return cell.hex()
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def number(cell: object) -> int | float | None:
    """A cell as a Python number, or None where it is none."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, (int, float)):
        return cell
    if isinstance(cell, str):
        for read in (int, float):
            try:
                return read(cell)
            except ValueError:
                continue
    return None


def check_cells(column: Column[Any], cells: Cells) -> None:
    """Refuse cells that hold more than one value, or nothing that could be shown.

    Raises
    ------
    InputError
        If a cell is a container, or an object without a text of its own.
    """
    for cell in cells:
        if isinstance(cell, str):
            continue
        plain = type(cell)
        shows_nothing = {plain.__str__, plain.__repr__} <= {object.__str__, object.__repr__}
        if _is_container(cell) or shows_nothing:
            raise InputError(_unusable(column, cell))


def _is_container(cell: object) -> bool:
    kinds = (list, dict, set, frozenset, tuple, np.ndarray, pd.Series, pd.DataFrame, pd.Index)
    return isinstance(cell, kinds)


def _unusable(column: Column[Any], cell: object) -> str:
    return (
        f"Column {column.name!r} holds a {type(cell).__name__}, such as {str(cell)[:60]}; "
        "a cell is a number, a text, a time or missing. Spread it over several columns, "
        "or turn it into text."
    )


def _refuse_unreadable(
    column: Column[Any], cells: Cells, readable: NDArray[np.bool_], wanted: str
) -> None:
    unreadable = cells[~readable]
    if len(unreadable):
        check_cells(column, unreadable)
        raise InputError(
            f"Column {column.name!r} holds {unreadable[0]!r}, which is not {wanted}. "
            "Correct the cell or set it to missing."
        )


def _is_blank(cell: object) -> bool:
    """Whether a cell that could not be read stands for a missing one."""
    if isinstance(cell, str):
        return cell.strip().lower() in ("", "nan")
    return isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))


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


def _microseconds(values: NDArray[Any]) -> NDArray[np.float64]:
    """Seconds of datetime64[us] or timedelta64[us] values, NaN where not a time."""
    values = np.asarray(values)
    result = values.astype(np.int64) / 1e6
    result[np.isnat(values)] = np.nan
    return result


def _all(cells: Cells) -> NDArray[np.bool_]:
    return np.ones(len(cells), dtype=bool)
