"""What learners do to a worker; `job.tree` says which."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from autopipe.execution.executor import Job, Outcome
from autopipe.trial import Status


def judge(job: Job, folder: Path) -> Outcome:
    deed = job.tree.partition("(")[0]
    return globals()[deed](job, folder) or Outcome(job.number, Status.COMPLETE)


def fine(job, folder):
    return Outcome(job.number, Status.COMPLETE, megabytes=float(os.getpid()))


def threads_of(job, folder):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_WAIT_POLICY")
    told = " ".join([*(os.environ.get(name, "-") for name in names), str(folder)])
    return Outcome(job.number, Status.COMPLETE, failure=told)


def main_of(job, folder):
    return Outcome(job.number, Status.COMPLETE, failure=str(sys.modules["__main__"].__dict__))


def raises(job, folder):
    raise ValueError("the learner is unhappy")


def leaves(job, folder):
    sys.exit(4)


def starves(job, folder):
    raise MemoryError("no more")


def exits(job, folder):
    os._exit(3)


def segfaults(job, folder):
    ctypes.string_at(0)


def hangs(job, folder):
    (folder / "hanging").write_text(str(os.getpid()))
    ctypes.CDLL(None).sleep(1000)


def sleeps_holding_the_gil(job, folder):
    ctypes.PyDLL(None).sleep(1000)


def allocates(job, folder):
    held = []
    while True:
        held.append(np.ones(2**20))
        time.sleep(0.001)


def holds(job, folder):
    np.ones(25 * 2**20)  # 200 MB


KEPT = []


def keeps(job, folder):
    KEPT.append(np.ones(40 * 2**20))  # 340 MB


def holds_and_crashes(job, folder):
    held = np.ones(25 * 2**20)
    os._exit(int(held[0]))


def lets_a_child_allocate(job, folder):
    program = "import time; held = b'1' * 10**9; time.sleep(1000)"
    subprocess.run([sys.executable, "-c", program])


def raises_bad_alloc(job, folder):
    raise RuntimeError("std::bad_alloc")


def aborts_for_bad_alloc(job, folder):
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def is_killed(job, folder):
    os.kill(os.getpid(), signal.SIGKILL)


def leaves_descriptors(job, folder):
    for _ in range(200):
        os.dup(1)


def leaves_a_daemon(job, folder):
    """Two forks and a session of its own: neither group nor parent leads to it."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            (folder / "daemon").write_text(str(os.getpid()))
            time.sleep(1000)
        os._exit(0)
    while not ((folder / "daemon").exists() and (folder / "daemon").read_text()):
        time.sleep(0.001)


def leaves_a_daemon_and_crashes(job, folder):
    leaves_a_daemon(job, folder)
    os._exit(3)


def leaves_a_daemon_and_hangs(job, folder):
    leaves_a_daemon(job, folder)
    hangs(job, folder)


def spawns_threads(job, folder):
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()


def leaves_a_grandchild(job, folder):
    child = subprocess.Popen(["sleep", "1000"])
    child.returncode = 0  # no complaint that it is left behind
    (folder / "grandchild").write_text(str(child.pid))


def leaves_a_fork(job, folder):
    os.fork()  # the child comes back here too


def closes_its_pipe(job, folder):
    os.closerange(3, 100)
    time.sleep(1000)


def prints_and_aborts(job, folder):
    os.write(2, b"terminate called: the library gave up\n")
    os.abort()
