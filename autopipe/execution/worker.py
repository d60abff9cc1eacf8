"""The loop of a worker process: a job comes in by its pipe, an outcome goes back."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias, cast

from autopipe.execution.executor import Job, Outcome
from autopipe.trial import Status

Work: TypeAlias = Callable[[Job, Path], Outcome]
"""What a worker does with a job; the folder is that of the run."""

Pipe: TypeAlias = Connection  # its type parameters cannot be written at run time
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_FRAMES = 20  # of a traceback; the innermost tell most


def work_named(name: str) -> Work:
    """The function behind a dotted name such as "package.module:function"."""
    module, _, function = name.partition(":")
    return cast(Work, getattr(importlib.import_module(module), function))


def attempt(work: Work, job: Job, folder: Path) -> Outcome:
    """The outcome of a job, also where the work raises."""
    try:
        return work(job, folder)
    except MemoryError as error:
        status, cause = Status.MEMORY, cast(BaseException, error)
    except (Exception, SystemExit) as error:  # whatever a learner throws costs one trial
        status, cause = Status.ERROR, error
    line = traceback.format_exception_only(cause)[-1].strip()
    frames = "".join(traceback.format_exception(cause, limit=-_FRAMES))
    return Outcome(job.number, status, failure=line, traceback=frames)


def serve(pipe: Pipe, work: str) -> None:
    """Answer jobs until the controller's end of the pipe is closed.

    Says `("up", pid)` first, then for every `(folder, job)` first `("started", number)`
    and in the end `("outcome", outcome)`; or once `("broken", text)` where the work
    cannot be imported.
    """
    pid = os.getpid()
    with contextlib.suppress(EOFError, OSError):  # the controller has closed or died
        pipe.send(("up", pid))
        try:
            function = work_named(work)
        except Exception:
            pipe.send(("broken", traceback.format_exc(limit=-_FRAMES)))
            return
        while True:
            folder, job = pipe.recv()
            _empty_log()
            _reset_peak()
            pipe.send(("started", job.number))
            outcome = attempt(function, job, Path(folder))
            if os.getpid() != pid:
                os._exit(1)  # a fork that the work left behind must not answer too
            pipe.send(("outcome", replace(outcome, peak_megabytes=peak_megabytes())))


def isolate() -> None:
    """Make this process harmless to the terminal, the disk and whoever outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's to handle
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(descriptor: int, work: str) -> None:
    """The program of a worker that is spawned rather than forked."""
    isolate()
    serve(Connection(descriptor), work)


def peak_megabytes() -> float:
    """The most memory this process has held since the last reset, where that is known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _reset_peak() -> None:
    with contextlib.suppress(OSError):  # forbidden in some containers, absent elsewhere
        Path("/proc/self/clear_refs").write_text("5")


def _empty_log() -> None:
    """Let the log hold the output of one job alone."""
    with contextlib.suppress(OSError):  # standard output is no file
        os.ftruncate(1, 0)
        os.lseek(1, 0, os.SEEK_SET)
