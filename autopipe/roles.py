"""What a column of the user's table is."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The role of a column: how its values are read."""

    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"
    TEXT = "text"  # free text: more said in it than a level can say
    ID = "id"  # names a row: dropped, and remembered
    CONSTANT = "constant"  # one value or none in training: dropped, and remembered
