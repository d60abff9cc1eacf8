"""The first trees of every run: strong families at good settings, most different first.

Settings are facts from public sources, named beside them: AG is AutoGluon's portfolio of
2025, PK is pytabkit's tuned defaults. What a tree leaves out takes the operator's default.
"""

from __future__ import annotations

from autopipe.table import Schema
from autopipe.task import TaskKind

_FEW_ROWS = 1_000  # below, simple models come early
_MANY_ROWS = 100_000  # above, slow learning does not end in time

_PROBE = (
    "lightgbm(codes(table), learning_rate=0.1, num_leaves=31, feature_fraction=0.8, "
    "bagging_fraction=0.8, min_data_in_leaf=20, max_bin=127)"
)
_CATBOOST = {
    TaskKind.REGRESSION: (
        "catboost(codes(table), learning_rate=0.08, depth=6, random_strength=0.0, "
        "leaf_estimation_iterations=10)"
    ),
    TaskKind.BINARY: "catboost(codes(table), learning_rate=0.06, depth=6)",
    TaskKind.MULTICLASS: "catboost(codes(table), learning_rate=0.1, depth=6)",
}
_EXTRA_LEAVES = (  # AG r177
    "lightgbm(codes(table), extra_trees=True, learning_rate=0.0179, num_leaves=39, "
    "feature_fraction=0.462, bagging_fraction=0.877, min_data_in_leaf=3, lambda_l1=0.238, "
    "lambda_l2=0.355, cat_smooth=15.4, cat_l2=0.34, max_cat_to_onehot=16)"
)
_XGBOOST = {  # PK
    TaskKind.REGRESSION: (
        "xgboost(codes(table), learning_rate=0.05, max_depth=9, min_child_weight=2.0, "
        "reg_lambda=0.0, subsample=0.7, colsample_bylevel=0.9)"
    ),
    TaskKind.BINARY: (
        "xgboost(codes(table), learning_rate=0.08, max_depth=6, min_child_weight=1e-05, "
        "reg_lambda=0.0, subsample=0.65, colsample_bylevel=0.9)"
    ),
}
_XGBOOST[TaskKind.MULTICLASS] = _XGBOOST[TaskKind.BINARY]
_ADDITIVE = (  # AG r120
    "lightgbm(codes(table), extra_trees=True, num_leaves=5, learning_rate=0.0127, "
    "feature_fraction=0.733, bagging_fraction=0.854, min_data_in_leaf=12)"
)
_BUSHY = (  # AG r163
    "lightgbm(codes(table), learning_rate=0.0114, num_leaves=84, feature_fraction=0.528, "
    "bagging_fraction=0.978, min_data_in_leaf=3, lambda_l2=0.838, max_cat_to_onehot=42)"
)
_FOREST = "extra_trees({complete})"
_TARGET_MEANS = (  # AG r21, its statistics in the place of the categories
    "lightgbm(target_encoding(table), learning_rate=0.02, num_leaves=20, extra_trees=True, "
    "feature_fraction=0.5, bagging_fraction=0.8)"
)
_LOSSGUIDE = (  # AG r171, with a faster rate
    "xgboost(codes(table), learning_rate=0.03, grow_policy='lossguide', max_depth=6, "
    "reg_alpha=4.0, reg_lambda=1.5, subsample=0.8)"
)
_DEEP_CATBOOST = "catboost(codes(table), learning_rate=0.05, depth=8, l2_leaf_reg=1.0)"
_LINEAR = {
    TaskKind.REGRESSION: "ridge({dense})",
    TaskKind.BINARY: "logistic({dense})",
    TaskKind.MULTICLASS: "logistic({dense})",
}


def portfolio(schema: Schema, kind: TaskKind, rows: int) -> list[str]:
    """Trees to begin with, as text, in the order in which they are to be judged.

    Parameters
    ----------
    rows : of the training table
    """
    has_categories = any(column.levels for column in schema.columns)
    encoded = "one_hot(table)" if has_categories else "codes(table)"
    means = "target_encoding(table)" if has_categories else "codes(table)"
    linear = _LINEAR[kind].format(dense=f"quantile_scaling(impute({encoded}))")
    forest = _FOREST.format(complete=f"impute({means})")
    if rows < _FEW_ROWS:
        order = [linear, _PROBE, _ADDITIVE, _CATBOOST[kind], forest, _EXTRA_LEAVES]
        order += [_XGBOOST[kind], _LOSSGUIDE]
    elif rows < _MANY_ROWS:
        order = [_PROBE, _CATBOOST[kind], _EXTRA_LEAVES, _XGBOOST[kind], linear, forest]
        order += [_ADDITIVE, _LOSSGUIDE]
    else:
        faster = _EXTRA_LEAVES.replace("0.0179", "0.05")
        order = [_PROBE, faster, _XGBOOST[kind], _CATBOOST[kind], linear, forest]
    if has_categories:
        order.insert(4, _TARGET_MEANS)
    order += [_BUSHY, _DEEP_CATBOOST]
    if kind is not TaskKind.REGRESSION:
        order += [f"temperature({linear})"]
    return order
