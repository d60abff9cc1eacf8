"""Autopipe and other tools on the same rows, at the same seconds and cores.

    AUTOPIPE_DATA=folder python tests/benchmarks/contest.py --only adult,vehicle --budget 60 \\
        --folds 3 --out contest.csv
    AUTOPIPE_DATA=folder python tests/benchmarks/contest.py --tool autogluon \\
        --python ITS_ENVIRONMENT/bin/python --budget 60 --folds 3 --out contest.csv
    python tests/benchmarks/contest_report.py contest.csv --plot contest.svg

The suite is a folder with `suite.csv` (columns name, file, task, target) and one Parquet file
for each data set. A fifth of the rows is held out, as fold k of five (seed 0, stratified for
classes); classes are numbered. A fit runs in a process of its own, in the Python that is given.
What the output has a row for is not run again. Memory is the largest proportional set size of
all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from memory import megabytes_below
from rivals import TOOLS
from scoring import METRICS, prior, score
from sklearn.model_selection import KFold, StratifiedKFold

SETS = (
    "credit_g,telco_churn,phoneme,adult,womens_clothing_reviews,vehicle,satimage,"
    "midwest_survey,concrete,ames_housing,california_housing,employee_salaries"
)
COLUMNS = (
    "framework", "dataset", "fold", "budget", "cores", "task", "metric", "prior_score", "score",
    "fit_s", "peak_mb", "version", "single_row_ms", "status", "error",
)  # fmt: skip
_FOLDS = 5
_SECONDS = 0.5  # between two looks at the memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", choices=TOOLS, default="autopipe", help="%(default)s")
    parser.add_argument("--python", type=Path, default=sys.executable, help="that has the tool")
    parser.add_argument("--only", default=SETS, help="a,b,c, or all; default: %(default)s")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each fit")
    folds = range(1, _FOLDS + 1)
    parser.add_argument("--folds", type=int, default=1, choices=folds, help="held out in turn")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="CSV file to append to")
    options = parser.parse_args()
    done = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame()
    keys = ["framework", "dataset", "fold", "budget"]
    known = {tuple(row) for row in done.reindex(columns=keys).itertuples(index=False)}
    suite = pd.read_csv(Path(os.environ["AUTOPIPE_DATA"]) / "suite.csv").set_index("name")
    for name in suite.index if options.only == "all" else options.only.split(","):
        for fold in range(options.folds):
            key = options.tool, name, fold, options.budget
            if key in known:
                continue
            row = dict(zip(keys, key, strict=True)) | measured(options, suite.loc[name], fold)
            line = pd.DataFrame([row], columns=COLUMNS)
            is_new = not options.out.exists()
            line.to_csv(options.out, mode="a", header=is_new, index=False)
            print(*(f"{key}={value}" for key, value in row.items()), flush=True)


def measured(options: argparse.Namespace, info: Any, fold: int) -> dict[str, Any]:
    """What becomes of one fit; a failure is a result too.

    Parameters
    ----------
    info : the line of the data set in the suite
    """
    file = Path(os.environ["AUTOPIPE_DATA"]) / info.file
    train, test = split(pd.read_parquet(file), info.target, info.task, fold)
    y, y_new = train[info.target], test.pop(info.target)
    row = {
        "cores": options.cores,
        "task": info.task,
        "metric": METRICS[info.task],
        "prior_score": score(info.task, y_new, prior(info.task, y, len(y_new))),
    }
    with tempfile.TemporaryDirectory() as place:
        job = {
            "framework": options.tool,
            "task": info.task,
            "target": info.target,
            "budget": options.budget,
            "cores": options.cores,
        }
        work = Path(place)
        (work / "job.json").write_text(json.dumps(job))
        train.to_parquet(work / "train.parquet")
        test.to_parquet(work / "test.parquet")
        row |= watched(options, work)
        try:
            told = json.loads((work / "told.json").read_text())
            said = pd.read_parquet(work / "predictions.parquet").to_numpy()
            row |= {**told, "score": score(info.task, y_new, said), "status": "ok"}
        except (OSError, ValueError) as error:
            row |= {"status": "error", "error": f"{type(error).__name__}: {error}"}
    return row


def watched(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run the fit on as many cores as it may use, and look at its memory."""
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[: options.cores]))
    command = ["taskset", "-c", cores, str(options.python), Path(__file__).parent / "rivals.py"]
    peak, end = 0.0, time.monotonic() + 2 * options.budget + 120
    with (
        (work / "log").open("w") as log,
        subprocess.Popen(
            [*command, work], stdout=log, stderr=log, cwd=work, start_new_session=True
        ) as child,
    ):
        while child.poll() is None:
            peak = max(peak, megabytes_below(child.pid))
            if time.monotonic() > end:
                os.killpg(child.pid, signal.SIGKILL)  # with all that it has started
            time.sleep(_SECONDS)
    return {"peak_mb": peak}


def split(
    table: pd.DataFrame, target: str, task: str, fold: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows to fit to and those that are held out; classes become their numbers."""
    table = table[table[target].notna()].reset_index(drop=True)
    folds: KFold | StratifiedKFold = KFold(_FOLDS, shuffle=True, random_state=0)
    if task == "regression":
        table[target] = table[target].astype(float)
    else:
        table[target], _ = pd.factorize(table[target], sort=True)
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    train, test = list(folds.split(table, table[target]))[fold]
    return table.iloc[train].reset_index(drop=True), table.iloc[test].reset_index(drop=True)


if __name__ == "__main__":
    main()
