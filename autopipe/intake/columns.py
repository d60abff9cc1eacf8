"""How the cells of one column become codes, numbers and texts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autopipe.intake import cells
from autopipe.intake.cells import Column, Level
from autopipe.intake.quantities import Notation
from autopipe.intake.values import ISO, Policy, numbers, seconds, truths
from autopipe.plain import from_json, to_json
from autopipe.roles import Role
from autopipe.table import Texts

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_LARGEST = 1e140  # whose square can be summed up over any number of rows
_MOST_UNSEEN = 0.5  # of the cells that are categories, beyond which these are written otherwise
_ROWS_THAT_TELL = 20  # fewer may be new by chance
_REPEATED_SHARE = 0.5  # of the rows; fewer distinct texts are copied faster than encoded


@dataclass(frozen=True)
class ColumnCoding:
    """How the cells of one column are read, as learned from the training rows.

    Parameters
    ----------
    role : how the cells are read
    has_missing : whether a training row had none
    precise : whether float32 would merge the numbers or overflow
    levels : the categories in the order of their codes, all numbers or all texts; behind them
        None where training rows had missing cells
    has_texts : whether the cells stand in the table as texts, maybe beside their codes
    date_format : how texts are read as times
    notation : how texts state numbers, where `float` would not read them
    is_torn : whether training rows had cells that could not be read; more are no news
    remark : what the user should know of the column
    """

    role: Role
    has_missing: bool = False
    precise: bool = False
    levels: tuple[Level | None, ...] = ()
    has_texts: bool = False
    date_format: str = ISO
    notation: Notation | None = None
    is_torn: bool = False
    remark: str = field(default="", compare=False)

    @property
    def parts(self) -> tuple[Role, ...]:
        """The roles of the coded columns that hold the cells: none, one or two."""
        if self.role in (Role.CONSTANT, Role.ID):
            return ()
        if self.role not in (Role.CATEGORICAL, Role.TEXT):
            return (self.role,)
        texts = (Role.TEXT,) if self.has_texts else ()
        return (Role.CATEGORICAL, *texts) if self.levels else texts

    @property
    def is_written(self) -> bool:
        """Whether cells are texts, so that one that looks like a number is none."""
        is_named = any(isinstance(level, str) for level in self.levels[:1])
        return is_named or self.has_texts or self.notation is not None

    def read(self, column: Column[Any]) -> NDArray[np.float64]:
        """The cells of a column of numbers, truth values or times, shape (rows,).

        Raises
        ------
        InputError
            If none of the cells can be read as the role says.
        """
        policy: Policy = "ignore" if self.is_torn else "warn"
        if self.role is Role.DATETIME:
            return seconds(column, self.date_format, policy)
        if self.role is Role.BOOLEAN:
            values = truths(column, policy)
        else:
            values = numbers(column, self.notation, policy)
        values[np.isinf(values)] = np.nan
        largest = _LARGEST if self.precise else _FLOAT32_MAX
        return np.clip(values, -largest, largest, out=values)

    def codes(self, column: Column[Any]) -> NDArray[np.int32]:
        """The codes of a column's categories, -1 where training rows had none like it.

        A missing cell has a code of its own where training rows had one, so that what it says
        is not said of categories that are new. Shape (rows,).
        """
        if self._named_by_numbers:
            places, distinct = cells.distinct(column)
            keys: list[Any] = [cells.number(cell) for cell in distinct]
        else:
            places, keys = distinct_texts(column)
        known_codes = (-1 if key is None else self._code_of.get(key, -1) for key in keys)
        codes = np.array([*known_codes, self.gap], dtype=np.int32)  # missing cells: place -1
        known = np.bincount(places[places >= 0], minlength=len(keys))
        unseen = int(known[codes[:-1] < 0].sum())
        if unseen > _MOST_UNSEEN * known.sum() and known.sum() >= _ROWS_THAT_TELL:
            warnings.warn(
                f"{unseen} of {known.sum()} cells of column {column.name!r} are of categories "
                "not seen in fit. Are they written in another way?",
                stacklevel=2,
            )
        return codes[places]

    def texts(self, column: Column[Any]) -> Texts:
        """The cells of a column as texts, empty where missing."""
        places, distinct = distinct_texts(column)
        distinct.append("")  # at place -1
        if len(distinct) < _REPEATED_SHARE * len(places):
            return Texts.of(distinct).take(places)
        return Texts.of([distinct[place] for place in places.tolist()])

    @property
    def gap(self) -> int:
        """The code of a missing category, -1 where it has none."""
        return self._code_of.get(None, -1)

    @cached_property
    def _code_of(self) -> Mapping[Any, int]:
        return {level: code for code, level in enumerate(self.levels)}

    @cached_property
    def _named_by_numbers(self) -> bool:
        return bool(self.levels) and not isinstance(self.levels[0], str)

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        state = asdict(self)
        del state["remark"]
        return state | {"levels": [to_json(level) for level in self.levels]}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ColumnCoding:
        """The coding whose `state` this is."""
        notation = state["notation"]
        return replace(
            cls(**state),
            role=Role(state["role"]),
            levels=tuple(from_json(level) for level in state["levels"]),
            notation=None if notation is None else Notation(**notation),
        )


def distinct_texts(column: Column[Any]) -> tuple[NDArray[np.intp], list[str]]:
    """The distinct cells as text, and for every row the place of its text, -1 if missing."""
    places, distinct = cells.distinct(column)
    if column.dtype == object and any(
        isinstance(c, (int, float, np.generic)) for c in distinct
    ):
        # True and 1 are the same to a hash table, but not as text: which of them stands
        # for both would depend on the order of the rows.
        missing = places < 0
        place_of: dict[str, int] = {}
        places = places.copy()
        places[~missing] = [
            place_of.setdefault(cells.text(cell), len(place_of))
            for cell in column.to_numpy()[~missing]
        ]
        return places, list(place_of)
    return places, [cells.text(cell) for cell in distinct]
