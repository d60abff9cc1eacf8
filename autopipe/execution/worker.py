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
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias, cast

from autopipe.devices import CPU, CUDA
from autopipe.execution.descendants import adopt_orphans, end_descendants
from autopipe.execution.executor import Job, Outcome
from autopipe.memory import peak_megabytes, private_megabytes, reset_peak, tells_of_memory
from autopipe.trial import Status

Work: TypeAlias = Callable[[Job, Path], Outcome]
"""What a worker does with a job; the folder is that of the run."""

Pipe: TypeAlias = Connection  # its type parameters cannot be written at run time
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_FRAMES = 20  # of a traceback; the innermost tell most
_MOST_DESCRIPTORS = 64  # more than at birth: libraries keep a few, a leak gets there
_MOST_THREADS = 16 + 2 * (os.cpu_count() or 1)  # likewise, for the pools of native code
_BADNESS = 500  # of 1,000: the system, short of memory, takes a worker before its master


def work_named(name: str) -> Work:
    """The function behind a dotted name such as "package.module:function"."""
    module, _, function = name.partition(":")
    return cast(Work, getattr(importlib.import_module(module), function))


def attempt(work: Work, job: Job, folder: Path) -> Outcome:
    """The outcome of a job, also where the work raises."""
    begin = time.monotonic()
    try:
        return work(job, folder)
    except (Exception, SystemExit) as error:  # whatever a learner throws costs one trial
        cause: BaseException = error
    line = traceback.format_exception_only(cause)[-1].strip()
    frames = "".join(traceback.format_exception(cause, limit=-_FRAMES))
    is_short = isinstance(cause, MemoryError) or tells_of_memory(line)
    status = Status.MEMORY if is_short else Status.ERROR
    seconds = time.monotonic() - begin
    return Outcome(job.number, status, seconds, failure=line, traceback=frames)


def serve(pipe: Pipe, work: str) -> None:
    """Answer jobs until the controller's end of the pipe is closed.

    Says `("up", (pid, megabytes))` first, then for every `(folder, job)` first
    `("started", number)` and in the end `("outcome", outcome)`. That is `("last", outcome)`
    where the job has left something behind that only the end of this process removes. Or
    says once `("broken", text)` where the work cannot be imported.
    """
    pid = os.getpid()
    with contextlib.suppress(EOFError, OSError):  # the controller has closed or died
        pipe.send(("up", (pid, private_megabytes())))
        try:
            function = work_named(work)
        except Exception:
            pipe.send(("broken", traceback.format_exc(limit=-_FRAMES)))
            return
        born = _Holdings()
        is_clean = True
        while is_clean:
            folder, job = pipe.recv()
            _empty_log()
            reset_peak()
            pipe.send(("started", job.number))
            outcome = attempt(function, job, Path(folder))
            if os.getpid() != pid:
                os._exit(1)  # a fork that the work left behind must not answer too
            outcome = replace(outcome, peak_megabytes=peak_megabytes())
            is_clean = not end_descendants() and not _Holdings().exceed(born)
            pipe.send(("outcome" if is_clean else "last", outcome))


class _Holdings:
    """What a process holds that a job may leave behind: threads and descriptors."""

    def __init__(self) -> None:
        self._python_threads = set(threading.enumerate())
        self._threads = _entries("/proc/self/task")
        self._descriptors = _entries("/dev/fd")

    def exceed(self, born: _Holdings) -> bool:
        """Whether more is held than libraries keep for themselves."""
        return (
            not self._python_threads <= born._python_threads
            or self._threads > born._threads + _MOST_THREADS
            or self._descriptors > born._descriptors + _MOST_DESCRIPTORS
        )


def _entries(folder: str) -> int:
    try:
        return len(os.listdir(folder))
    except OSError:  # no such folder on this system
        return 0


def isolate() -> None:
    """Make this process harmless to the terminal, the disk and whoever outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's to handle
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    adopt_orphans()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(_BADNESS))


def main(descriptor: int, work: str, device: str = CPU) -> None:
    """The program of a worker that is spawned rather than forked."""
    isolate()
    if device == CUDA:
        with contextlib.suppress(Exception):  # its first job tells what is wrong
            import torch

            torch.zeros(1, device=device)
    serve(Connection(descriptor), work)


def _empty_log() -> None:
    """Let the log hold the output of one job alone."""
    with contextlib.suppress(OSError):  # standard output is no file
        os.ftruncate(1, 0)
        os.lseek(1, 0, os.SEEK_SET)
