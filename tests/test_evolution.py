import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, TOY_OPERATORS, seeds, toy_grammar

from autopipe.errors import OptionError
from autopipe.evolution.evolution import Evolution
from autopipe.seeds import Seeds
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

GRAMMAR = toy_grammar()
PORTFOLIO = [
    parse("lightgbm(codes(table))"),
    parse("xgboost(codes(table), learning_rate=0.1)"),
    parse("logistic(standard_scaling(impute(one_hot(table))))"),
]
SHORT = settings(LAW, max_examples=10)


def judged(proposal, status=Status.COMPLETE):
    """A trial whose score is a fixed number for every tree."""
    score = Seeds(0).stream(proposal.tree).random() if status is Status.COMPLETE else None
    return Trial(
        proposal.number, proposal.tree, proposal.source, status, proposal.parents, score=score
    )


def run(search, count, in_flight=1, order=None, judge=judged):
    """Ask and tell, with trials told in an order drawn from those that run."""
    order = order or np.random.default_rng(0)
    proposals, running = [], []
    while len(proposals) < count:
        proposal = search.ask() if len(running) < in_flight else None
        if proposal is not None:
            proposals.append(proposal)
            running.append(proposal)
        else:
            search.tell(judge(running.pop(int(order.integers(len(running))))))
    return proposals


def shown(proposals):
    return [(p.number, str(p.tree), p.source, p.parents) for p in proposals]


def test_the_portfolio_comes_first_in_order_without_duplicates_and_what_is_refused():
    portfolio = [
        PORTFOLIO[1],
        parse("lgoistic(codes(table))"),
        parse("logistic(codes(table))"),
        parse("xgboost(codes(table), depth=6, learning_rate=0.1)"),
        PORTFOLIO[0],
    ]
    proposals = run(Evolution(portfolio, GRAMMAR, Seeds(0)), 3)
    expected = [str(GRAMMAR.completed(portfolio[place])) for place in (0, 4)]
    assert [str(proposal.tree) for proposal in proposals[:2]] == expected
    assert [proposal.source is Source.PORTFOLIO for proposal in proposals] == [
        True,
        True,
        False,
    ]


@SHORT
@given(root=seeds(), in_flight=st.integers(1, 6), lag=st.sampled_from([None, 6, 9]))
def test_no_tree_is_proposed_twice_and_all_are_valid(root, in_flight, lag):
    proposals = run(Evolution(PORTFOLIO, GRAMMAR, Seeds(root), lag=lag), 80, in_flight)
    assert len({str(proposal.tree) for proposal in proposals}) == 80
    assert [proposal.number for proposal in proposals] == list(range(80))
    for proposal in proposals:
        GRAMMAR.check(proposal.tree)


@SHORT
@given(root=seeds(), workers=st.integers(1, 7), order=seeds(), lag=st.sampled_from([7, 8]))
def test_with_a_lag_neither_order_nor_number_of_workers_matters(root, workers, order, lag):
    alone, crowd = (Evolution(PORTFOLIO, GRAMMAR, Seeds(root), lag=lag) for _ in range(2))
    shuffled = run(crowd, 60, workers, np.random.default_rng(order))
    assert shown(shuffled) == shown(run(alone, 60))


@SHORT
@given(root=seeds())
def test_with_a_lag_measured_seconds_do_not_matter(root):
    plain, slow = (Evolution(PORTFOLIO, GRAMMAR, Seeds(root), 4, lag=1) for _ in range(2))
    for number in range(40):
        proposal, other = plain.ask(), slow.ask()
        assert shown([proposal]) == shown([other])
        plain.tell(judged(proposal))
        slow.tell(replace(judged(other), seconds=float(number * 37 % 11)))


def test_with_a_lag_an_ask_waits_for_the_trial_it_depends_on():
    search = Evolution(PORTFOLIO[:1], GRAMMAR, Seeds(0), lag=2)
    first, second = search.ask(), search.ask()
    assert search.ask() is None
    search.tell(judged(second))
    assert search.ask() is None
    search.tell(judged(first))
    assert search.ask().number == 2


@SHORT
@given(root=seeds(), told=st.integers(0, 39))
def test_a_resumed_search_goes_on_as_the_first_would_have(root, told):
    proposals = run(Evolution(PORTFOLIO, GRAMMAR, Seeds(root), lag=3), 40)
    resumed = Evolution(PORTFOLIO, GRAMMAR, Seeds(root), lag=3)
    for proposal in proposals[:told]:
        resumed.tell(judged(proposal))
    assert shown(run(resumed, 40 - told)) == shown(proposals[told:])


def test_failed_trials_have_no_offspring():
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0))
    for _ in range(60):
        proposal = search.ask()
        is_failure = proposal.number % 2
        search.tell(judged(proposal, Status.ERROR if is_failure else Status.COMPLETE))
        assert all(parent % 2 == 0 for parent in proposal.parents)


def test_truncated_trials_may_have_offspring():
    search = Evolution(PORTFOLIO[:1], GRAMMAR, Seeds(0))
    search.tell(replace(judged(search.ask()), is_truncated=True))
    assert any(search.ask().parents == (0,) for _ in range(10))


def test_without_a_portfolio_random_trees_come_first():
    assert Evolution([], GRAMMAR, Seeds(0)).ask().source is Source.RANDOM


def test_every_source_is_at_work():
    proposals = run(Evolution(PORTFOLIO, GRAMMAR, Seeds(0)), 300)
    # The toy operators have no features.
    others = {Source.INIT, Source.CMAES, Source.GRID, Source.STACK, Source.FEATURES}
    assert {proposal.source for proposal in proposals} == set(Source) - others


def test_a_search_whose_trees_are_all_known_proposes_nothing():
    few = [operator for operator in TOY_OPERATORS if operator.name in ("codes", "impute")]
    plain = replace(TOY_OPERATORS[-6], space={})
    search = Evolution([], toy_grammar(operators=[*few, plain]), Seeds(0))
    proposals = [search.ask() for _ in range(20)]
    known = [proposal for proposal in proposals if proposal is not None]
    assert 0 < len(known) < 20
    assert search.ask() is None


def test_a_trial_of_a_tree_from_elsewhere_is_noted_without_offspring():
    search = Evolution([], GRAMMAR, Seeds(0))
    search.tell(Trial(0, parse("mean(table)"), Source.INIT, Status.COMPLETE, score=0.5))
    proposal = search.ask()
    assert (proposal.number, proposal.parents) == (1, ())


# Gains


class FakeGains:
    """The gain of a trial is what a function of its number says."""

    def __init__(self, gain):
        self.gain = gain
        self.kept = []

    def enter(self, number):
        return self.gain(number)

    def chosen(self, numbers):
        self.kept.append(sorted(numbers))
        return {number: self.gain(number) for number in numbers}


def test_what_gains_has_offspring_whatever_its_score():
    gains = FakeGains(lambda number: 1.0 if number == 1 else 0.0)
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=gains)
    proposals = run(search, 60)
    parents = [parent for proposal in proposals for parent in proposal.parents]
    assert max(set(parents), key=parents.count) == 1


def test_gains_are_chosen_anew_at_each_trial_that_has_one():
    gains = FakeGains(lambda number: float(number in (0, 2)))
    run(Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=gains), 10)
    assert gains.kept == [[0], [0, 1, 2]]


def test_gains_that_were_not_due_are_chosen_at_the_next_trial_whatever_it_gains():
    gains = FakeGains(lambda number: float(number == 0))
    at_once, gains.chosen = gains.chosen, lambda numbers: {}
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=gains)
    search.tell(judged(search.ask()))
    gains.chosen = at_once
    run(search, 5)
    assert gains.kept == [[0, 1]]


def test_a_search_whose_offspring_gain_no_more_than_chance_would_ends_and_says_so(caplog):
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=FakeGains(lambda n: n % 25 == 0))
    count = 0
    with caplog.at_level("INFO"):
        while (proposal := search.ask()) is not None:
            search.tell(judged(proposal))
            count += 1
    assert count == len(PORTFOLIO) + 200
    assert search.ended in caplog.text


def test_what_became_of_former_trials_ends_no_search_that_goes_on():
    former = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=FakeGains(lambda n: n % 10 == 0))
    trials = [judged(former.ask()) for _ in range(1)]
    while len(trials) < 300:
        former.tell(trials[-1])
        trials.append(judged(former.ask()))
    lost = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=FakeGains(lambda n: 0.0))
    for trial in trials:  # whose predictions, and so what they gained, are gone
        lost.tell(trial)
    assert not lost.ended and lost.ask() is not None


def test_a_search_whose_offspring_gain_goes_on():
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=FakeGains(lambda n: n % 10 == 0))
    assert len(run(search, 300)) == 300


# Learners that are switched off


def ending(*ends):
    """From a proposal to its trial; trees with "lightgbm" end in turn as given."""
    queue = [*ends]

    def judge(proposal):
        if "lightgbm" not in str(proposal.tree):
            return judged(proposal)
        status, failure = queue.pop(0) if len(queue) > 1 else queue[0]
        return replace(judged(proposal, status), failure=failure)

    return judge


def count_of_lightgbm(search, judge, count=150):
    """How many trees of so many have the learner in them."""
    proposals = []
    for _ in range(count):
        proposals.append(search.ask())
        search.tell(judge(proposals[-1]))
    return sum("lightgbm" in str(proposal.tree) for proposal in proposals)


SEGFAULT = (Status.CRASH, "killed by signal 11 (SIGSEGV)")
BROKEN = (Status.ERROR, "ModuleNotFoundError: No module named 'lightgbm'")


@pytest.mark.parametrize(
    ("end", "count"),
    [
        (SEGFAULT, 5),
        ((Status.MEMORY, "MemoryError: 7 TiB"), 5),
        ((Status.TIMEOUT, "killed at its time limit"), 5),
        (BROKEN, 2),
    ],
)
def test_a_learner_that_never_works_is_switched_off_with_one_warning(end, count, caplog):
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0))
    assert count_of_lightgbm(search, ending(end)) == count
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert (
        f"lightgbm is switched off for the rest of this run: {count} trials" in record.message
    )
    assert end[1] in record.message


@pytest.mark.parametrize(
    "ends",
    [
        [(Status.COMPLETE, ""), SEGFAULT],
        [(Status.ERROR, "ValueError: 3 rows")],
        [(Status.CRASH, "killed by signal 9 (SIGKILL)")],
        [SEGFAULT, SEGFAULT, SEGFAULT, SEGFAULT, BROKEN, (Status.CANCELLED, "")],
    ],
    ids=["worked once", "raises", "is killed from outside", "fails in many ways"],
)
def test_a_learner_that_may_work_is_not_switched_off(ends):
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0))
    assert count_of_lightgbm(search, ending(*ends)) > 5


def test_trees_that_were_never_run_do_not_end_the_search():
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=FakeGains(lambda number: 0.0))
    for _ in range(500):
        search.tell(judged(search.ask(), Status.CANCELLED))
    assert not search.ended


def test_a_search_whose_learners_are_all_switched_off_proposes_nothing():
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0))
    count = 0
    while (proposal := search.ask()) is not None:
        search.tell(replace(judged(proposal, Status.CRASH), failure="exited with code 3"))
        count += 1
    learners = [operator for operator in GRAMMAR.operators.values() if operator.is_learner]
    assert count <= 5 * len(learners)


@SHORT
@given(root=seeds(), workers=st.integers(1, 7), order=seeds())
def test_with_a_lag_learners_are_switched_off_whatever_the_order(root, workers, order):
    def shuffled(in_flight, order):
        search = Evolution(PORTFOLIO, GRAMMAR, Seeds(root), lag=7)
        return shown(run(search, 60, in_flight, np.random.default_rng(order), ending(SEGFAULT)))

    assert shuffled(workers, order) == shuffled(1, 0)


@pytest.mark.parametrize("wrong", [{"lag": 0}, {"population": 0}])
def test_an_impossible_option_is_refused(wrong):
    with pytest.raises(OptionError, match=rf"{next(iter(wrong))}=0: "):
        Evolution(PORTFOLIO, GRAMMAR, Seeds(0), **wrong)


def test_another_process_proposes_the_same(request):
    code = f"""
        import sys
        sys.path.insert(0, {str(request.path.parent)!r})
        from test_evolution import *
        print(shown(run(Evolution(PORTFOLIO, GRAMMAR, Seeds(5), lag=4), 60, 4)))
    """
    other = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONHASHSEED": "11"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = shown(run(Evolution(PORTFOLIO, GRAMMAR, Seeds(5), lag=4), 60, 4))
    assert other.stdout.strip() == str(here)


def test_sources_whose_offspring_are_given_up_are_believed_less():
    def outrun(proposal):
        loses = proposal.source is Source.RANDOM
        return judged(proposal, Status.PARTIAL if loses else Status.COMPLETE)

    losing, winning = (
        sum(one.source is Source.RANDOM for one in run(searched, 150, judge=judge))
        for searched, judge in (
            (Evolution(PORTFOLIO, GRAMMAR, Seeds(0)), outrun),
            (Evolution(PORTFOLIO, GRAMMAR, Seeds(0)), judged),
        )
    )
    assert losing < winning


def test_lost_predictions_of_former_trials_do_not_end_a_search():
    gains = FakeGains(lambda number: 0.0)
    gains.enter = lambda number: None
    search = Evolution(PORTFOLIO, GRAMMAR, Seeds(0), gains=gains)
    run(search, 300)
    assert not search.ended and search.ask() is not None
