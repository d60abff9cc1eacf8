"""What greedy weights, a second level and calibration are worth on rows that were held out.

    AUTOPIPE_DATA=folder python tests/benchmarks/stacking.py --budget 30

One fit for every data set; every ensemble is then made of the predictions that it stored. The
second level joins where it wins on unseen rows, as with `ensemble="stack"`. A score is told as
the share of the way from the prior's to that of the best ensemble of its data set, and means
with 90 % intervals over draws of data sets. `ms` is what one row alone takes, once coded.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from held_out import HeldOut, held_out, parser

from autopipe.deployment import rows_ms
from autopipe.ensembles.calibration import calibrated, parts_of
from autopipe.ensembles.members import STACK, Candidates
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.execution.files import data_path, oof_path
from autopipe.execution.run_data import RunData
from autopipe.execution.store import Store
from autopipe.metrics import metric_for, neg_log_loss
from autopipe.second_level import Stacking
from autopipe.seeds import Seeds

SETS = (
    "california_housing,ames_housing,wine_quality,bike_sharing,adult,credit_g,phoneme,"
    "telco_churn,car,satimage,cmc,eucalyptus"
)
_DRAWS = 1_000  # of data sets, for the intervals
_STACKED = 100_000  # the number of the first second-level member


class Replay:
    """The candidates that a run left, and the ensembles that can be made of them."""

    def __init__(self, fit: HeldOut, folder: Path) -> None:
        self.fit, self.data = fit, RunData.open(data_path(folder))
        target, coding = self.data.target, fit.model._model.target_coding
        classes = coding.classes if target.is_classification else None
        self.metric = metric_for(None, target.kind, classes)
        self.candidates = Candidates(target, self.data.folds, self.metric)
        with Store.open(folder) as store:
            trials = {one.number: one for one in store.trials() if one.score is not None}
            for n, trial in trials.items():
                if oof_path(folder, n).exists():
                    self.candidates.add(n, trial.tree.op, trial.score, store.oof(n))
            self.trees = {n: trials[n].tree for n in self.candidates.numbers}
            self.members = {n: Member(n, 1.0, tuple(store.fitted(n))) for n in self.trees}
        self.table = fit.model._model.coding.encode(fit.X)
        self.target = coding.target(fit.y)

    def ensembles(self) -> Iterator[tuple[str, Mapping[int, float]]]:
        """Weights by number: of the best pipeline, of the greedy ensemble, of it stacked."""
        yield "best single", {self.candidates.ranked()[0].number: 1.0}
        greedy = self.candidates.select()
        assert greedy is not None
        yield "greedy", greedy.weights
        self._stack(greedy.weights)
        stacked = self.candidates.select()
        assert stacked is not None
        yield "greedy, stacked", stacked.weights

    def _stack(self, weights: Mapping[int, float]) -> None:
        """Let a second level that wins on unseen rows compete."""
        data, (numbers, every) = self.data, self.candidates.stacked()
        below = [number for number in numbers if number in weights]
        judged = Stacking(
            data.table, data.target, data.folds, self.metric, Seeds(0), threads=2
        ).judged(
            [self.trees[number] for number in below],
            every[[numbers.index(number) for number in below]],
            np.array([weights[number] for number in below]),
        )
        inputs = tuple(self.members[number] for number in below)
        for n, second in enumerate(judged, _STACKED):
            if second.wins:
                self.members[n] = Member(n, 1.0, second.fit.models, inputs)
                score = float(np.mean(second.scores))
                self.candidates.add(n, STACK, score, second.fit.out_of_fold)

    def lines(self) -> Iterator[dict[str, Any]]:
        """A line for every ensemble, as it is and calibrated."""
        target, prior = self.data.target.take(self.candidates.rows), self.data.target.prior()
        parts = parts_of(self.data.folds)[self.candidates.rows]
        blind = np.tile(prior, (len(self.table), 1))
        for name, weights in self.ensembles():
            numbers, every = self.candidates.stacked()
            average = np.tensordot([weights.get(n, 0.0) for n in numbers], every, axes=1)
            members = tuple(replace(self.members[n], weight=weights[n]) for n in weights)
            heat = calibrated(average, target, parts, self.metric).temperature
            for is_calibrated in (False, True):
                predictor = Predictor(members, prior, heat if is_calibrated else None)
                predicted = predictor.predict(self.table)
                loss = np.nan
                if target.is_classification:
                    loss = -neg_log_loss(self.target, predicted)
                yield {
                    "set": self.fit.name,
                    "ensemble": name,
                    "calibrated": is_calibrated,
                    "members": len(members),
                    "stacked": any(one.inputs for one in members),
                    "score": self.metric.score(self.target, predicted),
                    "prior": self.metric.score(self.target, blind),
                    "log_loss": loss,
                    "ms": rows_ms(predictor.predict, self.table),
                }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For every ensemble the mean normalised score, and how far it is ahead of greedy weights.

    A temperature changes no order, so that scores by rank are blind to it; log losses are not.
    """
    best = table.groupby("set")["score"].transform("max")
    table["share"] = (table["score"] - table["prior"]) / (best - table["prior"])
    shares = table.pivot(index="set", columns=["ensemble", "calibrated"], values="share")
    rng = np.random.default_rng(0)
    draws = rng.integers(len(shares), size=(_DRAWS, len(shares)))
    lines = []
    for (name, is_calibrated), values in shares.items():
        ahead = values - shares["greedy", False]
        line = {"ensemble": name, "calibrated": is_calibrated}
        for what, each in (("mean", values), ("ahead", ahead)):
            ends = np.quantile(each.to_numpy()[draws].mean(axis=1), [0.05, 0.95])
            line |= {what: each.mean(), f"{what}_low": ends[0], f"{what}_high": ends[1]}
        is_it = (table["ensemble"] == name) & (table["calibrated"] == is_calibrated)
        means = table.loc[is_it, ["log_loss", "ms"]].mean()
        lines.append({**line, "sets_ahead": (ahead > 0).sum(), **means})
    return pd.DataFrame(lines)


def main() -> None:
    options = parser(__doc__.splitlines()[0], SETS).parse_args()
    lines: list[dict[str, Any]] = []
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            one = argparse.Namespace(**{**vars(options), "only": name})
            (fit,) = held_out(one, path=folder, ensemble="greedy")
            found = list(Replay(fit, Path(folder)).lines())
        print(pd.DataFrame(found).round(4).to_string(index=False), flush=True)
        lines += found
    print(summary(pd.DataFrame(lines)).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
