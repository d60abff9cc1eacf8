"""The tables of trials that a fitted model shows: what was tried, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from autopipe.metrics import Metric
from autopipe.persistence import Model
from autopipe.table import Table
from autopipe.task import Target
from autopipe.trial import Trial

_ENSEMBLE = "ensemble"


def history(trials: Sequence[Trial]) -> pd.DataFrame:
    """Every finished trial, in the order of their numbers."""
    columns = [
        "number", "source", "parents", "tree", "status", "score", "seconds", "train_share",
        "is_truncated", "failure",
    ]  # fmt: skip
    rows = [
        [
            trial.number, trial.source.value, trial.parents, str(trial.tree),
            trial.status.value, trial.score, trial.seconds, trial.train_share,
            trial.is_truncated, trial.failure,
        ]
        for trial in trials
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def leaderboard(model: Model) -> pd.DataFrame:
    """The complete trials, best first, with their weight in the ensemble.

    Scores are means over the folds, in the metric's usual sign; `row_ms` is what a row of a
    batch costs.
    """
    name, sign = str(model.facts["score_name"]), model.facts["score_sign"]
    weights = {member.number: member.weight for member in model.predictor.members}
    rows = [
        (
            trial.number,
            trial.tree.op,
            sign * trial.score,
            weights.get(trial.number, 0.0),
            trial.seconds,
            1000 * trial.predict_seconds,
            trial.megabytes,
            trial.source.value,
            str(trial.tree),
        )
        for trial in sorted(model.trials, key=lambda trial: -(trial.score or 0.0))
        if trial.score is not None
    ]
    columns = ["number", "learner", name, "weight", "seconds", "row_ms", "megabytes"]
    return pd.DataFrame(rows, columns=[*columns, "source", "tree"])


def scored_leaderboard(
    model: Model, metric: Metric, table: Table, target: Target
) -> pd.DataFrame:
    """The leaderboard with a column of scores on other rows, and a line for the ensemble.

    Only the ensemble and its members have such a score: the models of other trials are gone.
    """
    board = leaderboard(model)
    name = str(model.facts["score_name"])

    def score(numbers: Sequence[int]) -> float:
        chosen = tuple(one for one in model.predictor.members if one.number in numbers)
        share = sum(one.weight for one in chosen)
        members = tuple(replace(one, weight=one.weight / share) for one in chosen)
        predictor = replace(model.predictor, members=members)
        return metric.shown(metric.score(target, predictor.predict(table)))

    members = [member.number for member in model.predictor.members]
    board.insert(3, f"{name}_new", [score([n]) if n in members else None for n in board.number])
    spent = board[board["number"].isin(members)]
    whole: dict[Any, Any] = {
        "number": None,
        "learner": _ENSEMBLE,
        name: model.facts["score"],
        f"{name}_new": score(members),
        "weight": 1.0,
        **{column: spent[column].sum() for column in ("seconds", "row_ms", "megabytes")},
        "source": "",
        "tree": "",
    }
    lines = [whole, *board.to_dict("records")]
    return pd.DataFrame(lines, columns=board.columns).astype({"number": "Int64"})
