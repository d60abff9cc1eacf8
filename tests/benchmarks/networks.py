"""What networks score, cost, and add to an ensemble of boosters, a forest and a linear tree.

    AUTOPIPE_DATA=folder python tests/benchmarks/networks.py --only vehicle --rows 4000

One row for each network and data set: the suite metric of its out-of-fold predictions
(larger is better), the score of the greedy ensemble of the others without and with it, the
seconds of all folds, and how many times longer a loop over the folds and float32 take.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autopipe.ensembles.greedy import greedy_weights
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.intake import Coding
from autopipe.labels import TargetCoding
from autopipe.metrics import metric_for
from autopipe.operators.catalogue import catalogue, estimator_for
from autopipe.operators.declaration import Limits
from autopipe.operators.networks import NeuralNetwork
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.space import defaults
from autopipe.tree import TABLE_NAME, Node, parse

SETS = ("credit_g", "vehicle", "phoneme", "wine_quality", "california_housing", "adult")
OTHERS = (
    "catboost(codes(table), learning_rate=0.08)",
    "lightgbm(codes(table))",
    "xgboost(codes(table))",
    "extra_trees(impute({means}))",
    "{linear}(quantile_scaling(impute({encoded})))",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=SETS)
    parser.add_argument(
        "--networks", type=lambda text: text.split(","), default=("mlp", "tabm")
    )
    parser.add_argument("--rows", type=int, default=4_000, help="drawn where there are more")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="no loop, no float32, no others")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    importlib.import_module("torch")  # before anything is timed
    for name in options.only:
        for result in measured(name, options):
            print(*(f"{key}={shown(value)}" for key, value in result.items()), flush=True)


def measured(name: str, options: Any) -> list[dict[str, object]]:
    """A result for every network on one data set."""
    folder = Path(os.environ["AUTOPIPE_DATA"])
    row = pd.read_csv(folder / "suite.csv").set_index("name").loc[name]
    frame = pd.read_parquet(folder / row.file)
    if len(frame) > options.rows:
        frame = frame.sample(options.rows, random_state=0).reset_index(drop=True)
    X, y = frame.drop(columns=row.target), frame[row.target]
    table = Coding.learn(X).encode(X)
    target = TargetCoding.learn(y, row.task != "regression").target(y)
    folds = make_folds(target, options.folds, Seeds(0))
    metric = metric_for(
        None, target.kind, np.arange(target.n_classes) if target.n_classes else None
    )
    has_categories = bool(table.schema.having(Role.CATEGORICAL))
    words = {
        "means": "target_encoding(table)" if has_categories else "codes(table)",
        "encoded": "one_hot(table)" if has_categories else "codes(table)",
        "linear": "logistic" if target.is_classification else "ridge",
    }
    others = []
    for text in () if options.alone else OTHERS:
        begin, tree = time.monotonic(), completed(parse(text.format(**words)))
        fit = crossfit(tree, table, target, folds, Seeds(0))
        others.append(fit.out_of_fold)
        seconds = time.monotonic() - begin
        score = metric.score(target, fit.out_of_fold)
        print(f"  {name} {tree.op} {score:.5g} in {seconds:.1f} s", flush=True)
    matrix = estimator_for(parse("codes(table)")).transform(table)

    def crossed(settings: Any, pairs: Any, seeds: Any, precision: str) -> tuple[Any, float]:
        learner = NeuralNetwork(**settings, precision=precision)
        prepared = learner.prepare(matrix, target, Limits())
        begin = time.monotonic()
        fitted = learner.fit_folds([prepared] * len(pairs), pairs, seeds, Limits())
        return [predictions for _, predictions in fitted], time.monotonic() - begin

    results = []
    for network in options.networks:
        settings = defaults(catalogue()[network].space)
        seeds = range(len(folds))
        parts, seconds = crossed(settings, folds.pairs, seeds, "auto")
        out_of_fold = folds.averaged(parts)
        result = {
            "name": name, "network": network, "rows": len(table),
            "score": metric.score(target, out_of_fold), "seconds": seconds,
        }  # fmt: skip
        if not options.alone:
            loop = sum(
                crossed(settings, [pair], [seed], "auto")[1]
                for seed, pair in zip(seeds, folds.pairs, strict=True)
            )
            exact, exact_seconds = crossed(settings, folds.pairs, seeds, "float32")
            result |= {
                "loop": loop / seconds,
                "float32_score": metric.score(target, folds.averaged(exact)),
                "float32": exact_seconds / seconds,
                "others": greedy_score(others, target, metric),
                "with_it": greedy_score([*others, out_of_fold], target, metric),
            }
        results.append(result)
    return results


def greedy_score(members: list[Any], target: Any, metric: Any) -> float:
    """Score of the greedy ensemble."""
    stacked = np.stack(members).astype(np.float32)
    weights = greedy_weights(stacked, target, metric)
    return float(metric.score(target, np.tensordot(weights, stacked, axes=1)))


def completed(node: Node) -> Node:
    """The tree with defaults for what it leaves out."""
    if node.op == TABLE_NAME:
        return node
    params = {**defaults(catalogue()[node.op].space), **node.hyperparameters}
    return Node(node.op, tuple(params.items()), tuple(map(completed, node.inputs)))


def shown(value: object) -> object:
    """A number with five significant digits."""
    return f"{value:.5g}" if isinstance(value, float) else value


if __name__ == "__main__":
    main()
