"""A child table, and how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autopipe.intake.columns import ColumnCoding, distinct_texts
from autopipe.relations.schema import Link
from autopipe.roles import Role
from autopipe.task import FloatArray, IntArray

_DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class Child:
    """A table below another one, and how its cells are read.

    Parameters
    ----------
    link : to the table above
    columns : how those that features are made of are read
    time : the column that tells when a row became known; None where nothing does
    """

    link: Link
    columns: Mapping[str, ColumnCoding]
    time: str | None = None

    @property
    def name(self) -> str:
        """What the table is called."""
        return self.link.child

    def times(self, table: pd.DataFrame) -> FloatArray | None:
        """When each row became known, NaN where that is missing."""
        return None if self.time is None else self.columns[self.time].read(table[self.time])

    def values(
        self, table: pd.DataFrame, rows: IntArray, cutoffs: FloatArray | None
    ) -> dict[str, Any]:
        """The cells of some rows by the place of their column: numbers, or categories.

        Parameters
        ----------
        rows : each maybe more than once
        cutoffs : of each of them; times are then told by how long they are before it, in days,
            and missing where they are after it. Without cutoffs they are days since 1970.
        """
        read, place_of = np.unique(rows, return_inverse=True)
        told = table.iloc[read]
        values: dict[str, Any] = {}
        for place, (name, coding) in enumerate(self.columns.items()):
            if coding.role is Role.CATEGORICAL:
                places, texts = distinct_texts(told[name])
                strings = np.array([*texts, None], dtype=object)[places]
                # Sorted levels: of modes that are tied, the first level is taken.
                values[f"c{place}"] = pd.Categorical(strings).take(place_of)
                continue
            numbers: FloatArray = coding.read(told[name])[place_of]
            if name == self.time or coding.role is Role.DATETIME:
                numbers = _before(numbers, cutoffs, coding.role is Role.DATETIME)
            values[f"c{place}"] = numbers
        return values

    def shown(self, column: str, has_cutoff: bool) -> str:
        """What a column of `values` is called in a formula."""
        name, coding = list(self.columns.items())[int(column[1:])]
        if has_cutoff and name == self.time and coding.role is not Role.DATETIME:
            return f"time since {self.name}.{name}"
        if coding.role is Role.DATETIME:
            return f"{'days since' if has_cutoff else 'day of'} {self.name}.{name}"
        return f"{self.name}.{name}"

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        columns = [[name, coding.state()] for name, coding in self.columns.items()]
        return {"link": list(self.link), "columns": columns, "time": self.time}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Child:
        """The child whose `state` this is."""
        columns = {name: ColumnCoding.restore(coding) for name, coding in state["columns"]}
        return cls(Link(*state["link"]), columns, state["time"])


def _before(times: FloatArray, cutoffs: FloatArray | None, are_seconds: bool) -> FloatArray:
    if cutoffs is not None:
        times = cutoffs - times
        times[times < 0] = np.nan
    return times / _DAY if are_seconds else times
