"""The first trees of every run: strong families at good settings, most different first.

Settings are facts from public sources, named beside them: AG is AutoGluon's portfolio of
2025, PK is pytabkit's tuned defaults. What a tree leaves out takes the operator's default;
where each stands follows from cross-fitting them on fifteen data sets.
"""

from __future__ import annotations

from dataclasses import dataclass

from autopipe.roles import Role
from autopipe.table import Schema, Table
from autopipe.task import Target, TaskKind

# Of all core-seconds, what a dear tree may take and still come early. Texts are read once for
# many trees, and tell more than a kernel does.
_KERNEL_SHARE = 0.15
_TEXT_SHARE = 0.3

# Measured on one core, for the training rows of one fold: decompositions of the kernel, about
# seven on a sample of 1,000 rows and one on all; and reading texts into terms.
_KERNEL_SECONDS = 3.5e-10  # for every row cubed
_TEXT_SECONDS = 1e-5  # for every text,
_BYTE_SECONDS = 2e-7  # and for every byte of them

_FEW_ROWS = 1_000  # below, simple models come early
_MEDIUM_ROWS = 5_000  # up to here, a kernel machine can be afforded
_MANY_ROWS = 100_000  # above, slow learning does not end in time
_MANY_CLASSES = 20  # from here on, forests need one temperature rather than many sigmoids

_PROBE = (
    "lightgbm(codes({table}), learning_rate=0.1, num_leaves=31, feature_fraction=0.8, "
    "bagging_fraction=0.8, min_data_in_leaf=20, max_bin=127)"
)
_CATBOOST = {
    TaskKind.REGRESSION: (
        "catboost(codes({table}), learning_rate=0.08, depth=6, random_strength=0.0, "
        "leaf_estimation_iterations=10)"
    ),
    TaskKind.BINARY: "catboost(codes({table}), learning_rate=0.06, depth=6)",
    TaskKind.MULTICLASS: "catboost(codes({table}), learning_rate=0.1, depth=6)",
}
_EXTRA_LEAVES = (  # AG r177
    "lightgbm(codes({rich}), extra_trees=True, learning_rate=0.0179, num_leaves=39, "
    "feature_fraction=0.462, bagging_fraction=0.877, min_data_in_leaf=3, lambda_l1=0.238, "
    "lambda_l2=0.355, cat_smooth=15.4, cat_l2=0.34, max_cat_to_onehot=16)"
)
_XGBOOST_CLASSES = (  # PK
    "xgboost(codes({rich}), learning_rate=0.08, max_depth=6, min_child_weight=1e-05, "
    "reg_lambda=0.0, subsample=0.65, colsample_bylevel=0.9)"
)
_XGBOOST = {
    TaskKind.REGRESSION: (  # PK
        "xgboost(codes({rich}), learning_rate=0.05, max_depth=9, min_child_weight=2.0, "
        "reg_lambda=0.0, subsample=0.7, colsample_bylevel=0.9)"
    ),
    TaskKind.BINARY: _XGBOOST_CLASSES,
    TaskKind.MULTICLASS: _XGBOOST_CLASSES,
}
_ADDITIVE = (  # AG r120
    "lightgbm(codes({table}), extra_trees=True, num_leaves=5, learning_rate=0.0127, "
    "feature_fraction=0.733, bagging_fraction=0.854, min_data_in_leaf=12)"
)
_BUSHY = (  # AG r163
    "lightgbm(codes({rich}), learning_rate=0.0114, num_leaves=84, feature_fraction=0.528, "
    "bagging_fraction=0.978, min_data_in_leaf=3, lambda_l2=0.838, max_cat_to_onehot=42)"
)
_TARGET_MEANS = (  # AG r21, its statistics in the place of the categories
    "lightgbm(target_encoding({table}), learning_rate=0.02, num_leaves=20, extra_trees=True, "
    "feature_fraction=0.5, bagging_fraction=0.8)"
)
_LOSSGUIDE = (  # AG r171, with a faster rate
    "xgboost(codes({table}), learning_rate=0.03, grow_policy='lossguide', max_depth=6, "
    "reg_alpha=4.0, reg_lambda=1.5, subsample=0.8)"
)
_DEEP_CATBOOST = "catboost(codes({table}), learning_rate=0.05, depth=8, l2_leaf_reg=1.0)"
_FOREST = "extra_trees(impute({means}))"
_ROTATED_FOREST = (
    "extra_trees(pca(standard_scaling(impute({means})), append=True, whiten=False, "
    "variance=0.95))"
)
_GAUSSIAN = "kernel_machine(robust_scaling(impute(codes(table))), kernel='gaussian')"
_KERNEL_OF_MEANS = "kernel_machine(quantile_scaling(impute(target_encoding({table}))))"


@dataclass(frozen=True)
class Situation:
    """What the choice of the first trees depends on.

    Parameters
    ----------
    schema : of the table
    kind : of the task
    rows : of the training table
    n_classes : 0 for regression
    text_bytes : of all columns of texts
    folds : that each tree is fitted on
    core_seconds : budget times cores; infinite where no clock ends the run
    """

    schema: Schema
    kind: TaskKind
    rows: int
    n_classes: int = 0
    text_bytes: int = 0
    folds: int = 8
    core_seconds: float = float("inf")

    @classmethod
    def of(cls, table: Table, target: Target, folds: int, core_seconds: float) -> Situation:
        """The situation that a fit is in."""
        text_bytes = sum(len(text.buffer) for text in table.texts)
        described = (table.schema, target.kind, len(table), target.n_classes)
        return cls(*described, text_bytes, folds, core_seconds)

    @property
    def has_categories(self) -> bool:
        """Whether there is a column of categories."""
        return bool(self.schema.having(Role.CATEGORICAL))

    @property
    def has_texts(self) -> bool:
        """Whether there is a column of texts."""
        return bool(self.schema.having(Role.TEXT))

    @property
    def affords_kernels(self) -> bool:
        """Whether a kernel machine may come before cheaper trees."""
        fold_seconds = _KERNEL_SECONDS * (7 * min(self.rows, 1_000) ** 3 + self.rows**3)
        return self.folds * fold_seconds <= _KERNEL_SHARE * self.core_seconds

    @property
    def affords_texts(self) -> bool:
        """Whether nearly all trees may read the texts."""
        texts = self.rows * len(self.schema.having(Role.TEXT))
        fold_seconds = _TEXT_SECONDS * texts + _BYTE_SECONDS * self.text_bytes
        return self.folds * fold_seconds <= _TEXT_SHARE * self.core_seconds


def portfolio(situation: Situation) -> list[str]:
    """Trees to begin with, as text, in the order in which they are to be judged.

    The first one is fast on any table. Some may be of operators that decline the table; the
    grammar knows.
    """
    trees = _ordered(situation)
    if not situation.has_texts:
        return [_filled(tree, situation, "table", "table") for tree in trees]
    read = "text_prediction(table)", "text_prediction(text_topics(table))"
    plain = _filled(_PROBE, situation, "table", "table")
    if situation.affords_texts:
        return [plain, *(_filled(tree, situation, *read) for tree in trees)]
    unread = [_filled(tree, situation, "table", "table") for tree in trees]
    return list(dict.fromkeys([plain, *unread[:3], _filled(_PROBE, situation, *read), *unread]))


def _filled(tree: str, situation: Situation, table: str, rich: str) -> str:
    """The tree over the table as it is, or with its texts read in one way or the other."""
    return tree.format(
        table=table,
        rich=rich,
        encoded=f"one_hot({rich})" if situation.has_categories else f"codes({rich})",
        means=f"target_encoding({table})" if situation.has_categories else f"codes({table})",
    )


def _ordered(situation: Situation) -> list[str]:
    kind, rows = situation.kind, situation.rows
    has_categories = situation.has_categories
    is_regression = kind is TaskKind.REGRESSION
    learner = "ridge" if is_regression else "logistic"
    linear = learner + "(quantile_scaling(impute({encoded})))"
    forest = _FOREST
    if kind is TaskKind.MULTICLASS:  # log loss punishes a forest's timid probabilities
        many = situation.n_classes >= _MANY_CLASSES
        forest = f"{'temperature' if many else 'sigmoid'}({_FOREST})"
    if rows > _MANY_ROWS:
        faster = _EXTRA_LEAVES.replace("0.0179", "0.05")
        order = [_PROBE, faster, _XGBOOST[kind], _CATBOOST[kind], linear, forest]
        return [*order, *[_TARGET_MEANS] * has_categories, _BUSHY, _DEEP_CATBOOST]
    if rows < _FEW_ROWS:
        order = [linear, _PROBE, _CATBOOST[kind], _ADDITIVE, forest, _EXTRA_LEAVES]
        order += [_XGBOOST[kind], _LOSSGUIDE]
    else:
        order = [_PROBE, _CATBOOST[kind], _EXTRA_LEAVES, _XGBOOST[kind], linear, forest]
        order += [_ADDITIVE, _LOSSGUIDE]
    if has_categories:
        order.insert(4, _TARGET_MEANS)
    order += [_BUSHY, _DEEP_CATBOOST]
    if rows <= _MEDIUM_ROWS:
        is_early = situation.affords_kernels
        scaling = "quantile_scaling" if is_regression else "power_scaling"
        order.insert(2 if is_early else 8, "kernel_machine(" + scaling + "(impute({encoded})))")
        if has_categories:
            order.insert(6 if is_early else 10, _KERNEL_OF_MEANS)
        elif not is_regression:
            order.insert(5 if is_early else 10, _GAUSSIAN)
    order += [learner + "(power_scaling(impute({encoded})))"]
    order += [_ROTATED_FOREST] * (rows >= 2 * _FEW_ROWS)
    return order if is_regression else [*order, f"temperature({linear})"]
