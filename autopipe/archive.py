"""One zip file of JSON and arrays, that tells when it is not what was written."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from autopipe.errors import StoreError
from autopipe.memory import free_megabytes

_HEAD = "model.json"
_DIGESTS = "digests"

Writer = Callable[[IO[bytes]], None]


def write_archive(file: BinaryIO, head: Mapping[str, Any], parts: Mapping[str, Writer]) -> None:
    """Write a head, which is JSON, and further parts by name.

    The head has their digests, and the file's comment that of the head.
    """
    digests = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, write in parts.items():
            buffer = io.BytesIO()
            write(buffer)
            digests[name] = _digest(buffer.getvalue())
            archive.writestr(name, buffer.getvalue())
        content = json.dumps({**head, _DIGESTS: digests}).encode()
        archive.writestr(_HEAD, content)
        archive.comment = _digest(content).encode()


@dataclass(frozen=True)
class Archive:
    """An archive that is open.

    Parameters
    ----------
    head : the JSON in it
    """

    head: dict[str, Any]
    _file: zipfile.ZipFile

    def __contains__(self, name: str) -> bool:
        return name in self._file.namelist()

    def part(self, name: str) -> IO[bytes]:
        """A part, which is an archive of arrays.

        Raises
        ------
        StoreError
            If it is not what was written, or would take more memory than there is.
        """
        content = self._file.read(name)
        digests = self.head.get(_DIGESTS)  # none before format 3
        if digests is not None and _digest(content) != digests[name]:
            raise StoreError(_changed(self._file.filename, name))
        with zipfile.ZipFile(io.BytesIO(content)) as arrays:
            _check_size(arrays, str(self._file.filename))
        return io.BytesIO(content)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open what `write_archive` wrote.

    Raises
    ------
    StoreError
        If its head is not what was written, or it would take more memory than there is; else
        whatever damage raises.
    """
    with zipfile.ZipFile(path) as file:
        _check_size(file, str(path))
        content = file.read(_HEAD)
        if file.comment and file.comment.decode(errors="replace") != _digest(content):
            raise StoreError(_changed(path, _HEAD))
        yield Archive(json.loads(content), file)


def _check_size(file: zipfile.ZipFile, path: str) -> None:
    """Refuse an archive that would unpack to more than the memory takes."""
    megabytes = sum(info.file_size for info in file.infolist()) / 1e6
    if megabytes > (free := free_megabytes()):
        raise StoreError(
            f"{path} would take {megabytes:,.0f} MB unpacked, and {free:,.0f} MB are free. "
            "If it is to be trusted, read it where there is more memory."
        )


def _changed(path: object, name: str) -> str:
    return f"{path}: {name} was changed after it was written. Take a copy, or fit again."


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
