"""Where the files of a run lie, and how they are written so that none is ever torn."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import BinaryIO

import numpy as np

from autopipe.errors import AutopipeError, StoreError
from autopipe.task import FloatArray

DAMAGE = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, RuntimeError),
    *(LookupError, TypeError, AttributeError, ValueError, AutopipeError),
)
"""What reading one of our archives may raise where bytes were lost or changed."""

_TEMPORARY = ".part-"
_OF_A_TRIAL = re.compile(
    rf"(?P<half>{re.escape(_TEMPORARY)}[0-9]+-)?(?P<number>[0-9]{{6,}})[.](oof|fitted)[.]npz"
)
"""Names of whole and of half-written files."""


def database_path(folder: Path) -> Path:
    """The store of the run."""
    return folder / "run.sqlite"


def model_path(folder: Path) -> Path:
    """The model that the command line leaves in a run's folder."""
    return folder / "model.autopipe"


def data_path(folder: Path) -> Path:
    """The folder with what every worker of the run needs: table, target, folds."""
    return folder / "data"


def oof_path(folder: Path, number: int) -> Path:
    """The out-of-fold predictions of a trial."""
    return folder / "trials" / f"{number:06d}.oof.npz"


def fitted_path(folder: Path, number: int) -> Path:
    """The fitted state of a trial, all folds."""
    return folder / "trials" / f"{number:06d}.fitted.npz"


def check_place(folder: Path) -> None:
    """Refuse a folder where a run would write among files of somebody else.

    A run makes its store before the folders for data and trials: what these hold where
    there is no store is not of a run that was cut off.

    Raises
    ------
    StoreError
        If there is something in them, but no store.
    """
    places = data_path(folder), folder / "trials"
    taken = [path.name for path in places if _holds_something(path)]
    # The store is looked for last: another process may be beginning a run just now.
    if taken and not database_path(folder).exists():
        raise StoreError(
            f"{folder} holds {' and '.join(map(repr, taken))}, but no run: there is no "
            f"{database_path(folder).name}. A run would write over files there. "
            "Give another folder, best an empty one."
        )


def _holds_something(path: Path) -> bool:
    try:
        return any(path.iterdir())
    except OSError:  # it is missing, or a file, or may not be read
        return os.path.lexists(path)


def write_atomically(
    path: Path, writer: Callable[[BinaryIO], None], is_lasting: bool = True
) -> None:
    """Write a file that is there whole or not at all, whenever the power goes.

    The bytes go to a temporary name in the same folder and reach the disk before the file
    gets its name.

    Parameters
    ----------
    is_lasting : where it is not, no one waits for the disk: a power cut may tear the file
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writing = f"{os.getpid()}{threading.get_ident()}"
    temporary = path.with_name(f"{_TEMPORARY}{writing}-{path.name}")
    try:
        with temporary.open("wb") as file:
            writer(file)
            file.flush()
            if is_lasting:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if is_lasting:
        _sync_folder(path.parent)


def write_oof(path: Path, predictions: FloatArray, is_lasting: bool = True) -> None:
    """Write out-of-fold predictions, with the check sums that an archive holds."""
    write_atomically(path, lambda file: np.savez(file, predictions=predictions), is_lasting)


def read_oof(file: BinaryIO) -> FloatArray:
    """The predictions that `write_oof` wrote."""
    with np.load(file, allow_pickle=False) as stored:
        predictions: FloatArray = stored["predictions"]
    return predictions


def sweep(folder: Path, complete: Container[int]) -> None:
    """Remove what writers that were killed have left; nobody may be writing.

    Files of other names than ours stay.

    Parameters
    ----------
    complete : numbers of the trials whose files are kept
    """
    for path in (folder / "trials").glob("*"):
        name = _OF_A_TRIAL.fullmatch(path.name)
        if name and (name["half"] or int(name["number"]) not in complete):
            with contextlib.suppress(OSError):
                path.unlink()


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    with contextlib.suppress(OSError):  # some file systems know no such thing
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
