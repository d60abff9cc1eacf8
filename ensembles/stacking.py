"""What a second level of learners reads: the predictions of the first as a table."""

from __future__ import annotations

import numpy as np

from autopipe.roles import Role
from autopipe.table import Table, place_columns
from autopipe.task import FloatArray

_SMALLEST = 1e-6  # of a probability: a logit is within 14 of 0


def table_of(predictions: FloatArray) -> Table:
    """The predictions of several members as a table of numbers, c0, c1, ...

    Numbers stay as they are. Of two classes the log odds of the second are told, of more
    the logarithm of each probability, less the mean of the row's.

    Parameters
    ----------
    predictions : array of shape (members, rows, outputs)
    """
    members, rows, outputs = predictions.shape
    values: FloatArray = predictions.astype(np.float64)
    if outputs > 1:
        values = np.log(np.clip(values, _SMALLEST, 1.0))
        values = values[:, :, 1:] - values[:, :, :1] if outputs == 2 else _centred(values)
    columns = values.transpose(1, 0, 2).reshape(rows, members * values.shape[2])
    names = [f"c{index}" for index in range(columns.shape[1])]
    schema = place_columns(
        dict.fromkeys(names, Role.NUMERIC),
        {},
        dict.fromkeys(names, False),
        frozenset(names if outputs == 1 else ()),  # float32 may merge numbers far from 0
    )
    nothing = np.empty((rows, 0))
    if outputs == 1:
        wide = np.asarray(columns, np.float64)
        return Table(schema, nothing.astype(np.float32), wide, nothing.astype(np.int32))
    numbers = np.asfortranarray(columns, dtype=np.float32)
    return Table(schema, numbers, nothing, nothing.astype(np.int32))


def _centred(logs: FloatArray) -> FloatArray:
    return np.asarray(logs - logs.mean(axis=2, keepdims=True))
