"""Jobs in worker processes, where a crash, a hang or a leak costs one trial."""

from __future__ import annotations

import contextlib
import logging
import pickle
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

from autopipe.devices import CPU
from autopipe.errors import RunError
from autopipe.execution.executor import Executor, Job, Outcome
from autopipe.execution.launcher import CAN_FORK, Fate, launch, warm, zygote_log
from autopipe.execution.memory_use import MemoryUse
from autopipe.execution.post import Post, largest_beyond
from autopipe.trial import Status

log = logging.getLogger(__name__)

_TICK = 0.05  # s between looks at memory: at 2 GB/s an allocation overshoots by 100 MB
_KILL_SECONDS = 5.0  # a killed process is gone within milliseconds, unless a disk hangs
_MAX_FAILED_STARTS = 5  # in a row; one or two can be bad luck
_LONGEST_WAIT = 86_400.0  # s; the system counts milliseconds in 31 bits
_AHEAD = 4  # jobs that wait for a worker, where there is one for a device beside the others
_IDLE_SHARE = 0.5  # of its part of the memory, that a worker may hold between two jobs


class Processes(Executor):
    """Runs jobs in `workers` supervised processes.

    A thread of this process owns the workers: it hands out jobs, kills at the limits and
    replaces the dead. The calling thread only puts jobs in and takes outcomes out, so
    that it can be interrupted anywhere. Costs about 10 ms for a new worker and 1 ms for a
    job; the first worker waits for the imports of the zygote, see `warm`.

    Parameters
    ----------
    folder : of the run; where the work leaves its files
    workers : number of processes
    work : dotted name of the function that judges a job, as "module:function"
    memory_limit_mb : private memory that all workers may hold together, with what they have
        started, in megabytes. Beyond it, the one that holds most is killed. Mapped files
        do not count. Kept on Linux alone.
    fork : whether workers are forked from a zygote, or spawned
    device : other than "cpu", one more worker is spawned for it: no fork could use it
    is_for_device : whether a job is to run there, as long as few others wait for it
    """

    def __init__(
        self,
        folder: Path,
        workers: int,
        work: str = "autopipe.execution.judging:judge",
        memory_limit_mb: float = float("inf"),
        fork: bool = CAN_FORK,
        device: str = CPU,
        is_for_device: Callable[[Job], bool] = lambda job: True,
    ) -> None:
        self.workers = workers
        self._folder = str(folder.absolute())
        self._work = work
        self._memory_limit_mb = memory_limit_mb
        self._fork = fork
        self._device = device
        self._is_for_device = is_for_device
        if fork:
            warm()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        # Shared with the supervisor, under this lock:
        self._changed = threading.Condition()
        self._submitted: deque[Job] = deque()
        self._outcomes: list[Outcome] = []
        self._unanswered: dict[int, Job] = {}
        self._is_cancelling = False
        self._is_closing = False
        self._has_ended = False
        self._error: RunError | None = None
        # The supervisor's alone:
        self._posts: list[Post] = []
        self._waiting: deque[Job] = deque()
        self._waits_since: dict[int, float] = {}
        self._failed_starts = 0
        self._supervisor = threading.Thread(
            target=self._supervise, name="autopipe-supervisor", daemon=True
        )
        self._supervisor.start()

    def has_room(self) -> bool:
        """Whether a job that is submitted now starts at once.

        For an idle device a few more are taken in: there may be one for it among them.
        """
        with self._changed:
            is_idle = self._device != CPU and not self._count(self._device)
            return self._count(CPU) < self.workers + _AHEAD * is_idle

    def submit(self, job: Job) -> None:
        with self._changed:
            if self._has_ended:
                raise RunError(
                    f"Job {job.number} came after the workers were closed. Start new ones."
                ) from self._error
            if self._count(self._device) < _AHEAD and self._is_for_device(job):
                job = replace(job, device=self._device)
            self._unanswered[job.number] = job
            self._submitted.append(job)
            self._ring()

    def finished(self, timeout: float) -> Sequence[Outcome]:
        """What has ended since the last call; waits up to `timeout` seconds for the first.

        Raises
        ------
        RunError
            If no worker can be started any more.
        """
        seconds = min(timeout, threading.TIMEOUT_MAX)  # a run without a clock waits for ever
        with self._changed:
            self._changed.wait_for(lambda: self._outcomes or self._has_ended, seconds)
            if self._error is not None and not self._outcomes:
                raise self._error
            return self._taken()

    def cancel(self) -> Sequence[Outcome]:
        """Stop what runs; also gives what had ended and was not yet fetched."""
        with self._changed:
            self._is_cancelling = True
            self._ring()
            self._changed.wait_for(lambda: not self._is_cancelling or self._has_ended)
            return self._taken()

    def close(self) -> None:
        with self._changed:
            self._is_closing = True
            self._ring()
        self._supervisor.join()

    def _taken(self) -> list[Outcome]:
        taken, self._outcomes = self._outcomes, []
        return taken

    def _count(self, device: str) -> int:
        """Jobs that are unanswered, of those for this device."""
        return sum(job.device == device for job in self._unanswered.values())

    def _ring(self) -> None:
        """Wake the supervisor."""
        with contextlib.suppress(OSError):  # it has heard already, or is gone
            self._rope.send(b"!")

    # Everything below runs in the supervisor's thread.

    def _supervise(self) -> None:
        error: RunError | None = None
        try:
            if self._device != CPU:
                self._hire(self._device)  # its libraries take seconds to load
            while not self._is_closing:
                self._turn()
        except RunError as failure:
            error = failure
        except Exception as failure:  # told to the caller, who would else wait for ever
            error = RunError(f"The supervision of workers failed: {failure!r}.")
            error.__cause__ = failure
        with contextlib.suppress(OSError):
            self._stop(self._posts)
        with self._changed:
            if error is None:
                self._answer_cancelled()
            self._error = error
            self._bell.close()
            self._rope.close()
            self._has_ended = True
            self._changed.notify_all()

    def _turn(self) -> None:
        with self._changed:
            self._waiting.extend(self._submitted)
            self._submitted.clear()
            is_cancelling = self._is_cancelling
        if is_cancelling:
            self._cancel_jobs()
        self._hand_out()
        wait([self._bell, *self._watched()], self._patience())
        # Heard before anything is looked at again, so that no ring is lost.
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
        for post in list(self._posts):
            self._attend(post)
        self._check_memory()

    def _watched(self) -> list[int]:
        pipes = [post.worker.pipe.fileno() for post in self._posts if not post.is_deaf]
        ends = [post.worker.fileno() for post in self._posts]
        return pipes + [end for end in ends if end is not None]

    def _patience(self) -> float | None:
        """Seconds until something has to be looked at that gives no sign by itself."""
        busy = [post for post in self._posts if post.job and not post.verdict]
        limit = min((post.job.limit for post in busy if post.job), default=float("inf"))
        seconds = max(0.0, limit - time.monotonic())
        if busy or any(post.worker.fileno() is None for post in self._posts):
            seconds = min(seconds, _TICK)
        return None if seconds == float("inf") else min(seconds, _LONGEST_WAIT)

    def _hand_out(self) -> None:
        for job in list(self._waiting):
            device = job.device if job.device == self._device else CPU
            now = time.monotonic()
            since = self._waits_since.setdefault(job.number, now)
            given = replace(job, device=device, limit=job.limit + now - since)
            while post := self._idle(device):
                if post.give(given, self._folder):  # else it died while idle
                    self._waiting.remove(job)
                    del self._waits_since[job.number]
                    break

    def _idle(self, device: str) -> Post | None:
        """A worker that has nothing to do, if need be a new one; None where all are busy."""
        posts = [post for post in self._posts if post.device == device]
        for post in posts:
            if not (post.job or post.is_deaf):
                return post
        most = self.workers if device == CPU else 1
        return None if sum(not post.verdict for post in posts) >= most else self._hire(device)

    def _hire(self, device: str) -> Post:
        worker = launch(self._work, self._fork and device == CPU, device)
        self._posts.append(Post(worker, device=device))
        return self._posts[-1]

    def _attend(self, post: Post) -> None:
        """Read what a worker has sent, kill it at its time limit, or bury it."""
        try:
            while not post.is_deaf and post.worker.pipe.poll():
                self._read(post, *post.worker.pipe.recv())
        except (EOFError, OSError, pickle.UnpicklingError):
            post.is_deaf = True
        fate = post.worker.fate()
        if fate is not None:
            self._bury(post, fate)
        elif post.is_deaf:
            post.worker.kill()  # it cannot be spoken to any more
        elif post.job and not post.verdict and time.monotonic() >= post.job.limit:
            self._kill(post, Status.TIMEOUT, "killed at its time limit")

    def _read(self, post: Post, kind: str, content: object) -> None:
        match kind, content:
            case "up", (int(pid), float(megabytes)):
                post.worker.pid = pid
                post.memory = MemoryUse(pid, megabytes)
            case "started", int():
                post.started = time.monotonic()
                self._failed_starts = 0
            case (("outcome" | "last"), Outcome() as outcome):
                if not post.verdict:
                    self._answer(outcome)
                    post.job = None
                    post.is_deaf = kind == "last" or self._holds_too_much(post)
            case "broken", str():
                raise RunError(f"Workers cannot import {self._work!r}:\n{content}")

    def _holds_too_much(self, post: Post) -> bool:
        """Whether an idle worker should be replaced by one that has kept nothing."""
        share = self._memory_limit_mb / self.workers
        return post.memory.own() > _IDLE_SHARE * share

    def _check_memory(self) -> None:
        """Kill the worker that holds most where all of them hold more than they may."""
        if found := largest_beyond(self._posts, self._memory_limit_mb):
            post, megabytes = found
            may = f"all workers together may hold {self._memory_limit_mb:.0f} MB"
            self._kill(post, Status.MEMORY, f"killed at {megabytes:.0f} MB: {may}")

    def _kill(self, post: Post, status: Status, reason: str) -> None:
        post.verdict = (status, reason)
        post.worker.kill()
        if post.worker.pid is None:  # no process yet, and none will come of it
            self._bury(post, Fate(None))

    def _bury(self, post: Post, fate: Fate) -> None:
        """Free a worker that has ended; answer its job, or give it to another worker."""
        self._posts.remove(post)
        log.debug("A worker %s.", fate)
        printed = post.worker.log()
        outcome = post.outcome(post.job, fate) if post.job else None
        post.worker.close()
        if post.job and post.started is None and not post.verdict:
            self._waiting.appendleft(post.job)
            if post.device == CPU:
                self._count_failed_start(fate, printed)
            else:
                log.warning("The worker for %s %s; the CPU takes its jobs.", post.device, fate)
                self._device = CPU
        elif outcome:
            self._answer(outcome)

    def _count_failed_start(self, fate: Fate, printed: str) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS:
            raise RunError(
                f"{self._failed_starts} workers in a row ended before their first job (the "
                f"last {fate}). Check free memory, the limits on processes (ulimit -u) and "
                'that "import numpy, sklearn, lightgbm, xgboost" works, or give '
                f'executor="inline". Printed last:\n{printed or zygote_log()}'
            )

    def _cancel_jobs(self) -> None:
        for post in list(self._posts):
            self._attend(post)  # what has ended keeps its outcome
            if post.job and post.verdict:  # so does what is being killed
                self._answer(post.outcome(post.job, Fate(None)))
        self._stop([post for post in self._posts if post.job])
        with self._changed:
            self._waiting.clear()
            self._submitted.clear()
            self._answer_cancelled()
            self._is_cancelling = False
            self._changed.notify_all()  # also where nothing ran

    def _stop(self, posts: Sequence[Post]) -> None:
        """Kill workers and wait until they are gone."""
        posts = list(posts)
        for post in posts:
            with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError, RunError):
                while post.worker.pid is None and post.worker.pipe.poll():
                    self._read(post, *post.worker.pipe.recv())
            post.worker.kill()
        end = time.monotonic() + _KILL_SECONDS
        for post in posts:
            while post.worker.pid and not post.worker.fate() and time.monotonic() < end:
                number = post.worker.fileno()
                wait([] if number is None else [number], _TICK)
            self._posts.remove(post)
            post.worker.close()

    def _answer_cancelled(self) -> None:
        for number in list(self._unanswered):
            self._answer(Outcome(number, Status.CANCELLED, failure="the run ended"))

    def _answer(self, outcome: Outcome) -> None:
        with self._changed:
            if outcome.number in self._unanswered:
                del self._unanswered[outcome.number]
                self._outcomes.append(outcome)
                self._changed.notify_all()
