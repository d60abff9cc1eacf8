import pickle

import pytest
from hypothesis import given
from strategies import LAW, trees

from autopipe.errors import TreeError
from autopipe.tree import TABLE, Node, parse

PLAIN = parse("lightgbm(impute(codes(table)), learning_rate=0.05, extra=False)")


@LAW
@given(tree=trees())
def test_a_tree_parses_back_from_its_text(tree):
    assert parse(str(tree)) == tree
    assert str(parse(str(tree))) == str(tree)


@LAW
@given(tree=trees())
def test_every_node_is_found_at_its_path(tree):
    assert all(tree.at(path) is node for path, node in tree.walk())


@LAW
@given(tree=trees(), other=trees())
def test_a_replaced_node_is_found_and_the_old_tree_is_spared(tree, other):
    before = str(tree)
    path, _ = list(tree.walk())[-1]
    assert tree.replaced(path, other).at(path) == other
    assert str(tree) == before


@LAW
@given(tree=trees())
def test_a_tree_is_no_deeper_than_its_number_of_nodes(tree):
    assert 1 <= tree.depth <= len(list(tree.walk()))


@LAW
@given(tree=trees())
def test_a_tree_survives_pickling_and_hashes_alike(tree):
    copy = pickle.loads(pickle.dumps(tree))
    assert (copy, hash(copy), str(copy)) == (tree, hash(tree), str(tree))


def test_hyperparameters_print_sorted_by_name_after_the_inputs():
    assert str(PLAIN) == "lightgbm(impute(codes(table)), extra=False, learning_rate=0.05)"


def test_size_leaves_the_table_out_and_depth_counts_it():
    assert (PLAIN.size, PLAIN.depth) == (3, 4)


def test_other_hyperparameters_make_a_copy():
    assert (
        str(Node("ridge", (), (TABLE,)).with_params({"alpha": 1.0}))
        == "ridge(table, alpha=1.0)"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no tree"),
        ("lightgbm(codes(table)", "is no tree"),
        ("lightgbm(codes(table), **more)", "name=value pairs"),
        ("lightgbm(0.5)", "met '0.5' where an operator was wanted"),
        ("a.b(table)", "where an operator was wanted"),
        ("lightgbm(*codes)", "where an operator was wanted"),
        ("lightgbm(table, depth=2 * 3)", "a number, a text, True, False or None"),
        ("lightgbm(table, depth=[3])", "a number, a text, True, False or None"),
        ("lightgbm(table, depth={[]})", "a number, a text, True, False or None"),
        ("lightgbm(table, depth=exit())", "a number, a text, True, False or None"),
        ("f(" * 60 + "table" + ")" * 60, "deeper than 50"),
    ],
)
def test_a_text_that_is_no_tree_is_refused_with_what_was_met(text, message):
    with pytest.raises(TreeError, match="(?s)" + message.replace("*", r"\*")):
        parse(text)
