"""Kill the controller of a run at random moments, resume it, and count what was lost.

    python tests/benchmarks/controller_kills.py --kills 20

The run is one of so many trials on scikit-learn's breast cancer data, in worker processes; it
is begun anew whenever it comes to its end. A trial counts as told once a callback has written
its number to the disk. Printed at the end: trials told, lost and run again, stores found
damaged, and runs whose history and predictions differ from those of an undisturbed one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sklearn.datasets import load_breast_cancer

from autopipe import AutoClassifier
from autopipe.errors import AutopipeError
from autopipe.execution.executor import Job
from autopipe.execution.processes import Processes
from autopipe.execution.store import Store
from autopipe.trial import Trial

_COMPARED = ["number", "tree", "source", "parents", "status", "score"]


class Logging(Processes):
    """Workers that write down which trials they were given."""

    def submit(self, job: Job) -> None:
        append(Path(self._folder) / "started", job.number)
        super().submit(job)


def append(path: Path, number: int) -> None:
    """Add a number to a file, on the disk when this returns."""
    with path.open("a") as file:
        file.write(f"{number}\n")
        file.flush()
        os.fsync(file.fileno())


def numbers_in(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def control(folder: Path, trials: int, workers: int) -> None:
    """Be the controller that is killed; prints a digest of the finished run."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    print("up", flush=True)

    def told(trial: Trial) -> None:
        append(folder / "told", trial.number)

    folder.mkdir(parents=True, exist_ok=True)
    model = AutoClassifier(
        max_trials=trials,
        include=["logistic", "lightgbm", "kernel_machine"],
        cv=3,
        path=folder,
        executor=Logging(folder, workers),
        callbacks=[told],
        random_state=0,
        verbose=0,
    ).fit(X, y)
    digest = hashlib.sha256(model.history_[_COMPARED].to_json().encode())
    digest.update(model.predict_proba(X).tobytes())
    print(digest.hexdigest(), flush=True)


def life(folder: Path, options: argparse.Namespace, seconds: float | None) -> str | None:
    """Run a controller; its digest, or None where it was killed after so many seconds."""
    words = ["--controller", folder, "--trials", options.trials, "--workers", options.workers]
    command = [sys.executable, __file__, *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None
        controller.stdout.readline()
        try:
            digest, _ = controller.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.kill(controller.pid, signal.SIGKILL)
            return None
    assert controller.returncode == 0
    return digest.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=40, help="of each run")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--longest", type=float, default=5.0, help="seconds before a kill")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--controller", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.controller:
        return control(options.controller, options.trials, options.workers)
    moments = random.Random(options.seed)
    root = Path(tempfile.mkdtemp(prefix="autopipe-kills-"))
    begin = time.monotonic()
    undisturbed = life(root / "undisturbed", options, None)
    print(f"undisturbed: {options.trials} trials in {time.monotonic() - begin:.1f} s")
    kills = runs = told = lost = again = damaged = different = 0
    digest: str | None = undisturbed
    while kills < options.kills or digest is None:
        folder = root / str(runs)
        seconds = moments.uniform(0, options.longest) if kills < options.kills else None
        digest = life(folder, options, seconds)
        kills += digest is None
        numbers = numbers_in(folder / "told")
        try:
            with Store.begin(folder) as store:
                kept = {trial.number for trial in store.trials()}
        except AutopipeError as error:
            print(error)
            damaged += 1
            kept = set()
        lost += len(set(numbers) - kept)
        if digest is None:
            print(f"kill {kills}: {len(numbers)} told, {len(kept)} kept", flush=True)
            continue
        started = numbers_in(folder / "started")
        runs, told = runs + 1, told + len(numbers)
        again += len(started) - len(set(started))
        different += digest != undisturbed
    shutil.rmtree(root)
    print(
        f"{kills} kills in {runs} runs of {options.trials} trials with {options.workers} "
        f"workers: {told} told, {lost} lost, {again} run again, {damaged} stores damaged, "
        f"{different} runs different from the undisturbed one"
    )


if __name__ == "__main__":
    main()
