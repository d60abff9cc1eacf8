"""The record of a run: one SQLite file, one transaction for every finished trial."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

from autopipe.errors import AutopipeError, StoreError
from autopipe.execution.files import (
    DAMAGE,
    check_place,
    database_path,
    fitted_path,
    oof_path,
    read_oof,
    sweep,
)
from autopipe.execution.lock import FolderLock
from autopipe.operators.fitted import FittedTree, read_fitted
from autopipe.task import FloatArray
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE trial (
    number INTEGER PRIMARY KEY,
    tree TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    parents TEXT NOT NULL,
    score REAL,
    fold_scores TEXT NOT NULL,
    seconds REAL,
    predict_seconds REAL,
    megabytes REAL,
    train_share REAL NOT NULL,
    is_truncated INTEGER NOT NULL,
    failure TEXT NOT NULL,
    traceback TEXT NOT NULL,
    peak_megabytes REAL,
    features TEXT NOT NULL DEFAULT '[]'
) STRICT
"""
_MIGRATIONS = {1: "ALTER TABLE trial ADD COLUMN features TEXT NOT NULL DEFAULT '[]'"}
"""What leads from a version to the next."""

_COLUMNS = tuple(field.name for field in fields(Trial))
_INSERT = (
    f"INSERT INTO trial ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)})"
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM trial ORDER BY number"
_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "lustre", "ceph", "afs", "gpfs"}


class Store:
    """The trials and facts of a run, in a folder that is locked while this is open.

    Made by `Store.begin` or `Store.open`; to be closed, or used in a `with` statement.
    Only the controller writes here. A trial that `add` has taken survives the death of the
    process and, where the store is lasting, of the machine.
    """

    def __init__(
        self, folder: Path, lock: FolderLock, database: sqlite3.Connection, is_lasting: bool
    ) -> None:
        self.folder = folder
        self.is_lasting = is_lasting
        self._lock = lock
        self._database = database

    @classmethod
    def begin(cls, folder: Path, is_lasting: bool = True) -> Store:
        """The run that a folder holds, or else a new one; the folder is made where missing.

        Parameters
        ----------
        is_lasting : nothing waits for the disk where it is not, as in a temporary folder

        Raises
        ------
        StoreError
            If the folder cannot be written, or holds data or trials of no run of ours, or
            the run is damaged or of a newer autopipe.
        RunLockedError
            If another process is working in it.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise StoreError(f"{folder} is, or lies below, a file. Give a folder.") from error
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be made: {error.strerror}. Give a folder that can be written."
            ) from error
        check_place(folder)
        store = cls._locked(folder, is_lasting)
        with store._closed_on_error("written"):
            # Also where a kill came before the first transaction.
            if not store._value("SELECT count(*) FROM sqlite_schema"):
                store._database.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA.split(";"):
                    store._database.execute(statement)
                store._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                store._database.execute("COMMIT")
        return store._checked()

    @classmethod
    def open(cls, folder: Path) -> Store:
        """The run that a folder holds.

        Raises
        ------
        StoreError
            If there is none, it is damaged, or a newer autopipe wrote it.
        RunLockedError
            If another process is working in it.
        """
        if not database_path(folder).is_file():
            raise StoreError(
                f"{folder} holds no run: there is no {database_path(folder).name}."
            )
        return cls._locked(folder)._checked()

    def _checked(self) -> Store:
        """This store, once it is known to be whole; what killed writers left is removed."""
        with self._closed_on_error("read"):
            version = self._value("PRAGMA user_version")
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"{self.folder} was written by a newer autopipe (schema {version}; this "
                    f"one reads {SCHEMA_VERSION}). Upgrade autopipe to open it."
                )
            if version not in (*_MIGRATIONS, SCHEMA_VERSION):
                raise StoreError(f"{database_path(self.folder)} is not a run of autopipe.")
            if (state := self._value("PRAGMA quick_check(1)")) != "ok":
                raise StoreError(f"{database_path(self.folder)} is damaged: {state}.")
            for former in range(version, SCHEMA_VERSION):
                self._database.execute("BEGIN IMMEDIATE")
                self._database.execute(_MIGRATIONS[former])
                self._database.execute(f"PRAGMA user_version = {former + 1}")
                self._database.execute("COMMIT")
            query = "SELECT number FROM trial WHERE status = ?"
            rows = self._database.execute(query, (Status.COMPLETE.value,))
            sweep(self.folder, {number for (number,) in rows})
        return self

    @classmethod
    def _locked(cls, folder: Path, is_lasting: bool = True) -> Store:
        lock = FolderLock(folder)
        path = database_path(folder)
        try:
            database = sqlite3.connect(path, isolation_level=None)  # we begin and commit
        except sqlite3.Error as error:
            lock.release()
            raise StoreError(f"{path} cannot be opened: {error}.") from error
        store = cls(folder, lock, database, is_lasting)
        with store._closed_on_error("opened"):
            database.execute("PRAGMA trusted_schema = OFF")
            _choose_journal(database, folder)
            database.execute(f"PRAGMA synchronous = {'FULL' if is_lasting else 'OFF'}")
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release the folder; more calls do no harm."""
        self._database.close()
        self._lock.release()

    @property
    def facts(self) -> dict[str, Json]:
        """What is known of the run as a whole."""
        with self._told("read"):
            return {
                key: json.loads(value)
                for key, value in self._database.execute("SELECT key, value FROM run")
            }

    def note(self, facts: Mapping[str, Json]) -> None:
        """Record facts, all of them or none; those of the same name are replaced."""
        rows = [(key, json.dumps(value)) for key, value in facts.items()]
        with self._told("written"):
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", rows)
            self._database.execute("COMMIT")

    def add(self, trial: Trial) -> None:
        """Record a finished trial; on the disk when this returns.

        Raises
        ------
        StoreError
            If it cannot be written, or its number is taken.
        """
        with self._told("written"):
            self._database.execute(_INSERT, row_of(trial))

    def holds(self, number: int) -> bool:
        """Whether a trial of this number is recorded."""
        with self._told("read"):
            query = "SELECT count(*) FROM trial WHERE number = ?"
            return bool(self._database.execute(query, (number,)).fetchone()[0])

    def trials(self) -> list[Trial]:
        """All trials, by number."""
        with self._told("read"):
            return [trial_of(row) for row in self._database.execute(_SELECT)]

    def oof(self, number: int) -> FloatArray:
        """The out-of-fold predictions of a trial.

        Raises
        ------
        StoreError
            If there are none, or the file is damaged.
        """
        with self._readable(oof_path(self.folder, number)) as file:
            return read_oof(file)

    def fitted(self, number: int) -> list[FittedTree]:
        """The fitted state of a trial, one tree for every fold.

        Raises
        ------
        StoreError
            If there is none, or the file is damaged.
        """
        with self._readable(fitted_path(self.folder, number)) as file:
            return read_fitted(file)

    @contextlib.contextmanager
    def _readable(self, path: Path) -> Iterator[BinaryIO]:
        """An opened file; what goes wrong with it is raised as a `StoreError`."""
        try:
            with path.open("rb") as file:
                yield file
        except FileNotFoundError as error:
            raise StoreError(f"There is no {path}.") from error
        except DAMAGE as error:
            raise StoreError(f"{path} is damaged: {error}.") from error

    def discard(self, number: int, keeps_predictions: bool = False) -> None:
        """Remove the files of a trial that can no longer enter an ensemble; its row stays."""
        paths = [fitted_path(self.folder, number)]
        paths += [] if keeps_predictions else [oof_path(self.folder, number)]
        for path in paths:
            with contextlib.suppress(OSError):  # gone already, or the disk takes no change
                path.unlink()

    def _value(self, query: str) -> Any:  # SQLite decides the type
        return self._database.execute(query).fetchone()[0]

    @contextlib.contextmanager
    def _told(self, done: str) -> Iterator[None]:
        """Raise what goes wrong with the file as a `StoreError`."""
        path = database_path(self.folder)
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise StoreError(f"{path}: this trial is recorded already ({error}).") from error
        except sqlite3.Error as error:
            raise StoreError(
                f"{path} cannot be {done}: {error}. Is the disk full, or the file damaged?"
            ) from error
        except (ValueError, TypeError, AutopipeError) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{path} holds what cannot be understood: {error}.") from error

    @contextlib.contextmanager
    def _closed_on_error(self, done: str) -> Iterator[None]:
        try:
            with self._told(done):
                yield
        except BaseException:
            self.close()
            raise


def _choose_journal(database: sqlite3.Connection, folder: Path) -> None:
    """Write ahead where the file is local; the memory that this shares does not cross hosts."""
    if not _is_remote(folder):
        with contextlib.suppress(sqlite3.OperationalError):  # no shared memory to be had
            if database.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                return
    database.execute("PRAGMA journal_mode = DELETE")


def _is_remote(folder: Path) -> bool:
    """Whether a folder lies on a network file system, as far as the system tells."""
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return False
    above = {str(place) for place in (folder.resolve(), *folder.resolve().parents)}
    kinds = {words[1]: words[2] for words in map(str.split, mounts) if words[1] in above}
    return bool(kinds) and kinds[max(kinds, key=len)] in _REMOTE


def row_of(trial: Trial) -> tuple[object, ...]:
    """A trial as plain values, in the order of its fields."""
    return (
        trial.number,
        str(trial.tree),
        trial.source.value,
        trial.status.value,
        json.dumps(trial.parents),
        _finite(trial.score),
        json.dumps([_finite(score) for score in trial.fold_scores]),
        _finite(trial.seconds),
        _finite(trial.predict_seconds),
        _finite(trial.megabytes),
        trial.train_share,
        int(trial.is_truncated),
        _encodable(trial.failure),
        _encodable(trial.traceback),
        _finite(trial.peak_megabytes),
        json.dumps(trial.features),
    )


def trial_of(row: tuple[Any, ...]) -> Trial:  # the columns are typed by the schema
    """The trial whose `row_of` this is."""
    told = dict(zip(_COLUMNS, row, strict=False))  # an older model's rows end earlier
    status = Status(told["status"])
    score = told["score"]
    return Trial(
        number=told["number"],
        tree=parse(told["tree"]),
        source=Source(told["source"]),
        status=status,
        parents=tuple(json.loads(told["parents"])),
        score=_number(score) if status is Status.COMPLETE else score,
        fold_scores=tuple(_number(score) for score in json.loads(told["fold_scores"])),
        seconds=_number(told["seconds"]),
        predict_seconds=_number(told["predict_seconds"]),
        megabytes=_number(told["megabytes"]),
        train_share=told["train_share"],
        is_truncated=bool(told["is_truncated"]),
        failure=told["failure"],
        traceback=told["traceback"],
        peak_megabytes=_number(told["peak_megabytes"]),
        features=tuple(json.loads(told.get("features", "[]"))),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold, such as a mangled file name, written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
