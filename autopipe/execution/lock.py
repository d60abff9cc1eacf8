"""One controller for a run folder at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from autopipe.errors import RunLockedError, StoreError

_NAME = "run.lock"
_ABANDONED_SECONDS = 60.0  # a younger one may be about to be locked


class FolderLock:
    """An exclusive lock that the system releases when its holder dies, however it dies.

    Raises
    ------
    RunLockedError
        If another process, or another object of this one, holds it.
    StoreError
        If the folder cannot be written, or its file system has no locks.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / _NAME
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be opened: {error.strerror}. Give a folder that can be written."
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            if isinstance(error, BlockingIOError):
                raise RunLockedError(
                    f"{folder} is in use by process {holder or 'unknown'}. Wait for it to end, "
                    "stop it, or give another folder."
                ) from error
            raise StoreError(
                f"{folder} cannot be locked: {error.strerror}. Give a folder on a local disk."
            ) from error
        self._owner = os.getpid()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others in; more calls do no harm."""
        if self._descriptor >= 0:
            if os.getpid() == self._owner:  # a fork that lives on holds the same lock
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1


def is_abandoned(folder: Path) -> bool:
    """Whether a run was killed in a folder some time ago, and nobody goes on with it."""
    try:
        descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # there is none, or it is not ours
        return False
    try:
        facts = os.fstat(descriptor)
        is_ours = facts.st_uid == os.getuid() and not folder.is_symlink()
        if not is_ours or time.time() - facts.st_mtime < _ABANDONED_SECONDS:
            return False  # held for a moment only, it would seem to be in use
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:  # somebody holds it
        return False
    finally:
        os.close(descriptor)
