"""How workers come into the world: forked from a zygote, or spawned where that cannot be."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import IO

from autopipe.devices import CPU
from autopipe.errors import RunError
from autopipe.execution.descendants import descendants, kill
from autopipe.execution.worker import Pipe

CAN_FORK = sys.platform == "linux"
"""Whether workers are forked; elsewhere system libraries do not survive a fork."""

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONWARNINGS": "ignore",  # "error" would make a trial fail for what it says in passing
}
_PRELOADED = ("numpy", "sklearn.base", "lightgbm", "xgboost", "catboost")
_LOG_LINES = 20
_LOG_BYTES = 8_000


@dataclass(frozen=True)
class Fate:
    """How a worker ended; prints as a sentence about it.

    Parameters
    ----------
    code : of its exit, or minus the signal that killed it; None where nobody knows
    peak_megabytes : the most that it held in its last job, 0 where that is not known
    """

    code: int | None
    peak_megabytes: float = 0.0

    def __str__(self) -> str:
        if self.code is None:
            return "lost the process it came from"
        if self.code >= 0:
            return f"exited with code {self.code}"
        try:
            name = signal.Signals(-self.code).name
        except ValueError:
            name = "unknown"
        return f"killed by signal {-self.code} ({name})"


class Worker:
    """A worker process as its supervisor sees it: a pipe, a log and an end.

    Parameters
    ----------
    pipe : the controller's end
    log : takes what the worker and its libraries print
    """

    def __init__(self, pipe: Pipe, log: IO[bytes]) -> None:
        self.pipe = pipe
        self.pid: int | None = None  # known when the worker says that it is up
        self._log = log

    def fate(self) -> Fate | None:
        """How the process ended, None while it lives."""
        raise NotImplementedError

    def fileno(self) -> int | None:
        """A descriptor that becomes readable when the process ends, where there is one."""
        return None

    def kill(self) -> None:
        """Kill the process and all it has started; one that is not up yet ends by itself."""
        if self.pid is not None and self.fate() is None:
            started = descendants(self.pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            kill(started)

    def log(self) -> str:
        """The last lines that the worker has printed."""
        return tail(self._log)

    def close(self) -> None:
        """Free what the controller holds of it; a worker that lives on then ends."""
        self.pipe.close()
        self._log.close()


class Forked(Worker):
    """A worker whose parent, the zygote, reports its end on a pipe."""

    def __init__(self, pipe: Pipe, log: IO[bytes], report: int) -> None:
        super().__init__(pipe, log)
        self._report = report
        self._fate: Fate | None = None
        os.set_blocking(report, False)

    def fate(self) -> Fate | None:
        if self._fate is None:
            with contextlib.suppress(BlockingIOError):
                code, _, kilobytes = os.read(self._report, 64).partition(b" ")
                self._fate = (
                    Fate(int(code), 1024 * int(kilobytes) / 1e6) if code else Fate(None)
                )
        return self._fate

    def fileno(self) -> int | None:
        return self._report

    def close(self) -> None:
        super().close()
        os.close(self._report)


class Spawned(Worker):
    """A worker that is a child of this process."""

    def __init__(self, pipe: Pipe, log: IO[bytes], process: subprocess.Popen[bytes]) -> None:
        super().__init__(pipe, log)
        self.pid = process.pid
        self._process = process

    def fate(self) -> Fate | None:
        code = self._process.poll()
        return None if code is None else Fate(code)

    def close(self) -> None:
        super().close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def launch(work: str, fork: bool = CAN_FORK, device: str = CPU) -> Worker:
    """A worker on its way up; its pipe can be written to at once.

    Parameters
    ----------
    work : dotted name of the function that judges a job, as "module:function"
    fork : whether it is forked from the zygote, which no device survives, or spawned
    device : that a spawned one gets ready

    Raises
    ------
    RunError
        If no process can be started.
    """
    ours, theirs = socket.socketpair()
    pipe = Connection(ours.detach())
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
    try:
        with theirs:
            if not fork:
                call = f"main(%d, {work!r}, {device!r})"
                program = f"from autopipe.execution.worker import main; {call}"
                return Spawned(pipe, log, _python(program, theirs, log))
            report, reporting = os.pipe()
            try:
                request = json.dumps({"work": work, "path": _module_path()}).encode()
                _ask_zygote(request, [theirs.fileno(), reporting, log.fileno()])
            except BaseException:
                os.close(report)
                raise
            finally:
                os.close(reporting)
            return Forked(pipe, log, report)
    except BaseException:
        pipe.close()
        log.close()
        raise


class _Zygote:
    """The controller's end of the zygote."""

    def __init__(self, preloaded: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            program = f"from autopipe.execution.zygote import main; main(%d, {preloaded!r})"
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the zygote
            self._process = _python(program, theirs, self._log)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def has_crashed(self) -> bool:
        """Whether it ended by itself before its time; a kill comes from outside."""
        return self._process.poll() not in (None, 0, -signal.SIGKILL)

    def ask(self, request: bytes, descriptors: list[int]) -> None:
        socket.send_fds(self._control, [request], descriptors)

    def log(self) -> str:
        return tail(self._log)

    def close(self) -> None:
        self._control.close()  # whereupon it ends, unless it is still importing
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def disown(self) -> None:
        """Let go of it in a fork of the process that it belongs to."""
        self._control.close()
        self._log.close()
        self._process.returncode = 0  # not our child, so there is nothing to wait for


_zygote: _Zygote | None = None
_preloaded: Sequence[str] = _PRELOADED
_zygote_lock = threading.Lock()
_is_exiting = False


def warm() -> None:
    """Start the zygote ahead of need; returns at once, the imports go on behind."""
    if CAN_FORK:
        with _zygote_lock:
            _living_zygote()


def zygote_log() -> str:
    """What the zygote has printed: the reason, where it could not start."""
    with _zygote_lock:
        return _zygote.log() if _zygote else ""


def _ask_zygote(request: bytes, descriptors: list[int]) -> None:
    with _zygote_lock:
        try:
            _living_zygote().ask(request, descriptors)
        except ConnectionError:  # it is dying; its process may not look dead yet
            _retire_zygote()
            _living_zygote().ask(request, descriptors)


def _living_zygote() -> _Zygote:
    global _zygote
    if _is_exiting:
        raise RunError("The interpreter is shutting down: no more workers are started.")
    if _zygote is not None and not _zygote.is_alive():
        _retire_zygote()
    if _zygote is None:
        _zygote = _Zygote(_preloaded)
    return _zygote


def _retire_zygote() -> None:
    global _zygote, _preloaded
    if _zygote is not None:
        _zygote.close()
        if _zygote.has_crashed():
            _preloaded = ()  # a library breaks as it is imported: its trials shall tell
        _zygote = None


@atexit.register
def _close_zygote() -> None:
    global _is_exiting
    with _zygote_lock:
        _is_exiting = True
        _retire_zygote()


def _disown_zygote() -> None:
    global _zygote, _zygote_lock
    _zygote_lock = threading.Lock()  # may have been held by a thread that is not here
    if _zygote is not None:
        _zygote.disown()
        _zygote = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_zygote)


def _python(program: str, theirs: socket.socket, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """A Python that sees the modules seen here and runs none of the user's script.

    `program` is code with %d for the number of the socket that is handed over.
    """
    number = theirs.fileno()
    code = f"import sys; sys.path[:] = {_module_path()!r}; {program % number}"
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(number,),
            start_new_session=True,  # signals from the terminal are not for it
        )
    except OSError as error:
        raise RunError(
            f"No worker could be started with {sys.executable!r}: {error}. Check that it is a "
            "Python interpreter and that the limits on processes and files allow one more, "
            'or give executor="inline".'
        ) from error


def _module_path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]  # "" is the current folder


def tail(log: IO[bytes]) -> str:
    """The last lines of a log that another process is writing."""
    size = os.fstat(log.fileno()).st_size
    # Not seek and read: the position is shared with the writer.
    data = os.pread(log.fileno(), _LOG_BYTES, max(0, size - _LOG_BYTES))
    lines = data.decode(errors="replace").splitlines()
    told = [line for line in lines if line and not line.startswith("Extension modules:")]
    return "\n".join(told[-_LOG_LINES:])
