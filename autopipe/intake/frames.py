"""Whatever a user calls a table, as a pandas frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError, ShapeError
from autopipe.intake.reading import read_table

_MAX_DENSE_BYTES = 2 * 1024**3  # the coded table takes half of it, in float32


def is_named(X: Any) -> bool:
    """Whether the columns of a table have names, or only positions."""
    attributes = ("columns", "column_names", "to_pandas")
    return isinstance(X, (str, Path)) or any(hasattr(X, name) for name in attributes)


def as_frame(X: Any, known: Mapping[str, bool | None] | None = None) -> pd.DataFrame:
    """A table as a pandas frame; a pandas frame is returned as it is.

    Parameters
    ----------
    X : pandas, polars or Arrow table, path of a CSV or Parquet file, numpy or SciPy sparse
        array of shape (rows, columns), or rows as lists
    known : columns that a file should have, as for `read_table`

    Raises
    ------
    InputError
        If it is no table, or a sparse one that would take too much memory.
    ShapeError
        If it has one dimension, more than two, or rows of different lengths.
    """
    if isinstance(X, pd.DataFrame):
        return X
    if isinstance(X, pd.Series):
        raise ShapeError(_one_dimension(X.to_numpy(), "Series.to_frame()"))
    if hasattr(X, "to_pandas"):
        frame = X.to_pandas()
        if not isinstance(frame, pd.DataFrame):
            raise ShapeError(_one_dimension(np.asarray(frame), "to_frame()"))
        return frame
    if isinstance(X, (str, Path)):
        return read_table(X, known)
    if hasattr(X, "toarray"):
        return _frame_of_sparse(X)
    if isinstance(X, (list, tuple)):
        return _frame_of_rows(X)
    if not hasattr(X, "__array__") or hasattr(X, "compute") or hasattr(X, "collect"):
        raise InputError(
            f"X is a {type(X).__name__}; wanted a pandas, polars or Arrow table, a numpy "
            f"array or the path of a file. {_remedy(X)}"
        )
    array = np.asarray(X)
    if array.ndim < 2:
        raise ShapeError(_one_dimension(array, "array.reshape(-1, 1)"))
    if array.ndim > 2:
        raise ShapeError(
            f"X has {array.ndim} dimensions, shape {array.shape}; wanted 2, rows and columns. "
            "Reshape your data with array.reshape(len(array), -1)."
        )
    # A masked array shows its mask to pandas alone.
    return pd.DataFrame(X if isinstance(X, np.ma.MaskedArray) else array)


def _remedy(X: Any) -> str:
    for method in ("compute", "collect"):
        if hasattr(X, method):
            return f"Give X.{method}()."
    return "Make one with pandas.DataFrame(X)."


def _frame_of_sparse(X: Any) -> pd.DataFrame:
    rows, width = X.shape if len(X.shape) == 2 else (1, X.shape[0])
    size = rows * width * X.dtype.itemsize
    if size > _MAX_DENSE_BYTES:
        raise InputError(
            f"X is sparse, of shape ({rows}, {width}): it would take {size / 1024**3:.1f} GB "
            f"of at most {_MAX_DENSE_BYTES / 1024**3:g} GB when its zeros are written out. "
            "Keep fewer columns, as with sklearn.decomposition.TruncatedSVD(100)."
            "fit_transform(X)."
        )
    return as_frame(X.toarray())


def _frame_of_rows(rows: Sequence[Any]) -> pd.DataFrame:
    if any(isinstance(row, dict) for row in rows):
        raise InputError("X is a list of dicts; make a frame of it with pandas.DataFrame(X).")
    if not all(isinstance(row, (list, tuple, np.ndarray)) for row in rows):
        raise ShapeError(
            _one_dimension(np.array(rows, dtype=object), "[[value] for value in X]")
        )
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1:
        raise ShapeError(
            f"X has rows of {widths[0]} and of {widths[-1]} cells; wanted rows of one length. "
            "Fill the short ones with None."
        )
    return pd.DataFrame([list(row) for row in rows])


def _one_dimension(array: np.ndarray[Any, Any], remedy: str) -> str:
    """scikit-learn's words, which its contract tests look for."""
    return (
        f"Expected 2D array, got {'1D' if array.ndim else 'scalar'} array instead:\n"
        f"array={np.array2string(array, threshold=6)}.\n"
        f"Reshape your data with {remedy} if it has a single feature, or array.reshape(1, -1) "
        "if it contains a single sample."
    )
