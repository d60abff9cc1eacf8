"""The first trees of every run: strong families at good settings, most different first.

Settings are facts from public sources, named beside them: AG is AutoGluon's portfolio of
2025, PK is pytabkit's tuned defaults. What a tree leaves out takes the operator's default;
where each stands follows from cross-fitting them on fifteen data sets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from autopipe.roles import Role
from autopipe.table import Schema, Table
from autopipe.task import Target, TaskKind
from autopipe.tree import Node, parse

# Of all core-seconds, what a dear tree may take and still come early. Texts are read once for
# many trees, and tell more than a kernel does.
_KERNEL_SHARE = 0.06
_TEXT_SHARE = 0.3

# A tree that boosts should take no more, and learns faster where it would; what takes more
# than the latter in spite of it comes last.
_PACE = 0.1
_DEAR_SHARE = 0.3
_DEAR_NETWORK_SHARE = 0.15  # networks learn late: with less time they were no members
_FASTEST = 0.1  # a learning rate beyond costs more than the time it saves,
_FASTEST_OF_MANY = 0.2  # unless every round is one of many classes
# Twice the rate of .01 to .02 halved rounds, time and latency for .2 % more error (standard
# error .1), four times for .9 %, on fifteen data sets of up to 2,500 rows.
_SLOWEST = 0.025

_BOOSTING = ("lightgbm(", "xgboost(", "catboost(")
_NETWORKS = ("mlp(", "tabm(")

_FEW_ROWS = 1_000  # below, simple models come early
_MEDIUM_ROWS = 5_000  # up to here, a kernel machine can be afforded
_MORE_ROWS = 10_000  # above, few slow trees fit into a usual budget,
_MANY_ROWS = 100_000  # and from here on none
_MANY_CLASSES = 20  # from here on, forests need one temperature rather than many sigmoids
_MANY_COLUMNS = 1_000  # above, those that tell most by themselves are tried alone first

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
_XGBOOST_MANY_CLASSES = (  # leaves of a rare class need a penalty
    "xgboost(codes({rich}), learning_rate=0.08, max_depth=6, min_child_weight=1.0, "
    "reg_lambda=1.0, subsample=0.65, colsample_bylevel=0.9)"
)
_DEEP_XGBOOST = (  # PK
    "xgboost(codes({rich}), learning_rate=0.05, max_depth=9, min_child_weight=2.0, "
    "reg_lambda=0.0, subsample=0.7, colsample_bylevel=0.9)"
)
_XGBOOST = {
    TaskKind.REGRESSION: _DEEP_XGBOOST,
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
# On fourteen data sets of up to 2,500 rows, ten leaves had 1.5 % less error than six levels
# (from -7.3 to 1.7), in a fifth less time.
_LOSSGUIDE = (  # AG r171, with a faster rate
    "xgboost(codes({table}), learning_rate=0.03, grow_policy='lossguide', max_depth=11, "
    "max_leaves=10, reg_alpha=4.0, reg_lambda=1.5, subsample=0.8)"
)
_DEEP_CATBOOST = "catboost(codes({table}), learning_rate=0.05, depth=8, l2_leaf_reg=1.0)"
# For many rows: in the order in which they bettered an ensemble most for their time, on twelve
# data sets of 10,000 to 20,000 rows. Random thresholds took ten times as long, for less.
_PLAIN = (
    "lightgbm(codes({rich}), learning_rate=0.05, num_leaves=31, feature_fraction=0.5, "
    "bagging_fraction=0.8)"
)
_PLAIN_MEANS = _PLAIN.replace("codes({rich})", "target_encoding({table})")
_SLOW = (
    "lightgbm(codes({table}), learning_rate=0.03, num_leaves=31, feature_fraction=0.5, "
    "bagging_fraction=0.8, max_cat_to_onehot=100)"
)
_LARGE = (  # more leaves for more rows
    "lightgbm(codes({rich}), learning_rate=0.1, num_leaves=127, feature_fraction=0.7, "
    "bagging_fraction=0.9, min_data_in_leaf=40, lambda_l2=1.0)"
)
_CHOSEN = "univariate_selection(impute(codes({rich})), share=0.1, score='f')"
_FOREST = "extra_trees(impute({means}))"
_ROTATED_FOREST = (
    "extra_trees(pca(standard_scaling(impute({means})), append=True, whiten=False, "
    "variance=0.95))"
)
# Measured out-of-fold in an ensemble with boosting, forests and a linear model, on up to 3,000
# rows: 13 % less log loss on vehicle, 3 % on satimage, within 1 % of the error on six others.
_SLOPED = (
    "lightgbm(linear_prediction(standard_scaling(impute({encoded}))), learning_rate=0.05, "
    "num_leaves=31, extra_trees=True, bagging_fraction=0.7)"
)
_GAUSSIAN = "kernel_machine(robust_scaling(impute(codes(table))), kernel='gaussian')"
# Measured out-of-fold: waves do better by a quarter on vehicle, bins by a tenth on California
# housing, with 3,000 of its rows. Of numbers, a rate of .07 took 1.5 % off the errors that .04
# had on nine data sets of up to 1,500 rows (from -5.7 to 1.1), and an eighth off the time.
_NETWORK = "mlp(codes({table}))"
_NETWORK_FOR_NUMBERS = (
    "mlp(codes({table}), embedding='piecewise', waves=32, embedding_size=6, learning_rate=0.07)"
)
_MEMBERS = "tabm(codes({table}))"
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
    folds : that each tree is fitted on
    core_seconds : budget times cores; infinite where no clock ends the run
    seconds_of : predicts the core-seconds of a tree on all folds
    """

    schema: Schema
    kind: TaskKind
    rows: int
    n_classes: int = 0
    folds: int = 8
    core_seconds: float = float("inf")
    seconds_of: Callable[[Node], float] = lambda tree: 0.0

    @classmethod
    def of(
        cls,
        table: Table,
        target: Target,
        folds: int,
        core_seconds: float,
        seconds_of: Callable[[Node], float],
    ) -> Situation:
        """The situation that a fit is in."""
        described = (table.schema, target.kind, len(table), target.n_classes)
        return cls(*described, folds, core_seconds, seconds_of)

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
        return self.share_of("kernel_machine(impute(codes(table)))") <= _KERNEL_SHARE

    @property
    def affords_texts(self) -> bool:
        """Whether nearly all trees may read the texts."""
        read = "extra_trees(impute(codes(text_prediction(table))))"
        unread = "extra_trees(impute(codes(table)))"
        return self.share_of(read) - self.share_of(unread) <= _TEXT_SHARE

    @property
    def is_wide(self) -> bool:
        """Whether there are too many columns to learn from all of them first."""
        return len(self.schema.columns) > _MANY_COLUMNS

    @property
    def has_many_classes(self) -> bool:
        """Whether a round of boosting grows very many trees."""
        return self.n_classes >= _MANY_CLASSES

    def share_of(self, tree: str) -> float:
        """What a tree would take of all core-seconds, on all rows and to its end."""
        return self.seconds_of(parse(tree)) / self.core_seconds


def portfolio(situation: Situation) -> list[str]:
    """Trees to begin with, as text, in the order in which they are to be judged.

    The first one is fast on any table. Some may be of operators that decline the table; the
    grammar knows.
    """
    order = _ordered(situation)
    if situation.kind is TaskKind.REGRESSION:
        order = [_unpenalised(tree) for tree in order]
    trees = _affordable(order, situation)
    if not situation.has_texts:
        return [_filled(tree, situation, "table", "table") for tree in trees]
    read = "text_prediction(table)", "text_prediction(text_topics(table))"
    plain = _filled(_PROBE, situation, "table", "table")
    if situation.affords_texts:
        return [plain, *(_filled(tree, situation, *read) for tree in trees)]
    unread = [_filled(tree, situation, "table", "table") for tree in trees]
    return list(dict.fromkeys([plain, *unread[:3], _filled(_PROBE, situation, *read), *unread]))


def _affordable(trees: list[str], situation: Situation) -> list[str]:
    """The trees at a pace that the budget can pay for, and the dearest ones at the end."""
    fast = [paced(tree, situation) for tree in trees]
    # A sort keeps the order of those that are not dear.
    return list(dict.fromkeys(sorted(fast, key=lambda tree: _dearness(tree, situation))))


def _dearness(tree: str, situation: Situation) -> float:
    """What a tree takes of all core-seconds where that is much for its kind, else 0."""
    share = _share(tree, situation)
    return share if share > _dear_share(tree) else 0.0


def _dear_share(tree: str) -> float:
    return _DEAR_NETWORK_SHARE if tree.startswith(_NETWORKS) else _DEAR_SHARE


def is_affordable(tree: str, situation: Situation) -> bool:
    """Whether a tree may come early; the built-in list has dear ones at its end."""
    reads_texts = situation.has_texts and "text_" in tree
    if reads_texts and not situation.affords_texts:
        return False
    return situation.share_of(paced(tree, situation)) <= _dear_share(tree)


def paced(tree: str, situation: Situation) -> str:
    """The tree, with a faster learning rate where it boosts and would take too long.

    Without a clock it stays as it is.
    """
    if math.isinf(situation.core_seconds):
        return tree
    found = re.search(r"learning_rate=([\d.]+)", tree)
    if found is None or not tree.startswith(_BOOSTING):
        return tree
    fastest = _FASTEST_OF_MANY if situation.has_many_classes else _FASTEST
    rate = float(found[1])
    wanted = rate * _share(tree, situation) / _PACE
    faster = max(rate, _SLOWEST, min(fastest, wanted))
    return tree.replace(found[0], f"learning_rate={faster:.3g}")


def _share(tree: str, situation: Situation) -> float:
    """What the tree takes of all core-seconds, the reading of texts left aside."""
    return situation.share_of(_filled(tree, situation, "table", "table"))


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
    straight = learner + "(standard_scaling(impute({encoded})))"
    linear = learner + "(quantile_scaling(impute({encoded})))"  # bends lines
    forest, network = _FOREST, _NETWORK_FOR_NUMBERS if is_regression else _NETWORK
    if kind is TaskKind.MULTICLASS:  # log loss punishes a forest's timid probabilities
        many = situation.has_many_classes
        calibrator = "temperature" if many else "sigmoid"
        if many:  # every leaf holds a number for each class
            forest = _FOREST.replace("))", "), min_samples_leaf=4)")
        if situation.folds > 1:
            forest = f"{calibrator}({forest})"
    if situation.is_wide:
        return _for_many_columns(situation)
    if rows > _MANY_ROWS:
        order = [_PROBE, _LARGE, _XGBOOST[kind], _CATBOOST[kind], _SLOW, linear]
        return [*order, *[_PLAIN_MEANS] * has_categories, forest, _BUSHY, _DEEP_CATBOOST]
    if situation.has_many_classes:
        order = [linear, forest, _PROBE, network, _XGBOOST_MANY_CLASSES, _CATBOOST[kind]]
        order += [*[_TARGET_MEANS] * has_categories, _EXTRA_LEAVES, _LOSSGUIDE, _BUSHY]
        return order
    if rows > _MORE_ROWS:
        order = [_PROBE, _synthesized(_PLAIN, situation), straight, _CATBOOST[kind]]
        order += [*[_PLAIN_MEANS] * has_categories, _DEEP_XGBOOST, _SLOW, _LOSSGUIDE, network]
        order += [linear, forest, _LARGE, _synthesized(_DEEP_CATBOOST, situation), _MEMBERS]
        return [*order, _EXTRA_LEAVES, _BUSHY]
    kernels: list[str] = []
    if rows <= _MEDIUM_ROWS:
        scaling = "quantile_scaling" if is_regression else "power_scaling"
        kernels.append("kernel_machine(" + scaling + "(impute({encoded})))")
        if has_categories:
            kernels.append(_KERNEL_OF_MEANS)
        elif not is_regression:
            kernels.append(_GAUSSIAN)
    early, late = (kernels, []) if situation.affords_kernels else ([], kernels)
    means = [_TARGET_MEANS] * has_categories
    if rows < _FEW_ROWS:
        order = [linear, straight, _PROBE, *early[:1], _CATBOOST[kind], network, *means]
        order += [*early[1:], _ADDITIVE, forest, _EXTRA_LEAVES, _XGBOOST[kind]]
    else:
        boosted = _synthesized(_XGBOOST[kind], situation)
        order = [_PROBE, straight, _CATBOOST[kind], *early[:1], _EXTRA_LEAVES, network, *means]
        order += [*early[1:], boosted, linear, forest, _ADDITIVE]
    order += [*late[:1], _LOSSGUIDE, *late[1:], _SLOPED, _MEMBERS, _BUSHY]
    order.append(_synthesized(_DEEP_CATBOOST, situation))
    order += [learner + "(power_scaling(impute({encoded})))"]
    order += [_ROTATED_FOREST] * (rows >= 2 * _FEW_ROWS)
    return [*order, f"temperature({linear})"] if kind is TaskKind.MULTICLASS else order


def _synthesized(tree: str, situation: Situation) -> str:
    """The tree over a table with synthesized features, where these pay.

    On fifteen data sets they took 4.6 % off the error of LightGBM, with a standard error of
    1.8: from 3 to 18 % on eight, and less than 1.5 % on or off on six, all of up to 3,000 rows.
    On one of 600 they added 6 %. So trees with and without them belong together, and few rows
    are left without: a cautious guess.
    """
    if situation.rows < _FEW_ROWS or situation.schema.is_monotone:
        return tree
    return re.sub(r"{(table|rich)}", r"synthesized({\1})", tree)


def _unpenalised(tree: str) -> str:
    """The tree without what it pays for the size of its leaves.

    The penalties were found where few targets had a spread of 1. On one of that spread they
    cost up to 19 % of the error (concrete, bike sharing), and gained 2 % at most, on nine sets.
    """
    return re.sub(r" (lambda_l1|reg_alpha)=[\d.]+,", "", tree)


def _for_many_columns(situation: Situation) -> list[str]:
    """What ends in time on thousands of columns, and does not learn them by heart."""
    kind = situation.kind
    linear = (
        "ridge({}, alpha=1000.0)" if kind is TaskKind.REGRESSION else "logistic({}, C=0.001)"
    )
    scaled = "standard_scaling(impute({encoded}))"
    chosen = [
        tree.replace("codes({rich})", _CHOSEN).replace("codes({table})", _CHOSEN)
        for tree in (_XGBOOST[kind], _CATBOOST[kind], _EXTRA_LEAVES, _PROBE)
    ]
    forest = "extra_trees(impute({means}), max_features='sqrt')"
    of_chosen = linear.format(f"standard_scaling({_CHOSEN})")
    xgboost, catboost, extra, probe = chosen
    order = [of_chosen, probe, extra, _PROBE, xgboost, catboost, linear.format(scaled)]
    return [*order, _ADDITIVE, forest, _EXTRA_LEAVES, _BUSHY, _CATBOOST[kind]]
