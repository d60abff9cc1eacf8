"""The most memory that a fit holds, beside the size of its table. Linux alone.

    python tests/benchmarks/memory.py --tables 500000x40 --budget 60

Proportional set sizes (pages that processes share count once in all), looked at five times a
second: of the user's process, of the one that workers are forked from, and of the workers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

TABLES = ("500000x40", *(("adult",) if "AUTOPIPE_DATA" in os.environ else ()))
_SECONDS = 0.2  # between two looks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=lambda text: text.split(","), default=TABLES)
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--child", metavar="TABLE")
    options = parser.parse_args()
    if options.child:
        fit(options.child, options.budget)
        return
    print("MB         frame  coded  before  process  zygote  workers  together")
    for table in options.tables:
        command = [sys.executable, __file__, "--child", table, "--budget", str(options.budget)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            sizes = json.loads(child.stdout.readline())
            peaks = {"process": 0.0, "zygote": 0.0, "workers": 0.0, "together": 0.0}
            while child.poll() is None:
                now = megabytes_by_part(child.pid)
                now["together"] = sum(now.values())
                peaks = {part: max(peaks[part], now.get(part, 0.0)) for part in peaks}
                time.sleep(_SECONDS)
        print(
            f"{table:>9} {sizes['frame']:>6.0f} {sizes['coded']:>6.0f} {sizes['before']:>7.0f} "
            + " ".join(f"{peaks[part]:>7.0f}" for part in peaks),
            flush=True,
        )


def fit(table: str, budget: float) -> None:
    from made_up import table_named

    from autopipe.intake.coding import Coding

    X, y, estimator = table_named(table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coded = Coding.learn(X).encode(X).nbytes
        frame = X.memory_usage(index=False, deep=True).sum()
        before = proportional_megabytes(os.getpid())
        sizes = {"frame": float(frame) / 1e6, "coded": coded / 1e6, "before": before}
        print(json.dumps(sizes), flush=True)
        estimator(time_budget=budget, random_state=0, verbose=0).fit(X, y)


def megabytes_by_part(pid: int) -> dict[str, float]:
    """Of the fit's process, the zygote below it, and everything below that."""
    zygotes = list(children(pid))
    workers = [worker for zygote in zygotes for worker in children(zygote)]
    parts = {"process": [pid], "zygote": zygotes, "workers": workers}
    return {part: sum(map(proportional_megabytes, pids)) for part, pids in parts.items()}


def megabytes_below(pid: int) -> float:
    """Of a process with all that it has started, and these in turn."""
    return proportional_megabytes(pid) + sum(map(megabytes_below, children(pid)))


def children(pid: int) -> Iterator[int]:
    """The processes that a process has started, from whichever thread."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            yield from map(int, (task / "children").read_text().split())
        except OSError:
            continue


def proportional_megabytes(pid: int) -> float:
    """The proportional set size of a process; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main()
