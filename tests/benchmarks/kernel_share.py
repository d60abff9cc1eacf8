"""The share of the budgeted core-seconds that learners spend in their training kernels.

    AUTOPIPE_DATA=folder python tests/benchmarks/kernel_share.py --budget 60

py-spy samples all processes of a fit. A sample belongs to the first line of PARTS that fits one
of its frames, from the innermost outwards; what no sample took of the cores is idle. Sampling
itself takes some per cent of a core.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

RATE = 50  # samples a second
PARTS = (
    ("train", r"Booster.update \(lightgbm|Booster.update \(xgboost|_train \(catboost|"
     r"fit \(sklearn/(ensemble|linear_model|tree)|(_solved|_slopes|_squared_distances) \("
     r"autopipe/operators/kernels|\(autopipe/operators/(batched_training|layers|networks)"),
    ("watch", r"eval_valid \(lightgbm|__inner_predict|after_iteration|eval_set \(xgboost"),
    ("bin", r"\.prepare \(autopipe|_quantised \(autopipe|__init__ \((lightgbm|catboost|xgboost)"
     r"|(subset|construct|add_valid|free_dataset) \(lightgbm|_pool \(autopipe"),
    ("predict", r"predict\w* \("),
    ("files", r"write_fitted|write_atomically|write_oof|_dumped"),
    ("encode texts", r"\(autopipe/operators/(text|vocabulary)"),
    ("transform", r"transform \(autopipe|_(whole|transform) \(autopipe"),
    ("fit, other", r"fit \(autopipe/operators|_learned \(autopipe"),
    ("import", r"_find_and_load"),
    ("select", r"select \(autopipe/ensembles|_select \(autopipe"),
    ("conclude", r"conclude \(autopipe|result \(autopipe"),
    ("score", r"_judged \(autopipe"),
    ("record", r"\(autopipe/execution/store"),
    ("search", r"ask \(autopipe|tell \(autopipe"),
    ("intake", r"\.(learn|encode) \(autopipe|warn_of_suspicions|make_folds"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tables", type=lambda text: text.split(","), default=("adult", "california_housing")
    )
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--child", metavar="TABLE")
    parser.add_argument("--keep", type=Path, help="folder for the stacks")
    options = parser.parse_args()
    if options.child:
        fit(options.child, options.budget)
        return
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=Path(sys.executable).parent)
    if spy is None:
        print("py-spy is not installed: pip install py-spy")
        return
    for table in options.tables:
        with tempfile.TemporaryDirectory() as folder:
            stacks = (options.keep or Path(folder)) / f"{table}.stacks"
            command = [sys.executable, __file__, "--child", table, "--budget"]
            record = [spy, "record", "--subprocesses", "--format", "raw", "--rate", str(RATE)]
            record += ["--output", str(stacks), "--", *command, str(options.budget)]
            done = subprocess.run(record, capture_output=True, text=True)
            if not stacks.exists():
                print(done.stdout, done.stderr)
                return
            print(next(line for line in done.stdout.splitlines() if line.startswith("fit")))
            report(stacks.read_text(), options.budget)


def fit(table: str, budget: float) -> None:
    from made_up import table_named

    X, y, estimator = table_named(table)
    model = estimator(time_budget=budget, random_state=0, verbose=0)
    begin = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    seconds = time.monotonic() - begin
    trials = model.history_
    in_trials = trials.seconds.sum() / (seconds * len(os.sched_getaffinity(0)))
    print(
        f"fit of {table} in {seconds:.1f} s: {len(trials)} trials, which took {in_trials:.0%} "
        f"of the cores; {model.ledger_}"
    )


def report(stacks: str, budget: float) -> None:
    """Print the share of every part."""
    counts: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        if "fit (autopipe/estimators" in frames or "serve (autopipe" in frames:
            counts[part_of(frames.split(";"))] += int(count)
        elif re.search(r"execution\.zygote|_supervise", frames) and "select (sel" not in frames:
            counts["zygote, supervisor"] += int(count)  # that do not wait
    whole = RATE * budget * len(os.sched_getaffinity(0))
    for part, count in counts.most_common():
        print(f"  {part:<18} {count / whole:6.1%}")
    print(f"  {'idle':<18} {1 - counts.total() / whole:6.1%}")


def part_of(frames: list[str]) -> str:
    """The part of the fit that a stack belongs to."""
    for frame in reversed(frames):
        for part, pattern in PARTS:
            if re.search(pattern, frame.strip()):
                return part
    return "work, other" if any("serve (" in frame for frame in frames) else "controller, other"


if __name__ == "__main__":
    main()
