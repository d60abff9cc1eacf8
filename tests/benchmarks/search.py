"""Compare searches: evolution, the first list with random steps around it, and TPE.

    AUTOPIPE_DATA=folder python tests/benchmarks/search.py --budget 120 --out search.csv

Every search gets the same seconds on the same rows; the score is that of the whole model on
many rows that it has not seen. Told is by how much it is ahead of the first list with random
steps, on average over data sets and seeds, with an interval of 95 %: normalised, where 0 is the
prior and 1 the best of the searches on that split, and by how much smaller the error is
(1 - ROC AUC, log loss, RMSE). What the output has a line for is not run again. `--arms` takes
parts of evolution away one by one, to find out which of them pays; with `--trials` in the place
of seconds a machine that others use too does for that.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from held_out import held_out, parser
from scipy.stats import t as student
from scoring import scores

from autopipe import searching
from autopipe.evolution.evolution import Evolution
from autopipe.evolution.tuning import Tuner
from autopipe.evolution.variation import mutate_hyperparameter
from autopipe.trial import Proposal, Source

SETS = "electricity,credit_card_default,connect_4,satimage,california_housing,elevators"
REFERENCE = "steps"
_TRIES = 30


class Steps(Evolution):
    """The first list, then random hyperparameter steps from what scored best."""

    def _proposals(self, rng: np.random.Generator) -> Iterator[Proposal]:
        for _ in range(_TRIES):
            tree, _ = self._first[int(rng.integers(len(self._first)))]
            if len(self._population):
                tree = self._population.parent(rng).tree
            tree = mutate_hyperparameter(tree, self._grammar, rng)
            yield Proposal(self._next, tree, Source.MUTATION_HYPERPARAMETER)


class First(Evolution):
    """The first list alone."""

    def _proposals(self, rng: np.random.Generator) -> Iterator[Proposal]:
        return iter(())


class ByScore(Evolution):
    """Evolution whose fitness is the score."""

    def __init__(self, *given: Any, gains: object, **more: Any) -> None:
        super().__init__(*given, **more)


class Untuned(Evolution):
    """Evolution that proposes no hyperparameters by TPE."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._tuner = _NoTuner(self._grammar)


class _NoTuner(Tuner):
    def learn(self, tree: Any, score: float) -> None:
        """Nothing, so that every tree comes back as it is."""


class StepsByScore(Steps, ByScore):
    """The first list with random steps from the best scores."""


ARMS = {
    "evolution": Evolution,
    REFERENCE: StepsByScore,
    "tpe": None,
    "random": None,
    "list": First,
    "by_score": ByScore,
    "untuned": Untuned,
}


def main() -> None:
    options_of = parser(__doc__.splitlines()[0], SETS)
    options_of.add_argument("--arms", default=f"evolution,{REFERENCE},tpe", help="%(default)s")
    options_of.add_argument("--seeds", type=int, default=3, help="splits and fits of each set")
    options_of.add_argument("--rows", type=int, default=2_000, help="at most, to be fitted to")
    options_of.add_argument("--trials", type=int, help="so many of them, whatever they take")
    options_of.add_argument("--include", type=lambda text: text.split(","), help="learners")
    options_of.add_argument("--out", type=Path, required=True, help="CSV file to append to")
    options = options_of.parse_args()
    done = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame()
    effort = f"{options.budget:g} s" if options.trials is None else f"{options.trials} trials"
    keys = ["name", "seed", "arm", "effort"]
    known = {tuple(row) for row in done.reindex(columns=keys).itertuples(index=False)}
    for seed in range(options.seed, options.seed + options.seeds):
        for name in options.only.split(","):
            for arm in options.arms.split(","):
                if (name, seed, arm, effort) not in known:
                    tell(options, name, seed, arm, effort)
    report(pd.read_csv(options.out))


def tell(options: argparse.Namespace, name: str, seed: int, arm: str, effort: str) -> None:
    """Run one search on one split of one data set, and add the line."""
    budget = options.budget if options.trials is None else None
    one = argparse.Namespace(only=name, seed=seed, budget=budget)
    more = {"max_trials": options.trials, "include": options.include}
    search = "evolution" if ARMS[arm] else arm
    before = time.process_time()
    with patch.object(searching, "Evolution", ARMS[arm] or Evolution):
        (result,) = held_out(one, options.rows, search=search, **more)
    found = scores(result.model, result.X, result.y, result.y, result.task)
    history = result.model.history_
    best = 1.0 if result.task == "binary" else 0.0
    row = {
        "name": name, "seed": seed, "arm": arm, "effort": effort,
        "error": abs(best - found["score"]), "prior": abs(best - found["prior"]),
        "score_on_folds": float(result.model.score_), "trials": len(history),
        "complete": int((history.status == "complete").sum()), "seconds": result.seconds,
        "controller_cpu": time.process_time() - before,
        "sources": " ".join(f"{k}:{v}" for k, v in history.source.value_counts().items()),
        "members": " ".join(sorted(_members(result.model))),
    }  # fmt: skip
    print(*(f"{key}={value}" for key, value in row.items()), flush=True)
    pd.DataFrame([row]).to_csv(
        options.out, mode="a", header=not options.out.exists(), index=False
    )


def _members(model: Any) -> list[str]:
    board = model.leaderboard().iloc[1:]
    return [f"{row.learner}/{row.source}" for row in board[board.weight > 0].itertuples()]


def report(results: pd.DataFrame) -> None:
    """Print by how much each search is ahead of the reference."""
    keys = ["name", "seed", "effort"]
    errors = results.pivot_table(index=keys, columns="arm", values="error")
    prior = results.groupby(keys)["prior"].first()
    gained = errors.rsub(prior, axis=0)
    normalised = gained.div(gained.max(axis=1), axis=0)
    print(errors.groupby("name").mean().to_string(float_format="%.4g"))
    print(normalised.groupby("name").mean().to_string(float_format="%.4f"))
    for arm in errors.columns.drop(REFERENCE):
        ahead = (normalised[arm] - normalised[REFERENCE]).dropna()
        smaller = (100 * (1 - errors[arm] / errors[REFERENCE])).dropna()
        print(
            f"{arm}: ahead by {ahead.mean():+.4f} +- {half_interval(ahead):.4f}, error smaller "
            f"by {smaller.mean():+.2f} % +- {half_interval(smaller):.2f} "
            f"({len(ahead)} runs, better in {(ahead > 0).mean():.0%})"
        )


def half_interval(values: pd.Series[float]) -> float:
    """Half the width of the interval of 95 % of a mean."""
    return float(student.ppf(0.975, len(values) - 1) * values.sem())


if __name__ == "__main__":
    main()
