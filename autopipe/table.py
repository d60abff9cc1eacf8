"""The user's table, coded once: plain arrays that workers can map into memory.

Only numpy is imported, so that the source can stand in an exported script.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autopipe.roles import Role

_BLOCK_OF_ROLE = {
    Role.NUMERIC: "numbers",
    Role.BOOLEAN: "numbers",
    Role.CATEGORICAL: "codes",
    Role.DATETIME: "precise",
}


@dataclass(frozen=True)
class Column:
    """One coded column and where its values lie.

    Parameters
    ----------
    name : c0, c1, ... inside; the user's names are kept with the coding
    role : how the values are read
    block : "numbers", "precise" or "codes"
    index : the column within the block
    levels : number of categories, 0 where there are none
    has_missing : whether a value was missing when the coding was made
    """

    name: str
    role: Role
    block: str
    index: int
    levels: int = 0
    has_missing: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of a table without its rows: all that a grammar has to know."""

    columns: tuple[Column, ...]

    def having(self, *roles: Role) -> tuple[Column, ...]:
        """The columns of these roles."""
        return tuple(column for column in self.columns if column.role in roles)


@dataclass(frozen=True, eq=False)
class Table:
    """Coded columns in three blocks, each column contiguous.

    Parameters
    ----------
    schema : the columns
    numbers : float32 array of shape (rows, columns in the block), NaN where missing
        Numbers and booleans.
    precise : float64 array, NaN where missing
        Numbers that float32 would merge, and times as seconds since 1970 in UTC.
    codes : int32 array, -1 where missing or unseen
        Categories.
    """

    schema: Schema
    numbers: NDArray[np.float32]
    precise: NDArray[np.float64]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks."""
        return self.numbers.nbytes + self.precise.nbytes + self.codes.nbytes

    def values(self, column: Column) -> NDArray[np.float32 | np.float64 | np.int32]:
        """The values of one column, shape (rows,)."""
        block: NDArray[np.float32 | np.float64 | np.int32] = getattr(self, column.block)
        return block[:, column.index]

    def take(self, rows: NDArray[np.integer] | slice) -> Table:
        """Some rows, in the order given."""
        return Table(self.schema, self.numbers[rows], self.precise[rows], self.codes[rows])

    def fingerprint(self) -> str:
        """A hash of schema and values: equal for equal tables, in every process."""
        digest = hashlib.blake2b(json.dumps(_as_json(self.schema)).encode(), digest_size=16)
        for block in (self.numbers, self.precise, self.codes):
            digest.update(np.ascontiguousarray(block.T).tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the blocks as .npy files and the schema as JSON into an existing folder."""
        (folder / "schema.json").write_text(json.dumps(_as_json(self.schema)))
        for name in ("numbers", "precise", "codes"):
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def open(cls, folder: Path) -> Table:
        """The table that `save` wrote, mapped into memory and read-only."""
        schema = _from_json(json.loads((folder / "schema.json").read_text()))
        blocks = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("numbers", "precise", "codes")
        }
        return cls(schema, **blocks)


def place_columns(
    roles: Mapping[str, Role],
    levels: Mapping[str, int],
    missing: Mapping[str, bool],
    precise: frozenset[str],
) -> Schema:
    """A schema with every column placed into its block, in the order of `roles`.

    `precise` names the numeric columns that need float64. Constant columns are left out.
    """
    filled = {"numbers": 0, "precise": 0, "codes": 0}
    columns = []
    for name, role in roles.items():
        if role is Role.CONSTANT:
            continue
        block = "precise" if name in precise else _BLOCK_OF_ROLE[role]
        columns.append(
            Column(name, role, block, filled[block], levels.get(name, 0), missing[name])
        )
        filled[block] += 1
    return Schema(tuple(columns))


def _as_json(schema: Schema) -> list[dict[str, object]]:
    return [asdict(column) for column in schema.columns]


def _from_json(rows: list[dict[str, object]]) -> Schema:
    columns = (Column(**{**row, "role": Role(str(row["role"]))}) for row in rows)  # type: ignore[arg-type]  # JSON carries no types
    return Schema(tuple(columns))
