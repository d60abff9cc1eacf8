"""What synthesized features are worth: screened, drawn at random, and none, side by side.

    AUTOPIPE_DATA=folder python tests/benchmarks/features.py --learners lightgbm,catboost

For every data set a part of the rows is cross-fitted, and others are held out. The control are
as many random formulas as the screen kept. Where features are made, the learner boosts in
larger steps, such that its processor seconds are those of the plain one. Last, the greedy
ensemble of the first trees of the portfolio is made with and without features. Errors are
1 - ROC AUC, log loss or RMSE; changes of them are in per cent, with a 90 % interval.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.ensembles.greedy import greedy_weights
from autopipe.evolution.grammar import Grammar
from autopipe.execution.cache import Cache
from autopipe.execution.cost_model import CostModel
from autopipe.execution.crossfit import crossfit
from autopipe.folds import Folds, make_folds
from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.metrics import Metric, metric_for
from autopipe.operators.catalogue import catalogue
from autopipe.operators.cost import Shape
from autopipe.operators.programs import Synthesized
from autopipe.operators.programs_domain import MOST_FORMULAS, Formulas
from autopipe.operators.programs_formulas import parse_formulas
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import parse

TEN = (
    "california_housing,diamonds,elevators,bike_sharing,concrete,phoneme,adult,telco_churn,"
    "page_blocks,car"
)
RATES = {"lightgbm": 0.05, "xgboost": 0.08, "catboost": 0.08}
FOLDS = 5
_FASTEST = 4.0  # times the plain rate; beyond, a worse score is that of the rate


class Problem(NamedTuple):
    """A data set in two parts."""

    table: Table
    target: Target
    new_table: Table
    new_target: Target
    metric: Metric
    folds: Folds
    seeds: Seeds


class Result(NamedTuple):
    """Of one tree."""

    out_of_fold: FloatArray
    new: FloatArray
    seconds: float
    features: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=TEN, help="a,b,c; default: %(default)s")
    parser.add_argument("--learners", default="lightgbm", help="of " + ", ".join(RATES))
    parser.add_argument("--rows", type=int, default=5_000, help="at most, to be fitted to")
    parser.add_argument("--ensemble", type=int, default=0, help="first trees to be combined")
    parser.add_argument("--seed", type=int, default=0, help="of rows, folds and fits")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    changes: dict[str, list[float]] = defaultdict(list)
    for name in options.only.split(","):
        problem = read(name, options.rows, options.seed)
        arms: dict[str, dict[str, tuple[float, float]]] = {}
        for learner in options.learners.split(","):
            arms[learner] = of_learner(problem, learner)
        if options.ensemble:
            arms["ensemble"] = of_ensemble(problem, options.ensemble)
        for kind, errors in arms.items():
            for arm, pair in errors.items():
                change = 100 * float(np.mean(np.log(np.divide(pair, errors["plain"]))))
                changes[f"{kind} {arm}"].append(change)
                print(f"{name:20} {kind:9} {arm:9} {change:+6.1f} %", flush=True)
    for arm, each in changes.items():
        spread = 1.645 * np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
        print(f"{arm:20} {np.mean(each):+6.2f} % ± {spread:.2f} on {len(each)} data sets")


def read(name: str, most: int, seed: int) -> Problem:
    """At most so many rows to be fitted to, and as many that are held out."""
    folder = Path(os.environ["AUTOPIPE_DATA"])
    row = pd.read_csv(folder / "suite.csv").set_index("name").loc[name]
    frame = pd.read_parquet(folder / row.file)
    frame = frame[frame[row.target].notna()]
    is_classes = row.task != "regression"
    frame = frame.sample(min(len(frame), 2 * most), random_state=seed)
    if is_classes:
        counts = frame[row.target].map(frame[row.target].value_counts())
        frame = frame[counts >= 2 * FOLDS]
    y = frame[row.target]
    X, X_new, y, y_new = train_test_split(
        frame.drop(columns=row.target),
        y,
        test_size=0.5 if len(frame) == 2 * most else 0.3,
        random_state=seed,
        stratify=y if is_classes else None,
    )
    coding, targets = Coding.learn(X), TargetCoding.learn(y, is_classes)
    table, target = coding.encode(X), targets.target(y)
    metric = metric_for(None, target.kind, targets.classes if is_classes else None)
    folds = make_folds(target, FOLDS, Seeds(seed))
    rest = metric, folds, Seeds(seed)
    return Problem(table, target, coding.encode(X_new), targets.target(y_new), *rest)


def of_learner(problem: Problem, learner: str) -> dict[str, tuple[float, float]]:
    """Errors of a learner without, with screened and with random features."""

    def boosted(table: str, rate: float) -> Result:
        return judged(problem, f"{learner}(codes({table}), learning_rate={rate:.3g})")

    def in_no_more_time(table: str) -> Result:
        slow = boosted(table, RATES[learner])
        factor = min(_FASTEST, slow.seconds / plain.seconds)
        return boosted(table, RATES[learner] * factor) if factor > 1.1 else slow

    plain = boosted("table", RATES[learner])
    screened = in_no_more_time("synthesized(table)")
    domain, rng = Formulas(problem.table.schema), problem.seeds.stream("control")
    drawn = [each for _ in range(100) for each in parse_formulas(domain.draw(rng))]
    count = min(MOST_FORMULAS, max(1, round(screened.features)))
    formulas = list(dict.fromkeys(map(str, drawn)))[:count]
    control = in_no_more_time(f"with_features(table, {', '.join(formulas)})")
    results = {"plain": plain, "screened": screened, "random": control}
    return {arm: errors(problem, each) for arm, each in results.items()}


def of_ensemble(problem: Problem, count: int) -> dict[str, tuple[float, float]]:
    """Errors of the greedy ensemble of the first trees, as they are and without features."""
    shape = Shape.of(problem.table, problem.target)
    costs = CostModel(shape, problem.folds)
    situation = Situation.of(
        problem.table, problem.target, FOLDS, float("inf"), costs.core_seconds
    )
    trees = portfolio(situation)[:count]
    plain = [tree.replace("synthesized(table)", "table") for tree in trees]
    cache = Cache(10**9)
    known = {text: judged(problem, text, cache) for text in dict.fromkeys([*plain, *trees])}
    return {
        arm: errors(problem, combined(problem, [known[text] for text in texts]))
        for arm, texts in (("plain", plain), ("screened", trees))
    }


def judged(problem: Problem, text: str, cache: Cache | None = None) -> Result:
    """A tree cross-fitted, and what its fold models say of the held-out rows."""
    rows = len(problem.table)
    operators = catalogue().values()
    grammar = Grammar(operators, problem.table.schema, problem.target.kind, rows)
    begin = time.process_time()
    tree = grammar.completed(parse(text))
    fit = crossfit(
        tree, problem.table, problem.target, problem.folds, problem.seeds, cache=cache
    )
    seconds = time.process_time() - begin
    new = np.mean([model.predict(problem.new_table) for model in fit.models], axis=0)
    screens = [
        len(each.formulas)
        for model in fit.models
        for each in model.estimators.values()
        if isinstance(each, Synthesized)
    ]
    return Result(fit.out_of_fold, new, seconds, float(np.mean(screens or [0])))


def combined(problem: Problem, results: list[Result]) -> Result:
    """The greedy ensemble of several trees."""
    stacked = np.stack([each.out_of_fold for each in results])
    weights = greedy_weights(stacked, problem.target, problem.metric)
    new = np.tensordot(weights, np.stack([each.new for each in results]), axes=1)
    return Result(np.tensordot(weights, stacked, axes=1), new, 0.0, 0.0)


def errors(problem: Problem, result: Result) -> tuple[float, float]:
    """Out-of-fold and on the held-out rows."""
    told = (problem.target, result.out_of_fold), (problem.new_target, result.new)
    scores = [problem.metric.score(*each) for each in told]
    return tuple(1.0 - score if score > 0 else -score for score in scores)  # type: ignore[return-value]


if __name__ == "__main__":
    main()
