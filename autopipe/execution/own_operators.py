"""A user's own operators on the way to the workers, which cannot import a script's classes."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import cloudpickle

from autopipe.operators.catalogue import add_operators
from autopipe.operators.declaration import Operator

_NAME = "operators.pickle"


def write_operators(folder: Path, operators: Sequence[Operator]) -> None:
    """Leave the operators for the workers of a run; what an earlier call left is removed.

    A pickle runs code as it is read: this one is always of the process that reads it, or of
    the one that started it.
    """
    (folder / _NAME).unlink(missing_ok=True)
    if operators:
        (folder / _NAME).write_bytes(cloudpickle.dumps(tuple(operators)))


def add_written_operators(folder: Path) -> None:
    """Make the operators that were left here known in this process."""
    path = folder / _NAME
    if path.exists():
        add_operators(pickle.loads(path.read_bytes()))
