"""A small fit with the core libraries alone; run as a script, where pytest is not installed."""

from __future__ import annotations

import math

import pandas as pd
from sklearn.datasets import load_iris

from autopipe import AutoClassifier


def main() -> None:
    """Fit three species of iris, and ask for probabilities and labels."""
    iris = load_iris(as_frame=True)
    species = pd.Series(iris.target_names[iris.target], name="species")
    model = AutoClassifier(
        max_trials=2, executor="inline", knowledge=None, verbose=0, random_state=0
    )
    model.fit(iris.data, species)
    probabilities = model.predict_proba(iris.data)
    assert probabilities.shape == (150, 3)
    assert abs(probabilities.sum(axis=1) - 1).max() < 1e-5
    assert (model.predict(iris.data) == species).mean() > 0.9
    assert model.score_ < math.log(3), "the log loss of equal shares"


if __name__ == "__main__":
    main()
