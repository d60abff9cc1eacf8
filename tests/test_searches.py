"""What every search keeps to: valid trees, none twice, and counted runs that repeat."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, TOY_OPERATORS, seeds, toy_grammar
from test_evolution import PORTFOLIO, judged, run, shown

from autopipe.choice import narrowed
from autopipe.evolution.evolution import Evolution
from autopipe.evolution.grid import Grid, levels
from autopipe.evolution.samplers import Sampled
from autopipe.evolution.template import Template
from autopipe.seeds import Seeds
from autopipe.space import Choice, Fixed, Float, Int
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

GRAMMAR = toy_grammar()
SEARCHES = {
    "evolution": Evolution,
    "random": partial(Sampled, sampler="random"),
    "tpe": partial(Sampled, sampler="tpe"),
    "cmaes": partial(Sampled, sampler="cmaes"),
    "grid": Grid,
}
FEW = settings(LAW, max_examples=2)
every_search = pytest.mark.parametrize("name", SEARCHES)


def begun(name, root=0, lag=None, grammar=GRAMMAR, **more):
    return SEARCHES[name](PORTFOLIO[:1], grammar, Seeds(root), lag=lag, **more)


@every_search
@FEW
@given(root=seeds(), in_flight=st.integers(1, 6), lag=st.sampled_from([None, 6]))
def test_every_tree_is_valid_and_proposed_once(name, root, in_flight, lag):
    proposals = run(begun(name, root, lag), 30, in_flight)
    assert len({str(proposal.tree) for proposal in proposals}) == 30
    assert [proposal.number for proposal in proposals] == list(range(30))
    for proposal in proposals:
        GRAMMAR.check(proposal.tree)


@every_search
@FEW
@given(root=seeds(), workers=st.integers(1, 6), order=seeds())
def test_with_a_lag_neither_order_nor_number_of_workers_matters(name, root, workers, order):
    shuffled = run(begun(name, root, 6), 30, workers, np.random.default_rng(order))
    assert shown(shuffled) == shown(run(begun(name, root, 6), 30))


@every_search
@FEW
@given(root=seeds(), told=st.integers(0, 29))
def test_a_resumed_search_goes_on_as_the_first_would_have(name, root, told):
    proposals = run(begun(name, root, 3), 30)
    resumed = begun(name, root, 3)
    for proposal in proposals[:told]:
        resumed.tell(judged(proposal))
    assert shown(run(resumed, 30 - told)) == shown(proposals[told:])


@every_search
def test_without_a_lag_a_search_learns_from_trials_that_it_has_not_proposed(name):
    proposals = run(begun(name), 20)
    resumed = begun(name, 1)
    for proposal in proposals:
        resumed.tell(judged(proposal))
    more = run(resumed, 5)
    assert [proposal.number for proposal in more] == list(range(20, 25))
    known = {str(proposal.tree) for proposal in proposals}
    assert known.isdisjoint(str(proposal.tree) for proposal in more)


@every_search
def test_trees_of_the_user_come_first_and_say_so(name):
    own = [parse("xgboost(codes(table), depth=3)"), parse("lightgbm(one_hot(table))")]
    proposals = run(begun(name, init=own), 3)
    assert [proposal.source for proposal in proposals] == [
        Source.INIT,
        Source.INIT,
        Source.PORTFOLIO,
    ]
    assert [p.tree for p in proposals[:2]] == [GRAMMAR.completed(tree) for tree in own]


@every_search
def test_a_narrowed_space_holds_for_every_tree(name):
    space = {"lightgbm": {"learning_rate": (0.05, 0.1)}, "xgboost": {"depth": 3}}
    grammar = toy_grammar(operators=narrowed(TOY_OPERATORS, space))
    for proposal in run(begun(name, grammar=grammar), 30):
        for _, node in proposal.tree.walk():
            if node.op == "lightgbm":
                assert 0.05 <= node.hyperparameters["learning_rate"] <= 0.1
            if node.op == "xgboost":
                assert node.hyperparameters["depth"] == 3


# What is special to one


@LAW
@given(rng=seeds().map(np.random.default_rng))
def test_the_choices_of_a_tree_lead_back_to_it(rng):
    template = Template(GRAMMAR)
    tree = template.tree(lambda name, domain: domain.draw(rng))
    GRAMMAR.check(tree)
    assert GRAMMAR.is_economical(tree)
    choices = template.choices(tree)
    assert template.tree(lambda name, domain: choices[name][1]) == tree


def test_a_tree_that_the_template_does_not_lead_to_has_no_choices():
    assert not Template(GRAMMAR).choices(parse("mean(table)"))


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_a_sampler_finds_what_scores_well_more_often_than_chance(sampler):
    space = {"impute": {"statistic": "median"}}
    only = [op for op in narrowed(TOY_OPERATORS, space) if op.name in ("codes", "xgboost")]
    grammar = toy_grammar(operators=only)

    def score(tree):
        return -abs(np.log(tree.hyperparameters["learning_rate"] / 0.04))

    def judge(proposal):
        return Trial(
            *(proposal.number, proposal.tree, proposal.source, Status.COMPLETE),
            score=score(proposal.tree),
        )

    def found(name):
        proposals = run(begun(name, grammar=grammar), 60, judge=judge)
        return np.mean([score(proposal.tree) for proposal in proposals[30:]])

    assert found(sampler) > found("random") + 0.1


def test_a_grid_ends_once_every_combination_was_proposed():
    space = {
        "xgboost": {"learning_rate": (0.05, 0.1), "depth": [3, 5]},
        "lightgbm": {"learning_rate": 0.1, "depth": 4},
    }
    names = ("codes", "xgboost", "lightgbm")
    only = [operator for operator in TOY_OPERATORS if operator.name in names]
    search = Grid([], toy_grammar(operators=narrowed(only, space)), Seeds(0))
    trees = []
    while (proposal := search.ask()) is not None:
        trees.append(str(proposal.tree))
    assert len(trees) == len(set(trees)) == 3 * 2 + 2


def test_every_learner_takes_its_turn_in_a_grid():
    proposals = run(begun("grid"), 40)
    tops = {proposal.tree.op for proposal in proposals}
    assert tops == {"logistic", "extra_trees", "lightgbm", "xgboost", "stack", "temperature"}


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (Float(0.01, 1.0, 0.1, log=True), [0.01, 0.1, 1.0]),
        (Int(1, 2, 1), [1, 2]),
        (Choice(("a", None)), ["a", None]),
        (Fixed(3), [3]),
    ],
    ids=repr,
)
def test_the_levels_of_a_domain(domain, expected):
    assert levels(domain) == expected
