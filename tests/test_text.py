"""Operators on texts, on sentences small enough to be judged by eye."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from autopipe.datasets.synthetic import toy_table
from autopipe.evolution.grammar import Grammar
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.operators.catalogue import catalogue, operator_named
from autopipe.operators.encoding import Codes
from autopipe.operators.text import TextPrediction, TextTopics
from autopipe.operators.vocabulary import ANALYZERS, TERMS, Vocabulary, counted
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.table import Schema, Table, Texts, place_columns
from autopipe.task import Target, TaskKind
from autopipe.tree import parse

ABOUT = ["tea with milk", "tea with sugar", "hammer and nail", "nail and screw"] * 5
KINDS = np.array([1, 1, 0, 0] * 5, np.int32)
COUNTS = counted(["tea"], "words")


def texts(*columns):
    names = [f"c{index}" for index in range(len(columns))]
    schema = place_columns(
        dict.fromkeys(names, Role.TEXT), {}, dict.fromkeys(names, True), frozenset()
    )
    rows = len(columns[0])
    blocks = (np.empty((rows, 0), kind) for kind in (np.float32, np.float64, np.int32))
    return Table(schema, *blocks, tuple(map(Texts.of, columns)))


def binary(y):
    return Target(TaskKind.BINARY, np.asarray(y, np.int32), 2)


def added(table):
    names = [column.name for column in table.schema.columns if column.block == "numbers"]
    return dict(zip(names, table.numbers.T, strict=True))


def topics(**params):
    return TextTopics(**{"topics": 2, "terms": "words", **params})


def prediction(**params):
    return TextPrediction(**{"terms": "words", "alpha": 0.1, **params})


def test_texts_on_the_same_matter_have_the_same_topic():
    operator = topics()
    operator.fit_transform(texts(ABOUT), binary(KINDS), 0)
    new = operator.transform(texts(["sugar and milk with tea", "a screw and a hammer"]))
    strongest = np.abs(new.numbers).argmax(axis=1)
    assert strongest[0] != strongest[1]


def test_a_text_without_a_known_word_has_no_topic():
    operator = topics()
    operator.fit_transform(texts(ABOUT), binary(KINDS), 0)
    assert not operator.transform(texts(["", "никогда", "?!"])).numbers.any()


def test_characters_forgive_spelling_where_words_do_not():
    strength = {}
    for terms in ("words", "characters"):
        operator = topics(terms=terms)
        operator.fit_transform(texts(ABOUT), binary(KINDS), 0)
        strength[terms] = np.abs(operator.transform(texts(["hamer"])).numbers).max()
    assert strength["words"] == 0 < strength["characters"]


def test_there_are_no_more_topics_than_terms_and_rows():
    few = texts(["a b", "b a", "a"])
    fitted = topics(topics=50).fit_transform(few, binary([0, 1, 0]), 0)
    assert list(added(fitted)) == ["c0 topic 0", "c0 topic 1"]


def test_many_columns_share_a_bounded_number_of_topics():
    fitted = topics(topics=4).fit_transform(texts(*[ABOUT] * 70), binary(KINDS), 0)
    assert len(added(fitted)) == 140


@pytest.mark.parametrize("operator", [topics(), prediction()], ids=["topics", "prediction"])
@pytest.mark.parametrize(
    "kept", [["", "", ""], ["all", "words", "differ"], ["one x", "two x", "x"]]
)
def test_texts_without_a_common_term_do_no_harm(operator, kept):
    fitted = operator.fit_transform(texts(kept), binary([0, 1, 1]), 0)
    assert np.isfinite(fitted.numbers).all()
    again = type(operator)(**_params(operator)).restore(operator.state())
    new = texts(["all", "new"])
    np.testing.assert_array_equal(again.transform(new).numbers, operator.transform(new).numbers)


@pytest.mark.parametrize("operator", [topics(), prediction()], ids=["topics", "prediction"])
def test_a_table_without_texts_stays_as_it_is(operator):
    table = texts(ABOUT)
    plain = Table(Schema(()), table.numbers, table.precise, table.codes)
    assert operator.fit_transform(plain, binary(KINDS), 0).schema == plain.schema
    assert operator.transform(plain).schema == plain.schema


def _params(operator):
    if isinstance(operator, TextTopics):
        return {"topics": 2, "terms": "words"}
    return {"terms": "words", "alpha": 0.1}


def test_words_predict_the_class_in_new_texts():
    operator = prediction()
    operator.fit_transform(texts(ABOUT), binary(KINDS), 0)
    new = operator.transform(texts(["milk and tea", "hammer with a screw"])).numbers[:, 0]
    assert new[0] > 0.6 and new[1] < 0.4


def test_a_row_never_sees_its_own_target():
    said = [f"own{row // 2} word{row % 7}" for row in range(40)]
    y = np.random.default_rng(0).integers(2, size=40)
    flipped = y.copy()
    flipped[17] = 1 - y[17]
    first, second = (
        prediction().fit_transform(texts(said), binary(values), 0).numbers[:, 0]
        for values in (y, flipped)
    )
    assert first[17] == second[17]
    assert (first != second).any()


def test_all_columns_speak_in_one_prediction_and_each_has_its_topics():
    both = texts(ABOUT, ABOUT[::-1])
    assert list(added(prediction().fit_transform(both, binary(KINDS), 0))) == [
        "text prediction 0"
    ]
    assert len(added(topics().fit_transform(both, binary(KINDS), 0))) == 4


def test_operators_stacked_on_each_other_keep_their_columns_apart():
    table = topics().fit_transform(texts(ABOUT), binary(KINDS), 0)
    table = topics(terms="characters").fit_transform(table, binary(KINDS), 0)
    table = prediction().fit_transform(table, binary(KINDS), 0)
    names = Codes().transform(table).names
    assert len(names) == len(set(names))
    assert {"c0 topic 1", "c0 topic 1'", "text prediction 0", "c0 words"} <= set(names)


@pytest.mark.parametrize("terms", TERMS.options)
def test_a_vocabulary_comes_back_from_its_state(terms):
    vocabulary = Vocabulary()
    rows = vocabulary.learn(counted(ABOUT, terms))
    again = Vocabulary().restore(**vocabulary.state())
    assert (again.rows(counted(ABOUT, terms)) != rows).nnz == 0
    assert again.rows(counted([], terms)).shape == (0, rows.shape[1])


@pytest.mark.parametrize("terms", TERMS.options)
def test_rows_are_those_of_scikit_learn(terms):
    new = ["Milk, milk and TEA", "", "a screw"]
    vocabulary = Vocabulary()
    rows = vocabulary.learn(counted(ABOUT, terms))
    theirs = TfidfVectorizer(**ANALYZERS[terms], min_df=2, sublinear_tf=True).fit(ABOUT)
    assert list(vocabulary.state()["terms"]) == theirs.get_feature_names_out().tolist()
    ours = vocabulary.rows(counted(new, terms))
    np.testing.assert_allclose(rows.toarray(), theirs.transform(ABOUT).toarray(), atol=1e-6)
    np.testing.assert_allclose(ours.toarray(), theirs.transform(new).toarray(), atol=1e-6)


def test_the_most_frequent_of_too_many_terms_are_kept(monkeypatch):
    monkeypatch.setattr("autopipe.operators.vocabulary._MOST_TERMS", 3)
    vocabulary = Vocabulary()
    vocabulary.learn(
        counted(["tea with tea", "milk with tea", "milk, milk, sugar", "sugar"], "words")
    )
    assert vocabulary.state()["terms"] == ["milk", "tea", "with"]


@pytest.mark.parametrize("operator", [topics(), prediction()], ids=["topics", "prediction"])
def test_a_text_alone_says_what_it_says_among_others(operator):
    operator.fit_transform(texts(ABOUT, ABOUT[::-1]), binary(KINDS), 0)
    new = texts(["milk and tea, tea, tea", "screw", ""], ["nail", "with a hammer", "of"])
    together = operator.transform(new).numbers
    alone = [operator.transform(new.take(np.array([row]))).numbers for row in range(3)]
    np.testing.assert_array_equal(np.concatenate(alone), together)


def test_texts_are_cut_once_for_all_models(monkeypatch):
    first, second = prediction(), topics()
    first.fit_transform(texts(ABOUT), binary(KINDS), 0)
    second.fit_transform(texts(ABOUT), binary(KINDS), 0)
    asked = []
    monkeypatch.setattr(
        "autopipe.operators.vocabulary.counted", lambda *given: asked.append(given) or COUNTS
    )
    new = texts(["tea"])
    first.transform(second.transform(new))
    assert len(asked) == 1


@pytest.mark.parametrize("encoder", ["codes", "one_hot", "target_encoding"])
def test_a_tree_reads_texts_beside_categories_in_any_form(encoder):
    table, target = toy_table(TaskKind.BINARY, rows=80)
    grammar = Grammar(catalogue().values(), table.schema, target.kind)
    below = "text_prediction(text_topics(table, topics=5))"
    tree = grammar.completed(parse(f"logistic(standard_scaling(impute({encoder}({below}))))"))
    folds = make_folds(target, 2, Seeds(0))
    fitted = crossfit(tree, table, target, folds, Seeds(0))
    _, held_out = folds.pairs[0]
    alone = fitted.models[0].predict(table.take(held_out))
    np.testing.assert_allclose(fitted.out_of_fold[held_out], alone, atol=1e-6)
    assert grammar.is_economical(tree)


def test_tables_without_texts_are_declined():
    schema = place_columns({"c0": Role.NUMERIC}, {}, {"c0": False}, frozenset())
    for name in ("text_topics", "text_prediction"):
        reason = operator_named(name).declines(schema, TaskKind.BINARY)
        assert reason == f"{name} needs a column of texts"
