"""The cells of one raw pandas column: their kind, the distinct ones, and their texts.

Text and objects are read by their distinct values, so that a column costs as much as it
has different cells. The cells of a column never change here: every array is a new one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

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
    inferred = pd.api.types.infer_dtype(cells, skipna=True)
    if inferred == "mixed" and all(isinstance(cell, UUID) for cell in cells[~pd.isna(cells)]):
        return "text"
    return _KIND_OF_OBJECTS.get(inferred, "mixed")


def distinct(column: Column[Any]) -> tuple[NDArray[np.intp], Cells]:
    """The distinct cells, and for every row the place of its cell among them.

    Missing cells have place -1. Categories that no row holds may be among the cells.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes, dtype=np.intp)
        return codes, np.asarray(column.cat.categories, dtype=object)
    if column.dtype == object:
        # pandas 2 reads cells up to the first NUL if all are text; one that is None is not.
        values: Any = np.concatenate([column.to_numpy(), np.array([None])])
    elif isinstance(column.dtype, np.dtype):
        values = column.to_numpy()
    elif isinstance(column.dtype, pd.SparseDtype):
        values = np.asarray(column)  # factorize drops the fill value of sparse arrays
    else:
        values = column.array
    try:
        places, cells = pd.factorize(values)
    except (TypeError, NotImplementedError) as error:  # a list has no hash; Arrow no method
        unhashable = next((cell for cell in values if _is_container(cell)), values[0])
        raise InputError(_unusable(column, unhashable)) from error
    if cells.dtype.kind in "mM":  # of those in nanoseconds numpy would make numbers
        cells = pd.Index(cells)
    return places[: len(column)], np.asarray(cells, dtype=object)


def text(cell: object) -> str:
    """A cell as text, the same for 1 and 1.0, and for a day and its midnight.

    Times with a zone are told in UTC; bytes are read as UTF-8 or shown in hex.
    """
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, datetime):
        time = cell.astimezone(UTC).replace(tzinfo=None) if cell.tzinfo else cell
        return time.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(cell, timedelta):
        return str(pd.Timedelta(cell))
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
    if isinstance(cell, Decimal):
        cell = str(cell)
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
