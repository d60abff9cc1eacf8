"""Where the files of a run lie, and how they are written so that none is ever torn."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = ".part-"


def database_path(folder: Path) -> Path:
    """The store of the run."""
    return folder / "run.sqlite"


def data_path(folder: Path) -> Path:
    """The folder with what every worker of the run needs: table, target, folds."""
    return folder / "data"


def oof_path(folder: Path, number: int) -> Path:
    """The out-of-fold predictions of a trial."""
    return folder / "trials" / f"{number:06d}.oof.npy"


def fitted_path(folder: Path, number: int) -> Path:
    """The fitted state of a trial, all folds."""
    return folder / "trials" / f"{number:06d}.fitted.npz"


def write_atomically(path: Path, writer: Callable[[BinaryIO], None]) -> None:
    """Write a file that is there whole or not at all, whenever the power goes.

    The bytes go to a temporary name in the same folder and reach the disk before the file
    gets its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with temporary.open("wb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed have left; nobody may be writing."""
    for temporary in (folder / "trials").glob(f"{_TEMPORARY}*"):
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    with contextlib.suppress(OSError):  # some file systems know no such thing
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
