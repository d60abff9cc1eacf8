"""What the meta-learning database is worth: by replay of stored trials, and by runs.

    autopipe learn folder --budget 8h --out learned
    python tests/benchmarks/warm_start.py replay learned/runs
    AUTOPIPE_DATA=folder python tests/benchmarks/warm_start.py run --only a,b --budget 60

The replay leaves each data set out in turn, lets every arm order its trees by what the others
tell, and reads the greedy ensemble of what would have ended after some core-seconds. Weights
are chosen on one half of the out-of-fold rows and read on the other. Scores are normalised:
0 is the prior, 1 the ensemble of all trees. Nothing is fitted.

A run leaves what looks like its data set out of what is known, and is read in the same way:
by its out-of-fold predictions, at seconds of the clock. The scores of all arms are normalised
by the best that any of them has at its end. Arms: the built-in list, the same order for all
data sets, what is recommended, and random trees.

    AUTOPIPE_DATA=folder python tests/benchmarks/warm_start.py siblings --only a,b

fits one half of the rows with a home of its own, and then the other half, with and without
what the first has taught.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from autopipe import AutoClassifier, AutoRegressor
from autopipe.datasets import knowledge, knowledge_file
from autopipe.datasets.experience import Experience
from autopipe.datasets.knowledge import ITSELF, Knowledge, suiting
from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.datasets.recommendation import Subject, Trust, recommended
from autopipe.ensembles.greedy import greedy_weights
from autopipe.errors import StoreError, TreeError, UnknownOperatorError
from autopipe.evolution.grammar import Grammar
from autopipe.execution.cost_model import CostModel
from autopipe.execution.files import data_path
from autopipe.execution.run_data import RunData
from autopipe.execution.store import Store
from autopipe.learning.gathering import learned
from autopipe.metrics import Metric, metric_for
from autopipe.operators.catalogue import catalogue
from autopipe.operators.cost import Shape
from autopipe.task import FloatArray, Target
from autopipe.tree import parse
from autopipe.trial import Source

CHECKPOINTS = (5.0, 15.0, 30.0, 60.0, 120.0)  # core-seconds
CORE_SECONDS = 120.0  # that the lists are made for
MOST_MEMBERS = 15
ROUNDS = 20
GLOBAL = Trust(similarity=0.0, same=0.0)


@dataclass(frozen=True, eq=False)
class Halves:
    """Rows that choose an ensemble, and rows that judge it."""

    data: RunData
    metric: Metric

    def score(self, predictions: Sequence[FloatArray]) -> float:
        """Of the greedy ensemble of out-of-fold predictions; of the prior without any."""
        held_out = np.flatnonzero(self.data.folds.times_held_out)
        odd, even = held_out[::2], held_out[1::2]
        chosen, read = self.data.target.take(odd), self.data.target.take(even)
        if not predictions:
            prior = np.tile(self.data.target.prior(), (len(read.y), 1))
            return self.metric.score(read, prior)
        members = sorted(predictions, key=lambda one: -self.metric.score(chosen, one[odd]))
        stacked = np.stack(members[:MOST_MEMBERS])
        weights = greedy_weights(stacked[:, odd], chosen, self.metric, ROUNDS)
        return float(self.metric.score(read, np.tensordot(weights, stacked[:, even], axes=1)))


@dataclass(eq=False)
class Replayed:
    """A data set with all that was tried on it."""

    name: str
    experience: Experience
    data: RunData
    metric: Metric
    situation: Situation
    grammar: Grammar
    seconds: dict[str, float]
    predictions: dict[str, FloatArray]
    random: list[str]

    @classmethod
    def of(cls, folder: Path) -> Replayed:
        one = learned(folder)
        data = RunData.open(data_path(folder))
        table, target = data.table, data.target
        classes = np.arange(target.n_classes) if target.is_classification else None
        costs = CostModel(Shape.of(table, target), data.folds)
        situation = Situation.of(table, target, 5, CORE_SECONDS, costs.core_seconds)
        grammar = Grammar(catalogue().values(), table.schema, target.kind, len(table))
        with Store.open(folder) as store:
            trials = [trial for trial in store.trials() if trial.is_complete]
            predictions = {str(trial.tree): store.oof(trial.number) for trial in trials}
        return cls(
            folder.name,
            one,
            data,
            metric_for(None, target.kind, classes),
            situation,
            grammar,
            {result.tree: result.seconds for result in one.results},
            predictions,
            [str(trial.tree) for trial in trials if trial.source is Source.RANDOM],
        )

    def built_in(self) -> list[str]:
        """The built-in list, each tree at the pace at which it was tried."""
        by_shape = {_without_rate(text): text for text in self.seconds}
        found = []
        for text in portfolio(self.situation):
            try:
                tree = str(self.grammar.completed(parse(text)))
            except (TreeError, UnknownOperatorError):
                continue
            found.append(tree if tree in self.seconds else by_shape.get(_without_rate(tree)))
        return [text for text in found if text is not None]

    def recommended(
        self, others: Sequence[Experience], trust: Trust, before: Sequence[str] = ()
    ) -> list[str]:
        """What the others recommend, after these trees; what is built in comes last."""
        subject = Subject(
            self.situation.kind,
            self.experience.metafeatures,
            self.experience.fingerprint,
            self.situation.has_categories,
            self.situation.has_texts,
        )
        trees = suiting(others, self.situation, self.grammar.completed)
        trees = {text: tree for text, tree in trees.items() if text in self.seconds}
        seconds_of, before = self.situation.seconds_of, list(before) or self.built_in()[:1]
        order = recommended(subject, others, trees, seconds_of, 30, trust, before)
        return list(dict.fromkeys([*before, *order, *self.built_in()]))

    def curve(self, order: Sequence[str]) -> FloatArray:
        """The normalised score at every checkpoint."""
        prior, best = self.bounds
        ends = np.cumsum([self.seconds[text] for text in order])
        scores = [
            self.halves.score(
                [
                    self.predictions[text]
                    for text, end in zip(order, ends, strict=True)
                    if end <= seconds and text in self.predictions
                ]
            )
            for seconds in CHECKPOINTS
        ]
        return np.clip((np.array(scores) - prior) / max(best - prior, 1e-12), -1.0, 1.2)

    @cached_property
    def halves(self) -> Halves:
        return Halves(self.data, self.metric)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The scores of the prior and of the ensemble of everything."""
        return self.halves.score([]), self.halves.score(list(self.predictions.values()))


def _without_rate(tree: str) -> str:
    return re.sub(r"learning_rate=[\d.e-]+", "", tree)


def replay(folder: Path, grid: bool) -> None:
    sets = [Replayed.of(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    sets = [one for one in sets if len(one.predictions) >= 8]
    print(f"{len(sets)} data sets, {sum(len(one.predictions) for one in sets)} trials")

    def shown(
        name: str, order: Callable[[Replayed, list[Experience]], list[str]]
    ) -> FloatArray:
        curves = []
        for one in sets:
            others = [other.experience for other in sets if other is not one]
            curves.append(one.curve(order(one, others)))
        curves = np.array(curves)
        mean = " ".join(f"{value:.4f}" for value in curves.mean(axis=0))
        print(f"{name:50} {mean}  mean {curves.mean():.4f}", flush=True)
        return curves

    print("core-seconds:", *CHECKPOINTS)
    base = shown("built-in", lambda one, others: one.built_in())
    rng = np.random.default_rng(0)
    shown("random", lambda one, others: list(rng.permutation(sorted(one.predictions))))
    arms = {"global": GLOBAL, "recommended": Trust()}
    if grid:
        for similarity, nearness, kinds, thrift in itertools.product(
            (0.0, 0.3, 0.6, 1.0), (0.5,), (0.0, 0.2), (0.3, 0.6, 1.0)
        ):
            arms[f"s={similarity} n={nearness} k={kinds} t={thrift}"] = replace(
                Trust(),
                similarity=similarity,
                nearness=nearness,
                other_kinds=kinds,
                thrift=thrift,
            )
    for name, trust in arms.items():
        curves = shown(name, lambda one, others, trust=trust: one.recommended(others, trust))
        gap = (curves - base).mean(axis=1)
        error = gap.std(ddof=1) / np.sqrt(len(gap))
        print(
            f"    minus built-in {gap.mean():+.4f} ± {error:.4f}, better on "
            f"{(gap > 1e-4).sum()}, worse on {(gap < -1e-4).sum()}"
        )


@dataclass(frozen=True, eq=False)
class Timed:
    """A fit and when its trials ended: predictions of the whole table, by seconds."""

    halves: Halves
    ended: list[tuple[float, FloatArray]]

    def score(self, seconds: float) -> float:
        return self.halves.score([one for end, one in self.ended if end <= seconds])

    def seconds_to(self, score: float, budget: float) -> float:
        """Until the score is reached; infinite where it never is."""
        moments = sorted(end for end, _ in self.ended)
        return next((end for end in moments if self.score(end) >= score), float("inf"))


def timed(X: pd.DataFrame, y: pd.Series, task: str, budget: float, **arguments: Any) -> Timed:
    """Fit, and read back what ended when."""
    begin = time.monotonic()
    ends: dict[int, float] = {}
    build = AutoRegressor if task == "regression" else AutoClassifier
    with tempfile.TemporaryDirectory() as folder:
        model = build(
            time_budget=budget,
            path=folder,
            random_state=0,
            verbose=0,
            ensemble="greedy",
            callbacks=[lambda t: ends.setdefault(t.number, time.monotonic() - begin) and None],
            **arguments,
        ).fit(X, y)
        data = RunData.open(data_path(Path(folder)))
        target = Target(data.target.kind, np.array(data.target.y), data.target.n_classes)
        data = replace(data, target=target)  # not mapped: the folder goes
        ended = []
        with Store.open(Path(folder)) as store:
            for trial in store.trials():
                with suppress(StoreError):  # of candidates that fell out
                    ended.append((ends[trial.number], store.oof(trial.number)))
    classes = getattr(model, "classes_", None)
    return Timed(Halves(data, metric_for(None, target.kind, classes)), ended)


def data_set(name: str) -> tuple[pd.DataFrame, pd.Series, str]:
    folder = Path(os.environ["AUTOPIPE_DATA"])
    row = pd.read_csv(folder / "suite.csv").set_index("name").loc[name]
    frame = pd.read_parquet(folder / row.file)
    frame = frame[frame[row.target].notna()]
    return frame.drop(columns=row.target), frame[row.target], str(row.task)


def run(names: Sequence[str], budget: float) -> None:
    others = {"learn": False, "exclude": [ITSELF]}
    arms: dict[str, dict[str, Any]] = {
        "built-in": {"knowledge": None},
        "global": {"knowledge": Knowledge(**others, trust=GLOBAL)},
        "recommended": {"knowledge": Knowledge(**others)},
        "random": {"knowledge": None, "search": "random"},
    }
    moments = [share * budget for share in (1 / 12, 1 / 4, 1 / 2, 1.0)]
    found: dict[str, list[list[float]]] = {arm: [] for arm in arms}
    for name in names:
        X, y, task = data_set(name)
        fits = {arm: timed(X, y, task, budget, **given) for arm, given in arms.items()}
        prior = fits["built-in"].halves.score([])
        ends = {arm: fit.score(budget) for arm, fit in fits.items()}
        best = max(ends.values())
        for arm, fit in fits.items():
            scores = [(fit.score(t) - prior) / (best - prior) for t in moments]
            reached = fit.seconds_to(ends["random"], budget)
            found[arm].append([*scores, reached])
            print(
                name, arm, *(f"{score:.4f}" for score in scores), f"{reached:.1f} s", flush=True
            )
    print("seconds:", *(f"{t:g}" for t in moments), "until the end of random is reached")
    for arm, rows in found.items():
        scores = np.array(rows)
        means = " ".join(f"{value:.4f}" for value in scores[:, :-1].mean(axis=0))
        print(f"{arm:12} {means}  median {np.median(scores[:, -1]):.1f} s")


def siblings(names: Sequence[str], budget: float) -> None:
    for name in names:
        X, y, task = data_set(name)
        order = np.random.default_rng(0).permutation(len(X))
        one, other = np.array_split(order, 2)
        with (
            tempfile.TemporaryDirectory() as home,
            patch.object(knowledge, "SHIPPED", Path(home) / "empty.sqlite"),
        ):
            os.environ["AUTOPIPE_HOME"] = home
            knowledge_file.add(knowledge.SHIPPED, [])  # or the shipped base might know the set
            timed(X.iloc[one], y.iloc[one], task, budget)
            cold = timed(X.iloc[other], y.iloc[other], task, budget, knowledge=None)
            known = Knowledge(learn=False)
            warm = timed(X.iloc[other], y.iloc[other], task, budget, knowledge=known)
        goal = cold.score(budget)
        print(
            f"{name}: the score that the other half reaches without in "
            f"{cold.seconds_to(goal, budget):.1f} s is there after "
            f"{warm.seconds_to(goal, budget):.1f} s; at the end {goal:.5g} and "
            f"{warm.score(budget):.5g}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("replay", "run", "siblings"))
    parser.add_argument("folder", type=Path, nargs="?", help="of the runs, for a replay")
    parser.add_argument("--grid", action="store_true", help="try many degrees of trust")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each fit")
    parser.add_argument("--only", default="credit_g,concrete,vehicle", help="data sets")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.mode == "replay":
        replay(options.folder, options.grid)
    else:
        {"run": run, "siblings": siblings}[options.mode](
            options.only.split(","), options.budget
        )


if __name__ == "__main__":
    main()
