"""Which rows of the child tables each row of the frame may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from autopipe.intake import cells
from autopipe.intake.cells import Column
from autopipe.relations.schema import Link
from autopipe.task import FloatArray, IntArray

_MOST_COPIES = 1_000_000  # of the rows of child tables, that are held at once


class Copies(NamedTuple):
    """Copies of the rows of a child table, one for every row above that sees it.

    Parameters
    ----------
    parents : the place of the row above, for every copy
    rows : of the table; those of one parent in the order of time
    cutoffs : of the row of the frame that each is for
    """

    parents: IntArray
    rows: IntArray
    cutoffs: FloatArray | None


@dataclass(frozen=True, eq=False)
class Histories:
    """The rows of a child table by what they belong to, in the order of time.

    A row of no key, and where times count one of no time, belongs to nothing.

    Parameters
    ----------
    keys : the distinct ones
    order : rows by the place of their key, then by time
    starts : array of shape (keys + 1,)
        The history of a key lies between two of these in `order`.
    moments : the distinct times, sorted
    marks : array of shape (order,), sorted
        The place of the key and that of the moment in one number.
    """

    keys: pd.Index[Any]
    order: IntArray
    starts: IntArray
    moments: FloatArray
    marks: IntArray

    @classmethod
    def of(cls, keys: Column[Any], times: FloatArray | None) -> Histories:
        """The histories in a table with such keys and times; without times, in its order."""
        places, distinct = cells.distinct(keys)
        counted = places >= 0
        if times is None:
            times = np.zeros(len(places))
        else:
            counted &= ~np.isnan(times)
        moments, when = np.unique(times[counted], return_inverse=True)
        marks = places[counted] * len(moments) + when
        order = np.argsort(marks, kind="stable")
        counts = np.bincount(places[counted], minlength=len(distinct))
        return cls(
            pd.Index(distinct, dtype=object),
            np.flatnonzero(counted)[order],
            np.concatenate([[0], np.cumsum(counts)]),
            moments,
            marks[order],
        )

    def places(self, keys: Column[Any]) -> IntArray:
        """The place of every key, -1 where no row has it."""
        places, distinct = cells.distinct(keys)
        found = self.keys.get_indexer(pd.Index(distinct, dtype=object))
        return np.asarray(np.append(found, -1)[places])

    def counts(self, places: IntArray, cutoffs: FloatArray | None) -> IntArray:
        """How many rows belong to each key, up to its cutoff and that moment included.

        A missing cutoff lets nothing be seen.
        """
        ends, is_blind = self.starts[places + 1], places < 0
        if cutoffs is not None:
            last = np.searchsorted(self.moments, cutoffs, side="right") - 1
            ends = np.searchsorted(self.marks, places * len(self.moments) + last, side="right")
            is_blind = is_blind | np.isnan(cutoffs)
        return np.asarray(np.where(is_blind, 0, ends - self.starts[places]))

    def rows(self, places: IntArray, counts: IntArray) -> IntArray:
        """The first rows of each history, as many as `counts` says."""
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.asarray(self.order[np.repeat(self.starts[places], counts) + within])

    def copies(self, places: IntArray, counts: IntArray, below: IntArray | None) -> IntArray:
        """How many copies the first rows of each history are, with those below them.

        Parameters
        ----------
        counts : of how many rows of each
        below : copies below each row of the table; None for none
        """
        of_each = np.ones_like(self.order) if below is None else 1 + below[self.order]
        total, begins = np.append(0, np.cumsum(of_each)), self.starts[places]
        return np.asarray(total[begins + counts] - total[begins])


@dataclass(frozen=True, eq=False)
class View:
    """What the distinct rows of a frame see: rows of equal keys and cutoff see the same.

    Parameters
    ----------
    which : of these each row of the frame is
    cutoffs : of the distinct rows
    links : to child tables, after those to their parents
    times : of the rows of every child table, where they count
    """

    which: IntArray
    cutoffs: FloatArray | None
    links: Sequence[Link]
    times: Mapping[str, FloatArray | None]
    _histories: Mapping[str, Histories]  # by child table
    _places: Mapping[str, IntArray]  # in these, of the rows above

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        tables: Mapping[str, pd.DataFrame],
        links: Sequence[Link],
        times: Mapping[str, FloatArray | None],
        cutoffs: FloatArray | None,
    ) -> View:
        """What the rows of a frame see of the tables."""
        histories = {
            link.child: Histories.of(tables[link.child][link.foreign], times[link.child])
            for link in links
        }
        places = {
            link.child: histories[link.child].places(tables.get(link.parent, frame)[link.key])
            for link in links
        }
        codes = [places[link.child] for link in links if link.parent not in tables]
        if cutoffs is not None:
            codes.append(pd.factorize(cutoffs)[0])
        _, first, which = np.unique(
            np.stack(codes, axis=1), axis=0, return_index=True, return_inverse=True
        )
        for link in links:
            if link.parent not in tables:
                places[link.child] = places[link.child][first]
        cut = None if cutoffs is None else cutoffs[first]
        return cls(which.ravel(), cut, links, times, histories, places)

    def __len__(self) -> int:
        return len(next(iter(self._places.values())))

    def chunks(self) -> Iterator[IntArray]:
        """The distinct rows in portions whose copies fit into memory.

        What belongs to copies is counted whole, though a cutoff may hide some of it.
        """
        below: dict[str, Any] = {}  # copies below each row of a table
        for link in reversed(self.links):
            histories, places = self._histories[link.child], self._places[link.child]
            is_top = link.parent not in self._histories
            cutoffs = self._until(link.child, self.cutoffs) if is_top else None
            copies = histories.copies(
                places, histories.counts(places, cutoffs), below.get(link.child)
            )
            below[link.parent] = below.get(link.parent, 0) + copies
        total = np.sum(below[self.links[0].parent])
        count = max(1, min(len(self), 1 + total // _MOST_COPIES))
        return iter(np.array_split(np.arange(len(self)), count))

    def _until(self, name: str, cutoffs: FloatArray | None) -> FloatArray | None:
        return None if self.times[name] is None else cutoffs

    def copies(self, rows: IntArray) -> dict[str, Copies]:
        """What some of the distinct rows see of every child table, each for itself."""
        cutoffs = None if self.cutoffs is None else self.cutoffs[rows]
        seen: dict[str, Copies] = {}
        for link in self.links:
            name, above = link.child, seen.get(link.parent, Copies(rows, rows, cutoffs))
            histories, places = self._histories[name], self._places[name][above.rows]
            counts = histories.counts(places, self._until(name, above.cutoffs))
            copied = histories.rows(places, counts)
            parents = np.repeat(np.arange(len(counts)), counts)
            cut = None if above.cutoffs is None else above.cutoffs[parents]
            times = self.times[name]
            if times is not None and link.parent in seen:  # of several parents, in one order
                order = np.argsort(times[copied], kind="stable")
                parents, copied = parents[order], copied[order]
                cut = None if cut is None else cut[order]
            seen[name] = Copies(parents, copied, cut)
        return seen
