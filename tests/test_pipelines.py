"""Pipelines of scikit-learn become trees that can be judged."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from autopipe.datasets.synthetic import toy_schema
from autopipe.errors import OptionError
from autopipe.evolution.grammar import Grammar
from autopipe.export.pipelines import tree_of
from autopipe.initial import initial_trees
from autopipe.operators.catalogue import catalogue
from autopipe.task import TaskKind

NUMBERS = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
COLUMNS = make_column_transformer((NUMBERS, ["a"]), (OneHotEncoder(), ["b"]))


@pytest.mark.parametrize(
    ("pipeline", "text"),
    [
        (
            make_pipeline(COLUMNS, LogisticRegression(C=0.1)),
            "logistic(standard_scaling(impute(one_hot(table), numbers='median')), C=0.1)",
        ),
        (
            RandomForestClassifier(min_samples_leaf=np.int64(3), max_features="log2"),
            "random_forest(impute(codes(table)), min_samples_leaf=3)",
        ),
        (  # a share of the rows is no number of them, five columns are no share
            RandomForestClassifier(min_samples_leaf=0.01, max_features=5),
            "random_forest(impute(codes(table)))",
        ),
        (
            make_pipeline("passthrough", HistGradientBoostingClassifier(max_leaf_nodes=9)),
            "lightgbm(codes(table), num_leaves=9)",
        ),
        (
            make_pipeline(PCA(), HistGradientBoostingClassifier()),
            "lightgbm(pca(standard_scaling(impute(codes(table)))))",
        ),
    ],
)
def test_a_pipeline_becomes_the_tree_that_is_nearest(pipeline, text):
    tree = tree_of(pipeline)
    assert str(tree) == text
    Grammar(list(catalogue().values()), toy_schema(), TaskKind.BINARY).completed(tree)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [(GaussianNB(), "GaussianNB has no like"), (NUMBERS, "ends in a learner")],
)
def test_a_pipeline_that_is_no_tree_is_told(pipeline, message):
    with pytest.raises(OptionError, match=message):
        tree_of(pipeline)


def test_a_pipeline_is_taken_for_init():
    assert [tree.op for tree in initial_trees([LogisticRegression()])] == ["logistic"]
