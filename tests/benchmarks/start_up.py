"""Seconds from the call of fit to the first finished trial, in a fresh process and again.

    python tests/benchmarks/start_up.py

"cold" is the first fit of a process, "warm" the second. The import is that of AutoClassifier,
after pandas.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings

TABLES = ("300x5", "100000x50", *(("adult",) if "AUTOPIPE_DATA" in os.environ else ()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=lambda text: text.split(","), default=TABLES)
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--child", metavar="TABLE")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(options.child, options.budget)))
        return
    print(f"{'table':>10} {'autopipe':>9} {'estimator':>9} {'cold':>6} {'warm':>6}  first tree")
    for table in options.tables:
        command = [sys.executable, __file__, "--child", table, "--budget", str(options.budget)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{table:>10} {told['autopipe']:>9.2f} {told['estimator']:>9.2f} "
            f"{told['cold']:>6.2f} {told['warm']:>6.2f}  {told['tree']}",
            flush=True,
        )


def measured(table: str, budget: float) -> dict[str, object]:
    import pandas as pd

    assert pd
    begin = time.monotonic()
    import autopipe

    told: dict[str, object] = {"autopipe": time.monotonic() - begin}
    assert autopipe.AutoClassifier
    told["estimator"] = time.monotonic() - begin
    from made_up import table_named

    X, y, estimator = table_named(table)
    for kind in ("cold", "warm"):
        seconds: list[float] = []
        begin = time.monotonic()

        def first(trial, begin=begin, seconds=seconds):
            seconds.append(time.monotonic() - begin)
            told["tree"] = f"{trial.tree.op}, {trial.status}, {trial.seconds:.2f} s"
            return trial.is_complete

        model = estimator(time_budget=budget, random_state=0, verbose=0, callbacks=[first])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
        told[kind] = seconds[-1]
    return told


if __name__ == "__main__":
    main()
