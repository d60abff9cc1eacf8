"""A small table and quick fits, for the inputs that users do bring."""

import numpy as np
import pandas as pd
import pytest

from autopipe import AutoClassifier, AutoRegressor
from autopipe.intake.coding import Coding

QUICK = {"executor": "inline", "max_trials": 1, "cv": 2, "verbose": 0, "random_state": 0}
CLASSIFIER = {**QUICK, "include": ["logistic"]}
REGRESSOR = {**QUICK, "include": ["ridge"]}
ROWS = 40
RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "size": RNG.normal(size=ROWS),
        "colour": RNG.choice(["red", "blue"], ROWS),
        "count": RNG.integers(0, 5, ROWS),
    }
)
PRICE = X["size"] + 0.3 * RNG.normal(size=ROWS)
SOLD = pd.Series(np.where(PRICE > 0, "yes", "no"))


def classified(features=X, y=SOLD, **arguments):
    return AutoClassifier(**{**CLASSIFIER, **arguments}).fit(features, y)


def regressed(features=X, y=PRICE, **arguments):
    return AutoRegressor(**{**REGRESSOR, **arguments}).fit(features, y)


BOTH = pytest.mark.parametrize(
    ("fit", "y"), [(classified, SOLD), (regressed, PRICE)], ids=["classifier", "regressor"]
)


def coded(column, later=None, role=None):
    """The values of one column in a table that learned it, maybe of another one like it."""
    place = np.linspace(0, 1, len(column))
    frame = pd.DataFrame({"it": column, "place": place})
    coding = Coding.learn(frame, {"it": role} if role else None)
    if later is not None:
        frame = pd.DataFrame({"it": later, "place": np.linspace(0, 1, len(later))})
    table = coding.encode(frame)
    return table.values(table.schema.columns[0])
