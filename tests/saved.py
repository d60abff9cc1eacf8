"""Writes the saved models of this version, which later versions have to load.

Run as `python tests/saved.py` where a new format is made; the files of former ones stay.
"""

import json
from pathlib import Path

import numpy as np
from awkward import PRICE, SOLD, X
from exported import model_of

from autopipe.persistence import FORMAT, write_model

FOLDER = Path(__file__).parent / "fixtures"
_CODED = "codes(table)"
_DENSE = (
    "standard_scaling(impute(one_hot(table, max_levels=9, min_share=0.01), "
    "categories='own_level', indicator=True, numbers='median'))"
)
_BOOSTED = (
    f"lightgbm({_CODED}, bagging_fraction=0.9, cat_l2=10.0, cat_smooth=10.0, "
    "extra_trees=False, feature_fraction=0.6, lambda_l1=0.0, lambda_l2=1.0, "
    "learning_rate=0.1, max_bin=255, max_cat_to_onehot=8, min_data_in_leaf=3, num_leaves=5)",
    f"xgboost({_CODED}, colsample_bylevel=0.9, grow_policy='depthwise', learning_rate=0.1, "
    "max_depth=3, min_child_weight=1.0, reg_alpha=0.0, reg_lambda=1.0, subsample=0.7)",
)
MODELS = {
    "classifier": (SOLD, (*_BOOSTED, f"temperature(logistic({_DENSE}, C=1.0))")),
    "regressor": (PRICE, (*_BOOSTED, f"ridge({_DENSE}, alpha=1.0)")),
}


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, (y, trees) in MODELS.items():
        model = model_of(X, y, trees)
        write_model(model, FOLDER / f"{name}-{FORMAT}.autopipe")
        told = model.predictor.predict(model.coding.encode(X))
        text = json.dumps(np.round(told, 8).tolist())
        (FOLDER / f"{name}-{FORMAT}.json").write_text(text)


if __name__ == "__main__":
    main()
