"""Experiences in one SQLite file, which later versions of autopipe can read."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from autopipe.datasets.experience import Experience, Result
from autopipe.datasets.metafeatures import METAFEATURES, VERSION
from autopipe.errors import StoreError
from autopipe.task import FloatArray, TaskKind

# Each leads from one version of the schema to the next; a new one is added at the end.
_MIGRATIONS = (
    """
    CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE data_set (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        metric TEXT NOT NULL,
        metafeature_version INTEGER NOT NULL,
        metafeatures TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        errors BLOB NOT NULL
    ) STRICT;
    CREATE TABLE tree (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE result (
        data_set INTEGER NOT NULL REFERENCES data_set ON DELETE CASCADE,
        tree INTEGER NOT NULL REFERENCES tree,
        place INTEGER NOT NULL,
        status TEXT NOT NULL,
        fold_scores TEXT NOT NULL,
        seconds REAL NOT NULL,
        megabytes REAL NOT NULL,
        PRIMARY KEY (data_set, tree)
    ) STRICT
    """,
)
_MOST_DATA_SETS = 200  # of a user's own; the oldest makes room
_WAIT_SECONDS = 2.0  # for another run that writes


def read(path: Path) -> list[Experience]:
    """All experiences of a file, in the order in which they came in.

    Those whose metafeatures are of another version cannot be compared and are left out.

    Raises
    ------
    StoreError
        If there is no such file, it is damaged, or a newer autopipe wrote it.
    """
    with _opened(path) as database:
        query = (
            "SELECT data_set, text, status, fold_scores, seconds, megabytes "
            "FROM result JOIN tree ON tree = tree.id ORDER BY data_set, place"
        )
        results: dict[int, list[Result]] = {}
        for key, tree, status, scores, seconds, megabytes in database.execute(query):
            result = Result(tree, status, tuple(json.loads(scores)), seconds, megabytes)
            results.setdefault(key, []).append(result)
        query = (
            "SELECT id, name, kind, metric, metafeatures, fingerprint, errors "
            "FROM data_set WHERE metafeature_version = ? ORDER BY id"
        )
        return [
            Experience(
                name,
                TaskKind(kind),
                metric,
                _metafeatures(metafeatures),
                json.loads(fingerprint),
                tuple(results.get(key, ())),
                _unpacked(errors),
            )
            for key, name, kind, metric, metafeatures, fingerprint, errors in database.execute(
                query, (VERSION,)
            )
        ]


def facts(path: Path) -> dict[str, str]:
    """What is noted of a file as a whole, such as the command that made it.

    Raises
    ------
    StoreError
        As `read` does.
    """
    with _opened(path) as database:
        return dict(database.execute("SELECT key, value FROM fact ORDER BY key"))


def add(
    path: Path, experiences: Sequence[Experience], notes: Mapping[str, str] | None = None
) -> None:
    """Put experiences into a file, all of them or none; those of the same name are replaced.

    The file is made where it is missing.

    Raises
    ------
    StoreError
        If it cannot be written, is damaged, or a newer autopipe wrote it.
    """
    with _told(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
        with contextlib.closing(database):
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("BEGIN IMMEDIATE")
            _migrate(database, path)
            database.executemany(
                "INSERT OR REPLACE INTO fact VALUES (?, ?)", (notes or {}).items()
            )
            for one in experiences:
                _insert(database, one)
            database.execute(
                "DELETE FROM data_set WHERE id NOT IN "
                "(SELECT id FROM data_set ORDER BY id DESC LIMIT ?)",
                (_MOST_DATA_SETS,),
            )
            database.execute("DELETE FROM tree WHERE id NOT IN (SELECT tree FROM result)")
            database.execute("COMMIT")


def _insert(database: sqlite3.Connection, one: Experience) -> None:
    database.execute("DELETE FROM data_set WHERE name = ?", (one.name,))
    key = database.execute(
        "INSERT INTO data_set (id, name, kind, metric, metafeature_version, metafeatures, "
        "fingerprint, errors) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM data_set), "
        "?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            one.name,
            one.kind.value,
            one.metric,
            VERSION,
            json.dumps(one.metafeatures),
            json.dumps(one.fingerprint),
            _packed(one.errors),
        ),
    ).fetchone()[0]
    for place, result in enumerate(one.results):
        database.execute("INSERT OR IGNORE INTO tree (text) VALUES (?)", (result.tree,))
        database.execute(
            "INSERT INTO result "
            "VALUES (?, (SELECT id FROM tree WHERE text = ?), ?, ?, ?, ?, ?)",
            (
                key,
                result.tree,
                place,
                result.status,
                json.dumps([float(f"{score:.6g}") for score in result.fold_scores]),
                round(result.seconds, 3),
                round(result.megabytes, 1),
            ),
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the file in memory, brought to our version; the file stays as it is."""
    with _told(path, "read"), contextlib.closing(sqlite3.connect(":memory:")) as copy:
        if not path.is_file():
            raise StoreError(f"There is no {path}.")
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as file:
            file.backup(copy)
        copy.execute("PRAGMA trusted_schema = OFF")
        _migrate(copy, path)
        yield copy


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    """Bring a database to our version of the schema."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer autopipe (schema {version}; this one reads "
            f"{len(_MIGRATIONS)}). Upgrade autopipe to use it."
        )
    if not version and database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StoreError(f"{path} is a database of something else. Give another file.")
    for migration in _MIGRATIONS[version:]:
        for statement in migration.split(";"):
            database.execute(statement)
    database.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


@contextlib.contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    """Raise what goes wrong with the file as a `StoreError`."""
    try:
        yield
    except StoreError:
        raise
    except (sqlite3.Error, OSError, ValueError, TypeError, KeyError, zlib.error) as error:
        raise StoreError(
            f"{path} cannot be {done}: {error}. Is it damaged? Remove it to begin anew."
        ) from error


def _metafeatures(text: str) -> dict[str, float]:
    told = json.loads(text)
    if missing := METAFEATURES.keys() - told.keys():
        raise ValueError(f"metafeatures without {', '.join(sorted(missing))}")
    return {name: float(value) for name, value in told.items()}


def _packed(errors: FloatArray) -> bytes:
    """The upper triangle of a symmetric matrix, compressed."""
    upper = errors[np.triu_indices(len(errors))]
    return zlib.compress(np.asarray(upper, dtype="<f4").tobytes(), 9)


def _unpacked(blob: bytes) -> FloatArray:
    upper = np.frombuffer(zlib.decompress(blob), dtype="<f4")
    count = round((np.sqrt(8 * len(upper) + 1) - 1) / 2)
    errors = np.zeros((count, count), dtype=np.float32)
    errors[np.triu_indices(count)] = upper
    return np.asarray(errors + np.triu(errors, 1).T)
