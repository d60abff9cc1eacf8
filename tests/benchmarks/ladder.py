"""Count the candidates that a minute screens on 20,000 rows and 20 columns.

    python tests/benchmarks/ladder.py --budget 60

Boosting and linear pipelines at random: how many were started on the lowest rung, how many
were promoted, how many complete trials came of them, and whether these are better than as
many that were not screened.
"""

from __future__ import annotations

import argparse
from unittest.mock import patch

import numpy as np
import pandas as pd

from autopipe import AutoClassifier, searching

ROWS, COLUMNS = 20_000, 20
LIGHT = ["lightgbm", "xgboost", "linear"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each fit")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, COLUMNS))
    logits = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X[:, 3:8].sum(axis=1) / 3
    y = logits + rng.logistic(size=ROWS) > 0
    for name, rows in (("ladder", 0), ("no ladder", ROWS + 1)):
        with patch.object(searching, "_LADDER_ROWS", rows):
            model = AutoClassifier(
                time_budget=options.budget,
                include=LIGHT,
                search="random",
                random_state=0,
                verbose=0,
            ).fit(X, y)
        history = model.history_
        counts = history.groupby([history.status, history.train_share.round(4)]).size()
        print(f"\n{name}: score {float(model.score_):.5f}, {len(history)} trials")
        print(counts.to_string())
        complete = history[history.status == "complete"].score.astype(float)
        best = pd.Series(sorted(complete, reverse=True)[:5])
        print(f"best five complete trials: {best.mean():.5f}; all: {complete.mean():.5f}")


if __name__ == "__main__":
    main()
