"""CSV and Parquet files as pandas frames; separator, encoding and header are found out."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import logging
import re
import warnings
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice, pairwise
from os import PathLike
from pathlib import Path
from typing import IO, cast

import pandas as pd

from autopipe.errors import InputError

log = logging.getLogger(__name__)

_PARQUET = (".parquet", ".pq")
_MAX_BYTES = 4 * 1024**3  # of a decompressed file; a frame of it takes a few times as much
_CHUNK = 1 << 20
_SEPARATORS = (",", ";", "\t", "|")
_MOST_CHARACTERS = 2**31 - 1  # of a cell, which is all that the csv module can count
_SAMPLE_LINES = 100  # from which separator and header are found out
_CODE = re.compile(r"\s*0\d{2,}\s*")  # 07 may be an hour or a month
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_table(
    path: str | PathLike[str], known: Mapping[str, bool | None] | None = None
) -> pd.DataFrame:
    """The table in a Parquet file, or in a CSV file that may be packed with gzip.

    Parameters
    ----------
    known : columns that it should have, and whether each is of texts: of CSV "007" is then
        no 7, and "1.10" no 1.1, though no other cell may show it. Where that is None, or a
        column is not among them, a code such as 01067 in the first 100 lines makes it one of
        texts.

    Raises
    ------
    InputError
        If there is no such file, it is empty, or it holds no table; for CSV with the number
        of the line.
    """
    path = Path(path)
    try:
        if is_parquet(path):
            return pd.read_parquet(path)
        with _cells_of_any_length():
            return _read_csv(path, known or {})
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except (OSError, EOFError, ValueError, NotImplementedError, csv.Error, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as CSV or Parquet: {error}") from error


def is_parquet(path: Path) -> bool:
    """Whether a file of this name holds Parquet."""
    return path.suffix.lower() in _PARQUET


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lift the csv module's limit: cut at the wrong separator, a whole line is one cell."""
    former = csv.field_size_limit(_MOST_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(former)


def _read_csv(path: Path, known: Mapping[str, bool | None]) -> pd.DataFrame:
    encoding = _encoding(path)
    sample = list(islice(_lines(path, encoding), _SAMPLE_LINES))
    separator = _separator(sample)
    rows = list(csv.reader(sample, delimiter=separator))
    has_header = _has_header(rows, known)
    if not has_header:
        log.info("%s has no header: its columns are called 0, 1, ...", path)
    header = next(filter(None, rows), [])
    names = header if has_header else list(map(str, range(len(header))))
    for name, is_text in known.items():
        if is_text is None and names.count(name) > 1:  # a target that is to be learned
            raise InputError(
                f"{path} has {names.count(name)} columns called {name!r}; wanted 1. Rename all "
                "but one."
            )
    texts = {
        name if has_header else place: str
        for place, name in enumerate(names)
        if known.get(name) or (known.get(name) is None and _is_coded(rows, place))
    }
    with _opened(path) as stream, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                stream,
                sep=separator,
                encoding=encoding,
                header=0 if has_header else None,
                index_col=False,
                low_memory=False,  # in parts, a column may get two types
                dtype=texts,
            )
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            _refuse_ragged(path, encoding, separator)
            raise InputError(f"{path} cannot be read as CSV: {error}") from error
    if frame.shape[1] and frame.iloc[:, -1].isna().any():  # as pandas fills short lines
        _refuse_ragged(path, encoding, separator)
    if not has_header:
        frame.columns = pd.Index([str(place) for place in range(frame.shape[1])])
    return frame


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if is_packed else path.open("rb")


def _encoding(path: Path) -> str:
    """How the bytes of a file spell text, after a look at all of them.

    Without a byte order mark it is UTF-8, or where that fails cp1252, which Windows writes; or
    Latin-1, where that fails too.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding, size, line = "", 0, 1
    with _opened(path) as stream:
        while chunk := stream.read(_CHUNK):
            encoding = encoding or next(
                (name for mark, name in _BYTE_ORDER_MARKS.items() if chunk.startswith(mark)),
                "utf-8",
            )
            size += len(chunk)
            if size > _MAX_BYTES:
                raise InputError(
                    f"{path} holds more than {_MAX_BYTES / 1024**3:g} GB unpacked. "
                    "Give a sample of its rows, or Parquet."
                )
            if b"\0" in chunk and encoding != "utf-16":
                line += chunk[: chunk.index(b"\0")].count(b"\n")
                raise InputError(
                    f"{path} has a zero byte in line {line}, which no text has; wanted CSV "
                    "or Parquet. Was it cut off, or saved as a spreadsheet?"
                )
            line += chunk.count(b"\n")
            if encoding == "utf-8":
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    encoding = _western(path)
    if not size:
        raise InputError(f"{path} is empty; wanted a table.")
    if encoding == "utf-8" and decoder.getstate()[0]:  # the end cuts a character off
        encoding = _western(path)
    return encoding


def _western(path: Path) -> str:
    """Windows' extension of Latin-1, with quotes and the euro, where it reads every byte."""
    decoder = codecs.getincrementaldecoder("cp1252")()
    with _opened(path) as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "latin-1"
    return "cp1252"


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a file as text."""
    with io.TextIOWrapper(_opened(path), encoding, newline="") as lines:
        yield from lines


def _separator(lines: list[str]) -> str:
    """The separator that cuts the most records into one number of cells, and into more.

    Commas are taken for decimal marks where semicolons cut as well.
    """

    def consistency(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        if len(widths) > 1 and len(lines) == _SAMPLE_LINES:
            del widths[-1]  # a record with quoted line ends may have been cut off
        usual = max(sorted(set(widths)), key=widths.count) if widths else 1
        return (widths.count(usual) / len(widths), usual) if usual > 1 else (0.0, 1)

    best = max(_SEPARATORS, key=consistency)
    if best == "," and 0.0 < consistency(";")[0] == consistency(",")[0]:
        return ";"
    return best


def _has_header(rows: list[list[str]], known: Collection[str]) -> bool:
    """Whether the first record names the columns.

    It does not if it has a number wherever the records below have one, unless these are
    consecutive whole numbers, as names such as 0, 1, 2 or 2019, 2020 are. It does where it
    has all names that are known, other than 0, 1, ... of a file without a header.
    """
    first, *others = [row for row in rows if row] or [[]]
    names = set(known).difference(map(str, range(len(first))))
    if names and names.issubset(first):
        return True
    others = [row for row in others if len(row) == len(first)]
    if not others:
        return True
    columns = list(zip(*others, strict=True))
    numeric = [
        place
        for place, cells in enumerate(columns)
        if any(cells) and all(_number(cell) is not None for cell in cells if cell)
    ]
    numbers = [number for place in numeric if (number := _number(first[place])) is not None]
    if not numeric or len(numbers) < len(numeric):
        return True
    return len(numbers) > 1 and all(
        earlier.is_integer() and later - earlier == 1 for earlier, later in pairwise(numbers)
    )


def _is_coded(rows: list[list[str]], place: int) -> bool:
    """Whether a column of these records has codes such as 01067, a post code."""
    return any(len(row) > place and _CODE.fullmatch(row[place]) for row in rows)


def _number(cell: str) -> float | None:
    """A cell as a number, maybe with a decimal comma, or None where it is none."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def _refuse_ragged(path: Path, encoding: str, separator: str) -> None:
    """Refuse a file whose records differ in width, naming the first line that does."""
    reader = csv.reader(_lines(path, encoding), delimiter=separator)
    header = next(filter(None, reader))
    for row in filter(None, reader):
        if len(row) != len(header):
            raise InputError(
                f"{path} has {len(row)} cells in line {reader.line_num}, where its first "
                f"line has {len(header)}. Was a cell with {separator!r} left unquoted?"
            )
