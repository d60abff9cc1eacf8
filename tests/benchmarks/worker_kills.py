"""Kill workers at random during a fit, and say what it cost; then time kills at the limit.

    AUTOPIPE_DATA=folder python tests/benchmarks/worker_kills.py --name phoneme --budget 40

Told are: trials by how they ended; jobs that were never answered, answered twice, or told to
callbacks and not stored (0 is wanted of each); processes left after the fit; seconds over the
budget; and from the limit of a job that hangs in C code until its worker is dead.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from autopipe import AutoClassifier, AutoRegressor
from autopipe.execution.descendants import descendants
from autopipe.execution.executor import Job, Outcome
from autopipe.execution.processes import Processes
from autopipe.execution.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="phoneme", help="of the data set")
    parser.add_argument("--budget", type=float, default=40.0, help="seconds of the fit")
    parser.add_argument("--hangs", type=int, default=50, help="jobs killed at their limit")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))  # for nasty_work
    with tempfile.TemporaryDirectory() as folder:
        storm(Path(folder) / "run", options.name, options.budget)
        latencies(Path(folder), options.hangs)


class Counted(Processes):
    """Keeps what was asked and answered."""

    def __init__(self, folder: Path, workers: int) -> None:
        folder.mkdir()
        super().__init__(folder, workers)
        self.asked: list[int] = []
        self.answered: list[int] = []

    def submit(self, job: Job) -> None:
        self.asked.append(job.number)
        super().submit(job)

    def finished(self, timeout: float) -> Sequence[Outcome]:
        return self._noted(super().finished(timeout))

    def cancel(self) -> Sequence[Outcome]:
        return self._noted(super().cancel())

    def _noted(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        self.answered += [outcome.number for outcome in outcomes]
        return outcomes


def storm(folder: Path, name: str, budget: float) -> None:
    """A fit whose workers are killed every 0.1 to 2 s."""
    data = Path(os.environ["AUTOPIPE_DATA"])
    row = pd.read_csv(data / "suite.csv").set_index("name").loc[name]
    table = pd.read_parquet(data / row["file"])
    executor = Counted(folder, os.cpu_count() or 1)
    told: list[int] = []
    killed: list[int] = []
    is_over = threading.Event()
    killer = threading.Thread(target=kill_workers, args=(killed, is_over))
    model = (AutoRegressor if row["task"] == "regression" else AutoClassifier)(
        time_budget=budget,
        executor=executor,
        path=folder,
        callbacks=[lambda trial: told.append(trial.number)],
        verbose=0,
        random_state=0,
    )
    begin = time.monotonic()
    killer.start()
    model.fit(table, row["target"])
    seconds = time.monotonic() - begin
    is_over.set()
    killer.join()
    with Store.open(folder) as store:
        stored = [trial.number for trial in store.trials()]
    left = [pid for pid in descendants(os.getpid()) if not is_zygote(pid)]
    repeated = sum(count - 1 for count in Counter(executor.answered).values())
    print(f"{name}: {len(killed)} workers killed in {seconds:.1f} s of {budget:.0f} s")
    print("trials:", model.history_["status"].value_counts().to_dict())
    print(f"{model.leaderboard().iloc[0, 1:3].to_dict()}")
    print("never answered:", len(set(executor.asked) - set(executor.answered)))
    print("answered twice:", repeated)
    print("told and not stored:", len(set(told) - set(stored)))
    print("processes left:", len(left))
    print(f"over the budget: {max(0.0, seconds - budget):.2f} s")


def kill_workers(killed: list[int], is_over: threading.Event) -> None:
    rng = random.Random(0)
    while not is_over.wait(rng.uniform(0.1, 2.0)):
        workers = [pid for pid in descendants(os.getpid()) if not is_zygote(pid)]
        if workers:
            killed.append(rng.choice(workers))
            os.kill(killed[-1], signal.SIGKILL)


def is_zygote(pid: int) -> bool:
    """Whether a process is our own child; workers are the children of that."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return int(stat.rpartition(")")[2].split()[1]) == os.getpid()


def latencies(folder: Path, count: int) -> None:
    """Hanging jobs, one after the other on every worker."""
    executor = Processes(folder, os.cpu_count() or 1, "nasty_work:judge")
    limits: dict[int, float] = {}
    late: list[float] = []
    while len(late) < count:
        while executor.has_room():
            number = len(limits)
            limits[number] = time.monotonic() + 0.3
            executor.submit(Job(number, "hangs", 0, limit=limits[number]))
        for outcome in executor.finished(1.0):
            late.append(time.monotonic() - limits[outcome.number])
    executor.close()
    median, high = 1000 * np.quantile(late, [0.5, 0.99])
    print(f"from limit to death: median {median:.0f} ms, 99 % {high:.0f} ms of {count} kills")


if __name__ == "__main__":
    main()
