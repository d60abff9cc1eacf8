"""Runs of so many trials on a toy table, and an account of them that can be compared.

As a program it fits in a process of its own, which kills itself once it was told of one
trial, or else prints the account.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autopipe import AutoClassifier
from autopipe.execution.processes import Processes

ROWS = 90
QUICK = {
    "knowledge": None,  # or a process of its own would know the shipped base
    "include": ["logistic", "extra_trees", "kernel_machine"],
    "exclude": ["target_encoding"],
    "cv": 2,
    "executor": "inline",
    "scoring": "neg_log_loss",
    "random_state": 0,
    "verbose": 0,
}


def toy() -> tuple[pd.DataFrame, np.ndarray]:
    """A table with gaps and categories, and two classes."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 9, ROWS)
    frame = pd.DataFrame({"age": age, "city": rng.choice(["Ulm", "Bonn", None], ROWS)})
    frame["size"] = rng.normal(size=ROWS)
    frame.loc[::7, "age"] = None
    y = np.where(age * (1 + 0.2 * frame["size"]) + rng.normal(0, 3, ROWS) > 40, "yes", "no")
    return frame, y


def fitted(trials: int, **arguments: Any) -> AutoClassifier:
    """A model of so many trials."""
    return AutoClassifier(**{**QUICK, "max_trials": trials, **arguments}).fit(*toy())


def account(model: AutoClassifier) -> dict[str, Any]:
    """All that has to be the same in two runs, in JSON."""
    predictions = model.predict_proba(toy()[0])
    members = model._model.predictor.members
    return {
        "trials": [
            [one.number, str(one.tree), one.source, list(one.parents), one.status]
            + [score.hex() for score in one.fold_scores]
            for one in model._model.trials
        ],
        "score": model.score_.hex(),
        "weights": {str(member.number): member.weight.hex() for member in members},
        "predictions": hashlib.sha256(predictions.tobytes()).hexdigest(),
    }


def in_a_process(
    folder: Path, trials: int, workers: int, death: int = -1, learners: str = "quick"
) -> Any:
    """The account of a run in a process of its own; None where that died."""
    words = (folder, trials, workers, death, learners)
    command = [sys.executable, __file__, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == (0 if death < 0 else -signal.SIGKILL), done.stderr
    return json.loads(done.stdout) if death < 0 else None


def main(folder: str, trials: str, workers: str, death: str, learners: str) -> None:
    def die(trial: Any) -> None:
        if trial.number == int(death):
            os.kill(os.getpid(), signal.SIGKILL)

    arguments: dict[str, Any] = {"path": folder, "callbacks": [die]}
    if int(workers):
        arguments["executor"] = Processes(Path(folder), int(workers))
    if learners == "all":
        arguments["include"] = arguments["exclude"] = None
    print(json.dumps(account(fitted(int(trials), **arguments))))


if __name__ == "__main__":
    main(*sys.argv[1:])
