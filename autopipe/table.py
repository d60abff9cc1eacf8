"""The user's table, coded once: plain arrays that workers can map into memory.

Only numpy is imported, so that the source can stand in an exported script.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autopipe.matrix import are_new
from autopipe.roles import Role

_BLOCK_OF_ROLE = {
    Role.NUMERIC: "numbers",
    Role.BOOLEAN: "numbers",
    Role.CATEGORICAL: "codes",
    Role.DATETIME: "precise",
    Role.TEXT: "texts",
}
_BLOCKS = ("numbers", "precise", "codes")
_ONE_AT_A_TIME = threading.Lock()

_T = TypeVar("_T")


@dataclass(frozen=True)
class Column:
    """One coded column and where its values lie.

    Parameters
    ----------
    name : c0, c1, ... inside; the user's names are kept with the coding
    role : how the values are read
    block : "numbers", "precise", "codes" or "texts"
    index : the column within the block
    levels : number of categories, 0 where there are none
    has_missing : whether a value was missing when the coding was made
    gap : of categories, the code of a missing cell, where one was missing then; else -1, as
        for what is new
    monotone : 1 where predictions may only rise with the column, -1 where they may only fall,
        0 where they are free
    """

    name: str
    role: Role
    block: str
    index: int
    levels: int = 0
    has_missing: bool = False
    monotone: int = 0
    gap: int = -1


@dataclass(frozen=True)
class Schema:
    """The columns of a table without its rows: all that a grammar has to know."""

    columns: tuple[Column, ...]

    def having(self, *roles: Role) -> tuple[Column, ...]:
        """The columns of these roles."""
        return tuple(column for column in self.columns if column.role in roles)

    @property
    def is_monotone(self) -> bool:
        """Whether predictions are bound to rise or fall with some column."""
        return any(column.monotone for column in self.columns)


@dataclass(frozen=True, eq=False)
class Texts:
    """One column of texts as UTF-8 bytes, laid end to end.

    Parameters
    ----------
    buffer : uint8 array of shape (bytes,)
    offsets : int64 array of shape (rows + 1,)
        Text i lies between offsets i and i + 1; a missing one is empty.
    """

    buffer: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, strings: Sequence[str]) -> Texts:
        """The column that holds these texts."""
        encoded = [string.encode("utf-8", "replace") for string in strings]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def strings(self) -> list[str]:
        """The texts."""
        whole = self.buffer.tobytes()
        ends = self.offsets.tolist()
        return [whole[i:j].decode() for i, j in pairwise(ends)]

    def once(self, name: str, make: Callable[[], _T]) -> _T:
        """What readers make of the texts, made by the first of them and kept for the others.

        Parameters
        ----------
        name : of what is made
        """
        with _ONE_AT_A_TIME:
            if name not in self._made:
                self._made[name] = make()
            made: _T = self._made[name]
            return made

    def take(self, rows: NDArray[np.integer] | slice) -> Texts:
        """Some rows, in the order given."""
        starts, ends = self.offsets[:-1][rows], self.offsets[1:][rows]
        offsets = np.concatenate([[0], np.cumsum(ends - starts)])
        whole = np.ascontiguousarray(self.buffer).data
        parts = (whole[i:j] for i, j in zip(starts.tolist(), ends.tolist(), strict=True))
        return Texts(np.frombuffer(b"".join(parts), np.uint8), offsets)


@dataclass(frozen=True, eq=False)
class Table:
    """Coded columns in blocks, each column contiguous.

    Parameters
    ----------
    schema : the columns
    numbers : float32 array of shape (rows, columns in the block), NaN where missing
        Numbers and booleans.
    precise : float64 array, NaN where missing
        Numbers that float32 would merge, and times as seconds since 1970 in UTC.
    codes : int32 array, -1 where a category is new
        Categories, of which one may be for missing cells.
    texts : the columns of texts
    """

    schema: Schema
    numbers: NDArray[np.float32]
    precise: NDArray[np.float64]
    codes: NDArray[np.int32]
    texts: tuple[Texts, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks."""
        blocks = self.numbers.nbytes + self.precise.nbytes + self.codes.nbytes
        return blocks + sum(text.buffer.nbytes + text.offsets.nbytes for text in self.texts)

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Which cells of the categories are missing, shape (rows, columns of the block)."""
        gaps = np.full(self.codes.shape[1], -1)
        for column in self.schema.having(Role.CATEGORICAL):
            gaps[column.index] = column.gap
        missing: NDArray[np.bool_] = self.codes == gaps
        return missing

    def values(self, column: Column) -> NDArray[np.float32 | np.float64 | np.int32]:
        """The values of one column that holds no texts, shape (rows,)."""
        block: NDArray[np.float32 | np.float64 | np.int32] = getattr(self, column.block)
        return block[:, column.index]

    def take(self, rows: NDArray[np.integer] | slice) -> Table:
        """Some rows, in the order given."""
        texts = tuple(text.take(rows) for text in self.texts)
        blocks = (self.numbers[rows], self.precise[rows], self.codes[rows])
        return Table(self.schema, *blocks, texts)

    def take_new(self, rows: NDArray[np.integer], known: NDArray[np.integer]) -> Table:
        """Some rows as if the `known` ones were all that was ever seen.

        Categories that none of these has are new.
        """
        taken = self.take(rows)
        for column in self.schema.columns:
            if column.levels and column.block == "codes":
                codes = taken.codes[:, column.index]
                seen = self.codes[known, column.index]
                codes[are_new(codes, seen, column.levels)] = -1
        return taken

    def with_numbers(self, added: Mapping[str, NDArray[np.floating]]) -> Table:
        """A copy with columns of numbers added behind the others, by name.

        A name that is taken gets a stroke.
        """
        taken = {column.name for column in self.schema.columns}
        width = self.numbers.shape[1]
        columns = []
        for index, name in enumerate(added):
            while name in taken:  # by another operator of this kind below
                name += "'"
            columns.append(Column(name, Role.NUMERIC, "numbers", width + index))
        numbers = np.empty((len(self), width + len(added)), np.float32, order="F")
        numbers[:, :width] = self.numbers
        for index, values in enumerate(added.values(), width):
            numbers[:, index] = values
        return replace(self, schema=Schema((*self.schema.columns, *columns)), numbers=numbers)

    def fingerprint(self) -> str:
        """A hash of schema and values: equal for equal tables, in every process."""
        digest = hashlib.blake2b(json.dumps(_as_json(self.schema)).encode(), digest_size=16)
        for block in (self.numbers, self.precise, self.codes):
            digest.update(np.ascontiguousarray(block.T).data)  # which copies nothing
        for text in self.texts:
            digest.update(np.ascontiguousarray(text.offsets).data)
            digest.update(np.ascontiguousarray(text.buffer).data)
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the blocks as .npy files and the schema as JSON into an existing folder."""
        (folder / "schema.json").write_text(json.dumps(_as_json(self.schema)))
        for name in _BLOCKS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        for index, text in enumerate(self.texts):
            np.save(folder / f"text{index}.buffer.npy", text.buffer)
            np.save(folder / f"text{index}.offsets.npy", text.offsets)

    @classmethod
    def open(cls, folder: Path) -> Table:
        """The table that `save` wrote, mapped into memory and read-only."""

        def mapped(name: str) -> Any:  # an array of whatever type was saved
            return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

        schema = _from_json(json.loads((folder / "schema.json").read_text()))
        texts = tuple(
            Texts(mapped(f"text{index}.buffer"), mapped(f"text{index}.offsets"))
            for index in range(len(schema.having(Role.TEXT)))
        )
        numbers, precise, codes = map(mapped, _BLOCKS)
        return cls(schema, numbers, precise, codes, texts)


def place_columns(
    roles: Mapping[str, Role],
    levels: Mapping[str, int],
    missing: Mapping[str, bool],
    precise: frozenset[str],
    gaps: Mapping[str, int] | None = None,
) -> Schema:
    """A schema with every column placed into its block, in the order of `roles`.

    `precise` names the numeric columns that need float64. `gaps` has the codes of missing
    categories.
    """
    filled = {"numbers": 0, "precise": 0, "codes": 0, "texts": 0}
    columns = []
    for name, role in roles.items():
        block = "precise" if name in precise else _BLOCK_OF_ROLE[role]
        gap = -1 if gaps is None else gaps.get(name, -1)
        place = block, filled[block]
        columns.append(Column(name, role, *place, levels.get(name, 0), missing[name], gap=gap))
        filled[block] += 1
    return Schema(tuple(columns))


def _as_json(schema: Schema) -> list[dict[str, object]]:
    return [asdict(column) for column in schema.columns]


def _from_json(rows: list[dict[str, object]]) -> Schema:
    columns = (Column(**{**row, "role": Role(str(row["role"]))}) for row in rows)  # type: ignore[arg-type]  # JSON carries no types
    return Schema(tuple(columns))
