"""A child table, and how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError
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
    has_text_keys : whether the keys are texts, so that "0017" is not 17
    """

    link: Link
    columns: Mapping[str, ColumnCoding]
    time: str | None = None
    has_text_keys: bool = False

    @property
    def name(self) -> str:
        """What the table is called."""
        return self.link.child

    def times(self, table: pd.DataFrame) -> FloatArray | None:
        """When each row became known, NaN where that is missing."""
        return None if self.time is None else self.columns[self.time].read(table[self.time])

    def values(
        self,
        table: pd.DataFrame,
        rows: IntArray,
        cutoffs: FloatArray | None,
        cutoff: Role | None,
    ) -> dict[str, Any]:
        """The cells of some rows by the place of their column: numbers, or categories.

        Parameters
        ----------
        rows : each maybe more than once
        cutoffs : of each of them; what can be compared with it is then told by how long it is
            before it, times in days, and missing where it is after it. Other times are days
            since 1970.
        cutoff : what the cutoffs are, times or numbers; None without any
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
            numbers = _numbers(coding, told[name], table[name])[place_of]
            if cutoffs is not None and self._counts_back(name, cutoff):
                numbers = cutoffs - numbers
                numbers[numbers < 0] = np.nan
            is_date = coding.role is Role.DATETIME
            values[f"c{place}"] = numbers / _DAY if is_date else numbers
        return values

    def shown(self, column: str, cutoff: Role | None) -> str:
        """What a column of `values` is called in a formula."""
        name, coding = list(self.columns.items())[int(column[1:])]
        is_date = coding.role is Role.DATETIME
        if self._counts_back(name, cutoff):
            return f"{'days' if is_date else 'time'} since {self.name}.{name}"
        return f"day of {self.name}.{name}" if is_date else f"{self.name}.{name}"

    def _counts_back(self, name: str, cutoff: Role | None) -> bool:
        """Whether a column is told by how long it is before the cutoff."""
        is_date = self.columns[name].role is Role.DATETIME
        return cutoff is not None and (
            name == self.time or (is_date and cutoff is Role.DATETIME)
        )

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        columns = [[name, coding.state()] for name, coding in self.columns.items()]
        return {
            "link": list(self.link),
            "columns": columns,
            "time": self.time,
            "has_text_keys": self.has_text_keys,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Child:
        """The child whose `state` this is."""
        columns = {name: ColumnCoding.restore(coding) for name, coding in state["columns"]}
        has_text_keys = state.get("has_text_keys", False)
        return cls(Link(*state["link"]), columns, state["time"], has_text_keys)


def _numbers(coding: ColumnCoding, told: pd.Series[Any], column: pd.Series[Any]) -> FloatArray:
    """Some cells of a column as numbers; that none of them is one says nothing of the others.

    Raises
    ------
    InputError
        If none of the whole column can be read.
    """
    try:
        return coding.read(told)
    except InputError:
        coding.read(column)
        return np.full(len(told), np.nan)
