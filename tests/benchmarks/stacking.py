"""What greedy weights, a second level and calibration are worth on rows that were held out.

    AUTOPIPE_DATA=folder python tests/benchmarks/stacking.py --budget 30

One fit for every data set; every ensemble is then made of the predictions that it stored. A
score is told as the share of the way from the prior's to that of the best ensemble of its
data set. `ms` is what one row alone takes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from held_out import HeldOut, held_out, parser

from autopipe.ensembles.calibration import calibrated, parts_of
from autopipe.ensembles.greedy import greedy_weights
from autopipe.ensembles.members import Candidates, fold_scores
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.execution.files import data_path, oof_path
from autopipe.execution.run_data import RunData
from autopipe.execution.store import Store
from autopipe.metrics import metric_for, neg_log_loss
from autopipe.second_level import Stacking
from autopipe.seeds import Seeds
from autopipe.table import Table

SETS = (
    "california_housing,ames_housing,wine_quality,bike_sharing,adult,credit_g,phoneme,"
    "telco_churn,car,satimage,cmc,eucalyptus"
)
_DRAWS = 1_000  # of data sets, for the intervals
_STACKED = 100_000  # the number of the first second-level member


def main() -> None:
    options = parser(__doc__.splitlines()[0], SETS).parse_args()
    lines: list[dict[str, Any]] = []
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            one = argparse.Namespace(**{**vars(options), "only": name})
            (fit,) = held_out(one, path=folder, ensemble="greedy")
            found = list(ensembles(fit, Path(folder)))
        print(pd.DataFrame(found).round(4).to_string(), flush=True)
        lines += found
    print(summary(pd.DataFrame(lines)).round(4).to_string())


def ensembles(fit: HeldOut, folder: Path) -> Iterator[dict[str, Any]]:
    """A line for every ensemble of one data set."""
    coding = fit.model._model.target_coding
    data = RunData.open(data_path(folder))
    is_classes = data.target.is_classification
    metric = metric_for(None, data.target.kind, coding.classes if is_classes else None)
    with Store.open(folder) as store:
        complete = [trial for trial in store.trials() if trial.score is not None]
        kept = [trial for trial in complete if oof_path(folder, trial.number).exists()]
        candidates = Candidates(data.target, data.folds, metric)
        for trial in kept:
            predictions = store.oof(trial.number)
            candidates.add(trial.number, trial.tree.op, trial.score, predictions)
        numbers, stacked = candidates.stacked()
        members = {n: Member(n, 1.0, tuple(store.fitted(n))) for n in numbers}
    trees = {trial.number: trial.tree for trial in kept}
    greedy = candidates.select()
    assert greedy is not None
    below = [number for number in numbers if number in greedy.weights]
    begin = time.monotonic()
    stacking = Stacking(data.table, data.target, data.folds, metric, Seeds(0), threads=2)
    predictions = stacked[[numbers.index(number) for number in below]]
    weights = np.array([greedy.weights[number] for number in below])
    seconds = stacking.judged([trees[number] for number in below], predictions, weights)
    spent = time.monotonic() - begin
    out_of_fold = dict(zip(numbers, stacked, strict=True))
    inputs = tuple(members[number] for number in below)
    for number, second in enumerate(seconds, _STACKED):
        members[number] = Member(number, 1.0, second.fit.models, inputs)
        out_of_fold[number] = second.fit.out_of_fold
    winners = [_STACKED + index for index, second in enumerate(seconds) if second.wins]

    def competing(more: Sequence[int]) -> dict[int, float]:
        some = [*numbers, *more]
        given = np.stack([out_of_fold[number] for number in some])
        weights = greedy_weights(given, data.target, metric)
        return {n: float(w) for n, w in zip(some, weights, strict=True) if w > 0}

    best = max((trial for trial in kept if trial.number in numbers), key=lambda one: one.score)
    arms = {"single": {best.number: 1.0}, "greedy": dict(greedy.weights)}
    for index, second in enumerate(seconds):
        name = "boosted" if second.tree.op == "lightgbm" else "linear"
        arms[name] = {_STACKED + index: 1.0}
    arms["greedy, stacked"] = competing([_STACKED + index for index in range(len(seconds))])
    arms["greedy, winners"] = competing(winners)
    table, target = fit.model._model.coding.encode(fit.X), coding.target(fit.y)
    prior = data.target.prior()
    blind = np.tile(prior, (len(table), 1))
    parts = parts_of(data.folds)
    for name, weights in arms.items():
        predictor = Predictor(
            tuple(replace(members[n], weight=weight) for n, weight in weights.items()), prior
        )
        average = sum(weight * out_of_fold[n] for n, weight in weights.items())
        temperature = calibrated(average, data.target, parts, metric).temperature
        gains = {
            "boosted" if second.tree.op == "lightgbm" else "linear": (
                second.gain,
                second.unseen,
            )
            for second in seconds
        }
        for heat in (None, temperature):
            predicted = replace(predictor, temperature=heat).predict(table)
            line = {"set": fit.name, "ensemble": name, "calibrated": heat is not None}
            line["told"] = np.mean(fold_scores(average, data.target, data.folds, metric))
            line["score"] = metric.score(target, predicted)
            line["prior"] = metric.score(target, blind)
            if is_classes:
                line["log_loss"] = -neg_log_loss(target, predicted)
            line["gain"], line["unseen"] = gains.get(name, (None, None))
            line["ms"], line["judging_s"] = one_row_ms(predictor, table), spent
            yield line
            if temperature is None:
                break


def one_row_ms(predictor: Predictor, table: Table) -> float:
    """The least of a few times that one row alone takes."""
    row, times = table.take(slice(0, 1)), []
    for _ in range(5):
        begin = time.perf_counter()
        predictor.predict(row)
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For every ensemble the mean normalised score, and how it compares with greedy weights."""
    best = table.groupby("set")["score"].transform("max")
    table["share"] = (table["score"] - table["prior"]) / (best - table["prior"])
    plain = table[~table["calibrated"]].pivot(index="set", columns="ensemble", values="share")
    heated = table.groupby(["set", "ensemble"])["share"].last().unstack()
    rng = np.random.default_rng(0)
    lines = []
    for calibration, shares in (("none", plain), ("where it helps", heated)):
        for name in table["ensemble"].unique():
            values = shares[name].to_numpy()
            ahead = values - plain["greedy"].to_numpy()
            draws = rng.choice(ahead, (_DRAWS, len(ahead))).mean(axis=1)
            low, high = np.quantile(draws, [0.05, 0.95])
            lines.append(
                {
                    "ensemble": name,
                    "calibration": calibration,
                    "mean": values.mean(),
                    "ahead of greedy": ahead.mean(),
                    "low": low,
                    "high": high,
                    "sets ahead": int((ahead > 0).sum()),
                    "ms": table.loc[table["ensemble"] == name, "ms"].mean(),
                }
            )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
