"""Columns that predictions may only rise or only fall with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

from autopipe.errors import InputError, OptionError
from autopipe.intake.coding import Coding
from autopipe.plain import plain
from autopipe.roles import Role
from autopipe.suggestion import did_you_mean
from autopipe.table import Schema, Table
from autopipe.task import TaskKind

_ORDERED = (Role.NUMERIC, Role.BOOLEAN, Role.CONSTANT)  # the last binds nothing


def constrained(
    table: Table, coding: Coding, monotone: Mapping[Any, int], kind: TaskKind
) -> Table:
    """The table with every column marked that `monotone` names.

    Parameters
    ----------
    table : as `coding` encodes it
    monotone : by the user's name of a column of numbers, 1 where predictions may only rise
        with it, -1 where they may only fall, or 0

    Raises
    ------
    InputError
        If a name is not that of a column of numbers.
    OptionError
        If `monotone` is no such mapping, or the target has more than two classes.
    """
    if not isinstance(monotone, Mapping):
        raise OptionError(
            f'monotone={monotone!r}: give a dict by column, such as {{"age": 1}}.'
        )
    if kind is TaskKind.MULTICLASS:
        raise OptionError(
            "monotone: with more than two classes nothing says which of them rises. Leave it "
            "out, or predict one class against the others."
        )
    signs = {_coded_name(coding, plain(name), sign): sign for name, sign in monotone.items()}
    columns = (
        replace(column, monotone=int(signs.get(column.name, 0)))
        for column in table.schema.columns
    )
    return replace(table, schema=Schema(tuple(columns)))


def _coded_name(coding: Coding, name: Hashable, sign: object) -> str:
    if sign not in (-1, 0, 1):
        raise OptionError(
            f"monotone={{{name!r}: {sign!r}}}: give 1 where predictions may only rise with the "
            "column, -1 where they may only fall, or 0."
        )
    names = list(coding.columns)
    if name not in coding.columns:
        raise InputError(
            f"monotone={{{name!r}: {sign}}}: X has no such column.{did_you_mean(name, names)}"
        )
    role = coding.roles[name]
    if role not in _ORDERED:
        raise InputError(
            f"monotone={{{name!r}: {sign}}}: the column is read as {role.value}, and only "
            f"numbers rise. Leave it out, or give roles={{{name!r}: 'numeric'}}."
        )
    return f"c{names.index(name)}"
