"""What a column of the user's table is."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The role of a column: how its values are read."""

    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"
    CONSTANT = "constant"  # one value or none in training: dropped, and remembered
