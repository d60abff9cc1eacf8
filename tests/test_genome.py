import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from strategies import LAW, TOY_OPERATORS, generators, grammars, toy_grammar

from autopipe.evolution.genome import floors, is_wasted, lent_random, survivors

OPERATORS = {operator.name: operator for operator in TOY_OPERATORS}
GRAMMAR = toy_grammar()

TREES_OF_A_SEED = """
    import gc
    ballast = [type(str(i), (), {{}}) for i in range({ballast})]
    import sys
    sys.path.insert(0, {tests!r})
    from strategies import toy_grammar
    from autopipe.evolution.variation import MUTATIONS, crossover
    from autopipe.seeds import Seeds
    grammar, rng = toy_grammar(), Seeds(3).stream("test")
    for _ in range(40):
        tree, other = grammar.random(rng), grammar.random(rng)
        print(tree, crossover(tree, other, grammar, rng))
        for mutate in MUTATIONS.values():
            print(mutate(tree, grammar, rng))
"""


@LAW
@given(grammar=grammars(), rng=generators())
def test_growing_never_fails_and_every_gene_stands_in_its_slot(grammar, rng):
    for _ in range(20):
        genes = grammar.genome.encoded(grammar.random(rng))
        slots = [genes[0].ret]
        for gene in genes:
            assert gene.ret is slots.pop()
            slots += reversed(getattr(gene, "args", []))
        assert slots == []


@LAW
@given(rng=generators())
def test_no_variation_moves_the_random_state_of_the_user(rng):
    random_before, numpy_before = random.getstate(), np.random.get_state()[1].tolist()
    genome = GRAMMAR.genome
    genes, other = (GRAMMAR.from_node(GRAMMAR.random(rng)) for _ in range(2))
    genome.crossed(genes, other, rng)
    for vary in (genome.regrown, genome.inserted, genome.shrunk, genome.replaced):
        vary(genes, rng)
    assert random.getstate() == random_before
    assert np.random.get_state()[1].tolist() == numpy_before


def test_the_lent_source_is_given_back_after_an_error():
    from deap import gp

    with pytest.raises(KeyError), lent_random(np.random.default_rng(0)):
        assert gp.random is not random
        raise KeyError
    assert gp.random is random


@pytest.mark.parametrize(("hash_seed", "ballast"), [("1", 0), ("2", 1), ("3", 5000)])
def test_the_same_seed_gives_the_same_trees_in_a_fresh_process(request, hash_seed, ballast):
    tests = str(request.path.parent)
    outputs = [
        subprocess.run(
            [
                sys.executable,
                "-c",
                textwrap.dedent(TREES_OF_A_SEED.format(ballast=b, tests=tests)),
            ],
            env={"PYTHONHASHSEED": h},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for h, b in (("0", 0), (hash_seed, ballast))
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].splitlines()) == 280


@pytest.mark.parametrize(
    ("upper", "lower", "expected"),
    [
        ("impute", "impute", True),
        ("standard_scaling", "quantile_scaling", True),
        ("impute", "standard_scaling", True),
        ("standard_scaling", "projection", True),
        ("projection", "projection", True),
        ("temperature", "temperature", True),
        ("projection", "standard_scaling", False),
        ("temperature", "lightgbm", False),
        ("stack", "lightgbm", False),
        ("impute", "codes", False),
    ],
)
def test_an_operator_is_wasted_where_its_work_is_done(upper, lower, expected):
    assert is_wasted(OPERATORS[upper], OPERATORS[lower]) is expected


def test_floors_are_the_depths_of_the_smallest_trees():
    low = floors([OPERATORS[name] for name in ("codes", "impute", "standard_scaling", "ridge")])
    assert low == {"codes": 2, "impute": 3, "standard_scaling": 4, "ridge": 5}


def test_operators_that_nothing_can_feed_have_no_floor():
    assert floors([OPERATORS[name] for name in ("codes", "ridge", "temperature")]) == {
        "codes": 2
    }


# Four points on (score, seconds, size): c dominates d; a, b and c do not dominate each other.
HAND = [(0.9, 5.0, 3.0), (0.7, 1.0, 3.0), (0.8, 3.0, 3.0), (0.75, 4.0, 3.0)]


def test_the_dominated_point_dies_first():
    assert survivors(HAND, 3) == [0, 1, 2]


def test_the_ends_of_a_front_outlive_its_crowded_middle():
    assert survivors(HAND, 2) == [0, 1]


def test_of_two_inner_points_the_less_crowded_one_survives():
    # Crowding: the second (0.9 - 0.5) / 0.5 + (5.5 - 1) / 5 = 1.7,
    # the third (1 - 0.55) / 0.5 + (6 - 1.5) / 5 = 1.8; the ends are infinitely far.
    front = [(1.0, 6.0, 1.0), (0.55, 1.5, 1.0), (0.9, 5.5, 1.0), (0.5, 1.0, 1.0)]
    assert survivors(front, 3) == [0, 2, 3]


def test_a_smaller_tree_of_equal_score_survives():
    assert survivors([(0.9, 1.0, 5.0), (0.9, 1.0, 4.0)], 1) == [1]
