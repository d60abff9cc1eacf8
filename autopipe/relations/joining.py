"""The columns that a model has of child tables, made again for the rows to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError
from autopipe.intake.columns import ColumnCoding
from autopipe.intake.frames import as_frame
from autopipe.relations.checks import check_columns, check_kinds
from autopipe.relations.children import Child
from autopipe.relations.histories import View
from autopipe.relations.synthesis import Below, computed, entities_of, read
from autopipe.relations.times import check_zones
from autopipe.suggestion import did_you_mean
from autopipe.task import FloatArray, IntArray


@dataclass(frozen=True)
class Joining:
    """How columns are made of child tables, as learned from those of `fit`.

    Each row of the frame is given its own copy of what it may see of the child tables, and
    the features are computed of these copies: no other row, and nothing after its cutoff, can
    have a part in them.

    Parameters
    ----------
    frame : what the relationships call the table that is predicted
    children : the tables below it, after their parents
    cutoff : the column of the frame up to which child rows count, and how it is read
    definitions : featuretools' JSON of what is computed
    formulas : what the columns are called
    """

    frame: str
    children: tuple[Child, ...]
    cutoff: tuple[str, ColumnCoding] | None = None
    definitions: str = ""
    formulas: tuple[str, ...] = ()

    @property
    def known(self) -> dict[str, dict[str, bool]]:
        """By table, its columns and whether each is of texts, for `frames_of`."""
        known = {
            child.name: {name: column.is_written for name, column in child.columns.items()}
            for child in self.children
        }
        for child in self.children:
            known[child.name][child.link.foreign] = child.has_text_keys
            if child.link.parent in known:
                known[child.link.parent][child.link.key] = child.has_text_keys
        return known

    @property
    def known_keys(self) -> dict[str, bool]:
        """The keys of the frame, and whether each is of texts, for `as_frame`."""
        above = (child for child in self.children if child.link.parent == self.frame)
        return {child.link.key: child.has_text_keys for child in above}

    def joined(self, X: Any, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """A frame with the columns that are made for its rows behind its own.

        Raises
        ------
        InputError
            If a table or column is missing.
        """
        frame = as_frame(X)
        self._check(frame, tables)
        if not self.formulas or frame.empty:
            return frame.reindex(columns=[*frame.columns, *self.formulas])
        view = self.view(frame, tables)
        features = read(self.definitions)
        parts = [
            computed(features, self.entities(view, rows, tables)) for rows in view.chunks()
        ]
        made = _stacked(parts).iloc[view.which]
        made.index, made.columns = frame.index, pd.Index(self.formulas)
        return pd.concat([frame, made], axis=1)

    def view(self, frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> View:
        """What the rows of a frame see of the tables.

        Raises
        ------
        InputError
            If their times cannot be compared.
        """
        times = {child.name: child.times(tables[child.name]) for child in self.children}
        cutoffs: FloatArray | None = None
        if self.cutoff is None:
            for one in times.values():
                if one is not None:  # it tells the order alone, and all rows count
                    one[np.isnan(one)] = -np.inf
        else:
            name, coding = self.cutoff
            cutoffs = coding.read(frame[name])
            for child in self.children:
                if child.time is not None:
                    check_zones(frame[name], tables[child.name][child.time], child.name)
        return View.of(frame, tables, [child.link for child in self.children], times, cutoffs)

    def entities(
        self, view: View, rows: IntArray, tables: Mapping[str, pd.DataFrame]
    ) -> Any:  # featuretools carries no types
        """The copies of child rows that some distinct rows of the frame see."""
        cutoff = None if self.cutoff is None else self.cutoff[1].role
        below = []
        seen = view.copies(rows)
        for child in self.children:
            copies = seen[child.name]
            values = child.values(tables[child.name], copies.rows, copies.cutoffs, cutoff)
            below.append(Below(child.name, child.link.parent, copies.parents, values))
        return entities_of(self.frame, len(rows), below)

    def _check(self, frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> None:
        wanted = {child.name: [child.link.foreign, *child.columns] for child in self.children}
        of_frame = [] if self.cutoff is None else [self.cutoff[0]]
        for child in self.children:
            wanted.get(child.link.parent, of_frame).append(child.link.key)
        for name in tables:
            if name not in wanted:
                raise InputError(
                    f"tables has {name!r}, which the model was not fitted with."
                    f"{did_you_mean(name, wanted)} It was with {', '.join(map(repr, wanted))}."
                )
        for name, columns in wanted.items():
            if name not in tables:
                raise InputError(
                    f"The model was fitted with the table {name!r}, which is missing; give "
                    f"tables={{{name!r}: ...}}, with the rows that are known of these "
                    f"{self.frame}."
                )
            check_columns(tables[name], columns, f"The table {name!r}")
        check_columns(frame, of_frame, "X")
        for child in self.children:
            check_kinds(tables.get(child.link.parent, frame), tables[child.name], child.link)

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        return {
            "frame": self.frame,
            "children": [child.state() for child in self.children],
            "cutoff": None if self.cutoff is None else [self.cutoff[0], self.cutoff[1].state()],
            "definitions": self.definitions,
            "formulas": list(self.formulas),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Joining:
        """The joining whose `state` this is."""
        cutoff = state["cutoff"]
        return cls(
            state["frame"],
            tuple(Child.restore(child) for child in state["children"]),
            None if cutoff is None else (cutoff[0], ColumnCoding.restore(cutoff[1])),
            state["definitions"],
            tuple(state["formulas"]),
        )


def joined(joining: Joining | None, X: Any, tables: object) -> Any:
    """A table with the columns that a model has of others; as it is where it has none.

    Raises
    ------
    InputError
        If tables are given to a model without, or the other way round, or lack something.
    """
    if joining is None:
        if tables is not None:
            raise InputError(
                "tables=...: the model was fitted to one table alone; leave them out."
            )
        return X
    if tables is None:
        names = ", ".join(f'"{child.name}": ...' for child in joining.children)
        raise InputError(
            f"The model was fitted with other tables beside X; give tables={{{names}}} too."
        )
    return joining.joined(X, frames_of(tables, joining.known))


def frames_of(
    tables: object, known: Mapping[str, Mapping[str, bool]] | None = None
) -> dict[str, pd.DataFrame]:
    """The tables that a user gives, as frames whose columns are named by texts.

    Parameters
    ----------
    known : by table, the columns that a file should have, as for `read_table`

    Raises
    ------
    InputError
        If they are not named, one is no table, or it names a column twice.
    """
    if not isinstance(tables, Mapping):
        raise InputError(
            f"tables is a {type(tables).__name__}; wanted a dict of tables by name, such as "
            '{"orders": orders}.'
        )
    frames = {}
    for name, table in tables.items():
        frame = as_frame(table, (known or {}).get(str(name)))
        frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
        twice = frame.columns[frame.columns.duplicated()].tolist()
        if twice:
            raise InputError(f"The table {name!r} has several columns called {twice[0]!r}.")
        frames[str(name)] = frame
    return frames


def _stacked(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns above each other; categories stay such."""
    if len(parts) == 1:
        return parts[0]
    columns = {}
    for name in parts[0].columns:
        pieces: Iterator[Any] = (part[name] for part in parts)
        if isinstance(parts[0][name].dtype, pd.CategoricalDtype):
            whole = pd.api.types.union_categoricals(list(pieces))
            columns[name] = pd.Series(whole)
        else:
            columns[name] = pd.Series(np.concatenate([piece.to_numpy() for piece in pieces]))
    return pd.DataFrame(columns, copy=False)
