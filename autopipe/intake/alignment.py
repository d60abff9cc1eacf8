"""Features, target, weights and groups: that there is one of each for every row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError, ShapeError
from autopipe.intake.frames import as_frame, is_named
from autopipe.suggestion import did_you_mean
from autopipe.task import FloatArray, IntArray

# scikit-learn's words, which its contract tests look for
NO_TARGET = "fit requires y to be passed, but the target y is None."


def features_and_target(
    X: Any, y: Any, known: Mapping[str, bool | None] | None = None
) -> tuple[Any, Any]:
    """A table and its target, from files too; `y` may name its column in the table.

    Parameters
    ----------
    known : columns that a file should have, as for `read_table`

    Raises
    ------
    InputError
        If a column is named of a table without names, or there is no such column.
    """
    if isinstance(X, (str, Path)):
        target = {str(y): None} if isinstance(y, (str, int, np.integer)) else {}
        X = as_frame(X, target | dict(known or {}))
    is_tuple = isinstance(y, tuple) and isinstance(X, pd.DataFrame) and y in X.columns
    if not (is_tuple or isinstance(y, (str, int, np.integer))):
        return X, y
    if not is_named(X):
        raise InputError(
            f"y={y!r} names a column, but X is a {type(X).__name__} without names; give a "
            "pandas DataFrame, or the target itself."
        )
    return split_target(as_frame(X), y)


def split_target(frame: pd.DataFrame, target: Any) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """The features and the target of a frame that holds both.

    Raises
    ------
    InputError
        If the frame has no such column, or several.
    """
    count = int((frame.columns == target).sum())
    if count != 1:
        names = [str(name) for name in frame.columns]
        hint = "" if count else did_you_mean(target, names)
        raise InputError(
            f"The frame has {count} columns called {target!r}; wanted 1.{hint} "
            f"It has {', '.join(map(repr, names[:10]))}{', ...' if len(names) > 10 else ''}."
        )
    return frame.drop(columns=[target]), frame[target]


def without_mask(given: Any) -> Any:
    """A masked array as objects, NaN where it hides a value; anything else as it is."""
    if isinstance(given, np.ma.MaskedArray):
        return np.ma.filled(given.astype(object), np.nan)
    return given


def check_rows(frame: pd.DataFrame, y: Any, is_labelled: bool = True, **further: Any) -> None:
    """Refuse a target, or what else is given for every row, whose rows are not the features'.

    Parameters
    ----------
    is_labelled : whether the index of the frame is the user's own; that of an array is not
    further : by the name of the argument; what is None was not given

    Raises
    ------
    ShapeError
        If their lengths differ.
    InputError
        If both are labelled alike but in another order: taken by position, every row
        would get the target of another.
    """
    if y is None:
        raise InputError(NO_TARGET)
    try:
        rows = len(y) if hasattr(y, "__len__") else len(np.asarray(y))
    except TypeError as error:  # such as a generator, or a sparse array
        raise InputError(
            f"y is a {type(y).__name__}, of which the rows cannot be counted. Give a list, a "
            "numpy array or a pandas Series."
        ) from error
    if len(frame) != rows:
        raise ShapeError(
            f"X has {len(frame)} rows and y has {rows}; wanted one target for every row. "
            "Was one of them filtered without the other?"
        )
    every = {"y": y, **further} if is_labelled else {}
    for name, given in every.items():
        index = getattr(given, "index", None)
        if not isinstance(index, pd.Index) or index.equals(frame.index):
            continue
        if index.is_unique and frame.index.is_unique and index.isin(frame.index).all():
            raise InputError(
                f"The index of {name} holds the labels of X in another order. Give "
                f"{name}.loc[X.index], or {name}.to_numpy() if the order of rows is right."
            )


def check_weights(weights: Any, rows: int) -> FloatArray | None:
    """Weights of shape (rows,), or None where none are given.

    They are scaled so that those above zero have a mean of 1: penalties and the smallest
    leaves of learners are measured in rows, and the unit of weights is the user's.

    Raises
    ------
    ShapeError
        If there is not one weight for every row.
    InputError
        If a weight is negative or not finite, or all are zero.
    """
    if weights is None:
        return None
    array = np.array(without_mask(weights), dtype=object)
    if array.ndim == 0:
        array = np.full(rows, array.item())
    if array.shape != (rows,):
        raise ShapeError(
            f"sample_weight has shape {array.shape}; wanted ({rows},), a weight for every row."
        )
    try:
        values = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"sample_weight holds what is no number: {error}.") from error
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        raise InputError(
            f"sample_weight holds {bad.sum()} values such as {values[bad][0]}; "
            "wanted finite numbers from 0 up. Give 0 to rows that should not count."
        )
    if not values.any():
        raise InputError("sample_weight is zero in every row; wanted some above 0.")
    return np.asarray(values / values[values > 0].mean())


def check_groups(groups: Any, rows: int) -> IntArray | None:
    """A number for the group of every row, refusing what is not one for each; None for none.

    Raises
    ------
    ShapeError
        If their number is not that of the rows.
    InputError
        If the group of a row is missing.
    """
    if groups is None:
        return None
    array = np.asarray(without_mask(groups), dtype=object)
    if array.shape != (rows,):
        raise ShapeError(
            f"groups has shape {array.shape}; wanted ({rows},), a group for every row, such as "
            'X["customer"].'
        )
    column = pd.Series(array)
    if column.isna().any():
        raise InputError(
            f"groups lacks {column.isna().sum()} entries. Give rows that belong to no other "
            "a group of their own."
        )
    return pd.factorize(array)[0]
