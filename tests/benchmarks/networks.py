"""What networks score, cost, and add to an ensemble of boosters, a forest and a linear tree.

    AUTOPIPE_DATA=folder python tests/benchmarks/networks.py --only vehicle --rows 4000
    AUTOPIPE_DATA=folder python tests/benchmarks/networks.py --device cuda --configurations 4

One line for each network and data set, in the suite's metric, larger is better:
`out_of_fold` and `held_out` of the network alone, of the greedy ensemble of the others, and
of that with the network; `float32` out of fold. Then the seconds of all folds, and as shares
of those of a loop over the folds: `batched`, `float32_batched`, and, of several configurations
in one program, `each`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from autopipe.ensembles.greedy import greedy_weights
from autopipe.execution.crossfit import crossfit
from autopipe.folds import Folds, make_folds
from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.metrics import Metric, metric_for
from autopipe.operators.catalogue import catalogue, estimator_for
from autopipe.operators.declaration import Limits
from autopipe.operators.networks import NeuralNetwork, fit_together
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.space import defaults
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import TABLE_NAME, Node, parse

SETS = ("credit_g", "vehicle", "phoneme", "wine_quality", "california_housing", "adult")
OTHERS = (
    "catboost(codes(table), learning_rate=0.08)",
    "lightgbm(codes(table))",
    "xgboost(codes(table))",
    "extra_trees(impute({means}))",
    "{linear}(quantile_scaling(impute({encoded})))",
)
HELD_OUT = 0.3
LARGEST_STEP = 2.0  # times the learning rate, of the last of several configurations


@dataclass(frozen=True)
class Data:
    """A data set, with rows that no fold has."""

    table: Table
    target: Target
    folds: Folds
    metric: Metric
    new_table: Table
    new_target: Target


@dataclass(frozen=True)
class Member:
    """Predictions of rows out of fold, and of new ones by the mean of the fold models."""

    out_of_fold: FloatArray
    new: FloatArray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = {"type": lambda text: text.split(",")}
    parser.add_argument("--only", default=SETS, **words)
    parser.add_argument("--networks", default=("mlp", "tabm"), **words)
    parser.add_argument("--rows", type=int, default=4_000, help="drawn where there are more")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--configurations", type=int, default=1, help="in one program")
    parser.add_argument("--alone", action="store_true", help="no loop, no float32, no others")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch = importlib.import_module("torch")  # before anything is timed
    if options.device == "cuda":
        torch.zeros(1, device="cuda")
        print(torch.cuda.get_device_name())
    for name in options.only:
        data = loaded(name, options)
        others = [] if options.alone else [other(text, data) for text in OTHERS]
        for network in options.networks:
            result = {"name": name, "network": network, "rows": len(data.table)}
            result |= measured(network, data, others, options)
            print(*(f"{key}={shown(value)}" for key, value in result.items()), flush=True)


def loaded(name: str, options: Any) -> Data:
    folder = Path(os.environ["AUTOPIPE_DATA"])
    row = pd.read_csv(folder / "suite.csv").set_index("name").loc[name]
    frame = pd.read_parquet(folder / row.file)
    if len(frame) > options.rows:
        frame = frame.sample(options.rows, random_state=0)
    classes = None if row.task == "regression" else frame[row.target]
    known, new = train_test_split(frame, test_size=HELD_OUT, random_state=0, stratify=classes)
    coding = Coding.learn(known.drop(columns=row.target))
    labels = TargetCoding.learn(known[row.target], classes is not None)
    target = labels.target(known[row.target])
    return Data(
        coding.encode(known.drop(columns=row.target)),
        target,
        make_folds(target, options.folds, Seeds(0)),
        metric_for(None, target.kind, labels.classes if classes is not None else None),
        coding.encode(new.drop(columns=row.target)),
        labels.target(new[row.target]),
    )


def other(text: str, data: Data) -> Member:
    """A learner of the ensemble that a network is to join."""
    has_categories = bool(data.table.schema.having(Role.CATEGORICAL))
    tree = parse(
        text.format(
            means="target_encoding(table)" if has_categories else "codes(table)",
            encoded="one_hot(table)" if has_categories else "codes(table)",
            linear="logistic" if data.target.is_classification else "ridge",
        )
    )
    fit = crossfit(completed(tree), data.table, data.target, data.folds, Seeds(0))
    new = np.mean([model.predict(data.new_table) for model in fit.models], axis=0)
    print(f"  {tree.op} {data.metric.score(data.target, fit.out_of_fold):.5g}", flush=True)
    return Member(fit.out_of_fold, new)


def measured(
    network: str, data: Data, others: Sequence[Member], options: Any
) -> dict[str, float]:
    """What one network does on one data set."""
    coder = estimator_for(parse("codes(table)"))
    matrix, new_matrix = coder.transform(data.table), coder.transform(data.new_table)
    settings = defaults(catalogue()[network].space)
    limits, seeds = Limits(device=options.device), range(len(data.folds))

    def fitted(
        precision: str, folds: Sequence[int] = seeds, factors: Sequence[float] = (1.0,)
    ) -> tuple[list[Any], float]:
        rate = settings["learning_rate"]
        learners = [
            NeuralNetwork(**settings | {"learning_rate": rate * factor}, precision=precision)
            for factor in factors
        ]
        prepared = [learners[0].prepare(matrix, data.target, limits)] * len(folds)
        pairs = [data.folds.pairs[fold] for fold in folds]
        begin = time.monotonic()
        first, *_ = fit_together(learners, prepared, pairs, folds, limits)
        return first, time.monotonic() - begin

    def member(results: list[Any]) -> Member:
        out_of_fold = data.folds.averaged([predictions for _, predictions in results])
        new = np.mean([learner.predict(new_matrix) for learner, _ in results], axis=0)
        return Member(out_of_fold, new)

    results, seconds = fitted("auto")
    ours = member(results)
    result = scores("", [ours], data)
    if others:
        exact, exact_seconds = fitted("float32")
        loop = sum(fitted("auto", [fold])[1] for fold in seeds)
        result |= scores("others_", others, data) | scores("with_it_", [*others, ours], data)
        result["float32"] = data.metric.score(data.target, member(exact).out_of_fold)
        result |= {"batched": seconds / loop, "float32_batched": exact_seconds / loop}
        if options.configurations > 1:
            factors = np.geomspace(1.0, LARGEST_STEP, options.configurations)
            together = fitted("auto", factors=factors)[1]
            result["each"] = together / options.configurations / loop
    return {**result, "seconds": seconds}


def scores(prefix: str, members: Sequence[Member], data: Data) -> dict[str, float]:
    """Scores of the greedy ensemble, whose weights follow from the rows out of fold."""
    stacked = np.stack([member.out_of_fold for member in members]).astype(np.float32)
    weights = greedy_weights(stacked, data.target, data.metric)
    new = np.tensordot(weights, [member.new for member in members], axes=1)
    out_of_fold = np.tensordot(weights, stacked, axes=1)
    return {
        f"{prefix}out_of_fold": float(data.metric.score(data.target, out_of_fold)),
        f"{prefix}held_out": float(data.metric.score(data.new_target, new)),
    }


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
