"""The user's table read once, into the plain arrays that all learners share."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autopipe.errors import InputError, OptionError, ShapeError
from autopipe.intake import cells
from autopipe.intake.columns import ColumnCoding
from autopipe.intake.frames import as_frame, is_named
from autopipe.intake.recognition import learn_column
from autopipe.plain import from_json, plain, to_json
from autopipe.roles import Role
from autopipe.suggestion import did_you_mean
from autopipe.table import Column, Schema, Table, Texts, place_columns

log = logging.getLogger(__name__)

_ROLE_OF_LAST_RESORT = {"number": Role.NUMERIC, "text": Role.TEXT}


@dataclass(frozen=True)
class Coding:
    """How a table is coded, as learned from the training frame.

    Parameters
    ----------
    columns : how each column of the training frame is read, by the user's name and in order
    named : whether the training table had names, or only positions

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [1.5, 2.0, None], "colour": ["red", "blue", "red"]})
    >>> coding = Coding.learn(frame)
    >>> coding.roles
    {'size': <Role.NUMERIC: 'numeric'>, 'colour': <Role.CATEGORICAL: 'categorical'>}
    >>> coding.encode(frame).codes.ravel().tolist()
    [1, 0, 1]
    """

    columns: Mapping[Hashable, ColumnCoding]
    named: bool = True

    @classmethod
    def learn(
        cls, X: Any, roles: Mapping[Any, str] | None = None, former: Coding | None = None
    ) -> Coding:
        """Learn from the training table how to code it and those to come.

        Parameters
        ----------
        X : whatever `as_frame` takes
        roles : roles of some columns, where the cells alone would mislead
        former : of other rows; then the columns keep their places, roles and parts, and
            those that are not in the table stay as they were

        Raises
        ------
        InputError
            If the table is empty, names a column twice, or has cells that no role takes.
        OptionError
            If `roles` has an unknown column or role.
        """
        frame = as_frame(X)
        names = _names(frame)
        _check_shape(frame)
        if former is not None:
            return former._learned_again(frame, is_named(X))
        chosen = _chosen_roles(roles or {}, names)
        columns = {
            name: learn_column(column, chosen.get(name))
            for name, (_, column) in zip(names, frame.items(), strict=True)
        }
        if not any(column.parts for column in columns.values()):
            # A number or name of the row is better than nothing.
            columns |= {
                name: learn_column(series, _ROLE_OF_LAST_RESORT[cells.kind(series)])
                for name, (_, series) in zip(names, frame.items(), strict=True)
                if columns[name].role is Role.ID and name not in chosen
            }
        _warn_of_remarks(columns)
        coding = cls(columns, is_named(X))
        if not coding.schema.columns:
            raise InputError(
                f"None of the {len(names)} columns varies in {len(frame)} sample(s); there is "
                "nothing to learn from. Was the table filtered to a single row or group?"
            )
        return coding

    def _learned_again(self, frame: pd.DataFrame, named: bool) -> Coding:
        """The coding of other rows, their columns by position where one table has no names."""
        names = list(self.columns)
        if named and self.named:
            names = self.own_names(_names(frame))
        found = dict(zip(names, (column for _, column in frame.items()), strict=False))
        columns = {
            name: learn_column(found[name], former=column) if name in found else column
            for name, column in self.columns.items()
        }
        _warn_of_remarks(columns)
        return replace(self, columns=columns)

    @cached_property
    def known(self) -> dict[str, bool]:
        """The columns that are needed, as a file names them, and whether each is of texts."""
        return {str(name): each.is_written for name, each in self.columns.items() if each.parts}

    def own_names(self, names: Sequence[Hashable]) -> list[Hashable]:
        """The names of a frame's columns in the way of training: "7" in a file may be 7."""
        given = set(names)
        written = {str(own): own for own in self.columns if own not in given}
        return [one if one in self.columns else written.get(str(one), one) for one in names]

    @property
    def roles(self) -> dict[Hashable, Role]:
        """The role of every column by the user's name."""
        return {name: column.role for name, column in self.columns.items()}

    @cached_property
    def _parts(self) -> dict[str, tuple[int, Role]]:
        """For every coded column its place in training and its role.

        Texts that stand beside the categories they spell are called c5t beside c5.
        """
        parts = {}
        for place, column in enumerate(self.columns.values()):
            for role in column.parts:
                twin = "t" if role is Role.TEXT and len(column.parts) > 1 else ""
                parts[f"c{place}{twin}"] = (place, role)
        return parts

    @cached_property
    def schema(self) -> Schema:
        """The columns of the coded table, named c0, c1, ... by their place in training."""
        codings = list(self.columns.values())
        inner = {name: codings[place] for name, (place, _) in self._parts.items()}
        roles = {name: role for name, (_, role) in self._parts.items()}
        coded = {name: inner[name] for name in roles if roles[name] is Role.CATEGORICAL}
        return place_columns(
            roles,
            {name: len(column.levels) for name, column in coded.items()},
            {name: column.has_missing for name, column in inner.items()},
            frozenset(name for name, column in inner.items() if column.precise),
            {name: column.gap for name, column in coded.items()},
        )

    @property
    def coded(self) -> dict[Hashable, list[Column]]:
        """The columns of the coded table by the user's name of what they hold."""
        names = list(self.columns)
        coded: dict[Hashable, list[Column]] = {name: [] for name in names}
        for column in self.schema.columns:
            coded[names[self._parts[column.name][0]]].append(column)
        return coded

    def encode(self, X: Any, owner: str = "autopipe") -> Table:
        """Code a table with columns of the training table, in any order.

        Parameters
        ----------
        X : whatever `as_frame` takes; columns without names are matched by position
        owner : who asks, for messages

        Raises
        ------
        InputError
            If a column is missing or cannot be read.
        ShapeError
            If columns are matched by position and their number differs.
        """
        frame = as_frame(X, self.known)
        places = self._places(frame, is_named(X), owner)
        columns = [column for _, column in frame.items()]
        widths = Counter(column.block for column in self.schema.columns)
        rows = len(frame)
        # Column by column: each is written and later read as one stretch of memory.
        numbers = np.empty((rows, widths["numbers"]), np.float32, order="F")
        precise = np.empty((rows, widths["precise"]), np.float64, order="F")
        codes = np.empty((rows, widths["codes"]), np.int32, order="F")
        blocks: dict[str, NDArray[Any]] = {"numbers": numbers, "precise": precise}
        texts: list[Texts] = []
        codings = list(self.columns.values())
        for column in self.schema.columns:
            place = self._parts[column.name][0]
            coding, raw = codings[place], columns[places[place]]
            if column.block == "texts":
                texts.append(coding.texts(raw))
            elif column.block == "codes":
                codes[:, column.index] = coding.codes(raw)
            else:
                blocks[column.block][:, column.index] = coding.read(raw)
        return Table(self.schema, numbers, precise, codes, tuple(texts))

    def _places(self, frame: pd.DataFrame, named: bool, owner: str) -> Sequence[int]:
        """Where in the frame the columns of the training table stand, -1 where not needed."""
        width = len(self.columns)
        if not (named and self.named):
            if frame.shape[1] != width:
                raise ShapeError(
                    f"X has {frame.shape[1]} features, but {owner} is expecting {width} "
                    "features as input."
                )
            if self.named:
                warnings.warn(
                    f"X does not have valid feature names, but {owner} was fitted with "
                    "feature names",
                    stacklevel=3,
                )
            elif named and _names(frame) != list(self.columns):
                warnings.warn(
                    f"X has feature names, but {owner} was fitted without feature names",
                    stacklevel=3,
                )
            return range(width)
        names = self.own_names(_names(frame))
        place_of = {name: place for place, name in enumerate(names)}
        used = (name for name, column in self.columns.items() if column.parts)
        missing = [name for name in used if name not in place_of]
        if missing:
            raise InputError(
                f"X lacks {_listed(missing)}, which {owner} was fitted with. "
                f"It has {_listed(names)}."
            )
        extra = [name for name in names if name not in self.columns]
        if extra:
            warnings.warn(
                f"X has {_listed(extra)}, which {owner} was not fitted with: ignored.",
                stacklevel=3,
            )
        return [place_of.get(name, -1) for name in self.columns]

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        return {
            "named": self.named,
            "columns": [
                {"name": to_json(name), **column.state()}
                for name, column in self.columns.items()
            ],
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Coding:
        """The coding whose `state` this is."""
        columns = {}
        for row in state["columns"]:
            name = from_json(row["name"])
            columns[name] = ColumnCoding.restore(
                {key: value for key, value in row.items() if key != "name"}
            )
        return cls(columns, state["named"])


def _names(frame: pd.DataFrame) -> list[Hashable]:
    names: list[Hashable] = [plain(name) for name in frame.columns.tolist()]
    if len(set(names)) < len(names):
        twice = list(dict.fromkeys(name for name in names if names.count(name) > 1))
        raise InputError(
            f"X has several columns with one name: {_listed(twice)}. Rename them or drop all "
            "but one, as with X.loc[:, ~X.columns.duplicated()]."
        )
    return names


def _check_shape(frame: pd.DataFrame) -> None:
    rows, width = frame.shape
    for count, what in ((width, "feature"), (rows, "sample")):
        if not count:  # scikit-learn's words, which its contract tests look for
            raise InputError(
                f"Found array with 0 {what}(s) (shape={frame.shape}) while a minimum of 1 is "
                "required. Was the table filtered too far?"
            )


def _chosen_roles(roles: Mapping[Any, str], names: Sequence[Hashable]) -> dict[Hashable, Role]:
    if not isinstance(roles, Mapping):
        raise OptionError(
            f"roles={roles!r}: give the role of each column by its name, as in "
            "{'zip_code': 'categorical'}."
        )
    chosen: dict[Hashable, Role] = {}
    known = set(names)
    for given, role in roles.items():
        name = plain(given)
        if name not in known:
            raise OptionError(
                f"roles={{{given!r}: ...}}: X has no such column."
                f"{did_you_mean(name, names)} X has {_listed(names)}."
            )
        if role not in tuple(Role):
            raise OptionError(
                f"roles={{{given!r}: {role!r}}}: there is no such role."
                f"{did_you_mean(role, tuple(Role))} Known: {', '.join(Role)}."
            )
        chosen[name] = Role(role)
    return chosen


def _listed(names: Sequence[Hashable], most: int = 10) -> str:
    """Columns for a message, cut where there are many or a name is long."""
    shown = ", ".join(repr(name)[:60] for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"column{'s' if len(names) != 1 else ''} {shown}{more}"


def _warn_of_remarks(columns: Mapping[Hashable, ColumnCoding]) -> None:
    by_remark: dict[str, list[Hashable]] = {}
    for name, column in columns.items():
        if column.remark:
            by_remark.setdefault(column.remark, []).append(name)
    for remark, names in by_remark.items():
        warnings.warn(f"X has {_listed(names)} with {remark}.", stacklevel=4)
    constant = [name for name, column in columns.items() if column.role is Role.CONSTANT]
    if constant:
        log.info("%s dropped, having one value or none", _listed(constant))
