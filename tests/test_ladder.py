"""Screening on few rows: what is promoted, and what a partial score may touch."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from counted_runs import QUICK, ROWS, toy
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW, seeds, toy_grammar

from autopipe import AutoClassifier, searching
from autopipe.evolution.ladder import SHARES, Ladder
from autopipe.evolution.samplers import Sampled
from autopipe.seeds import Seeds
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

GRAMMAR = toy_grammar()
FIRST = [parse("lightgbm(codes(table))"), parse("xgboost(codes(table))")]


def screened(number, score, share=SHARES[0], learner="ridge"):
    tree = parse(f"{learner}(table, number={number})")
    return Trial(
        *(number, tree, Source.RANDOM, Status.PARTIAL),
        fold_scores=(score,),
        train_share=share,
    )


def ladder():
    return Ladder(lambda trial: trial.tree.op)


def promoted(one):
    found = []
    while (each := one.promoted()) is not None:
        found.append((each[0].number, each[1]))
    return found


def test_the_best_quarter_of_a_rung_is_promoted_once():
    one = ladder()
    for number, score in enumerate([0.1, 0.9, 0.3, 0.2, 0.8, 0.4, 0.5, 0.0]):
        one.note(screened(number, score))
    assert promoted(one) == [(1, SHARES[1]), (4, SHARES[1])]
    assert promoted(one) == []


def test_a_higher_rung_comes_first_and_leads_to_a_complete_trial():
    one = ladder()
    for number in range(4):
        one.note(screened(number, 0.1 * number))
        one.note(screened(10 + number, 0.1 * number, SHARES[1]))
    assert promoted(one) == [(13, 1.0), (3, SHARES[1])]


def test_complete_trials_take_no_more_seconds_than_screens_have():
    one = ladder()
    one.note(Trial(0, FIRST[0], Source.PORTFOLIO, Status.COMPLETE, score=0.5, seconds=5.0))
    for number in range(1, 5):
        one.note(replace(screened(number, 0.1 * number, SHARES[1]), seconds=1.0))
    assert promoted(one) == []
    one.note(replace(screened(5, 0.0), seconds=1.0))
    assert promoted(one) == [(4, 1.0)]


def test_learners_are_compared_with_their_like_alone():
    one = ladder()
    for number in range(4):
        one.note(screened(number, 0.9))
        one.note(screened(10 + number, 0.1, learner="lightgbm"))
    assert promoted(one) == [(0, SHARES[1]), (10, SHARES[1])]


def test_what_a_resumed_run_had_promoted_is_left_out():
    one = ladder()
    one.leave_out([3])
    for number in range(8):
        one.note(screened(number, float(number == 3)))
    assert promoted(one) == [(0, SHARES[1])]


def test_trials_without_a_score_have_no_rung():
    one = ladder()
    for number in range(8):
        one.note(
            Trial(number, parse("a"), Source.RANDOM, Status.PARTIAL, train_share=SHARES[0])
        )
    assert promoted(one) == []


@LAW
@given(scores=st.lists(st.floats(0, 1), max_size=60))
def test_what_is_promoted_is_in_the_best_quarter_of_its_rung_then(scores):
    one, known = ladder(), []
    for number, score in enumerate(scores):
        one.note(screened(number, score))
        known.append(score)
        for place, _ in promoted(one):
            assert sum(other > scores[place] for other in known) < len(known) // 4


# In a search


def judged(proposal):
    score = Seeds(0).stream(proposal.tree, proposal.share).random()
    given = (proposal.number, proposal.tree, proposal.source)
    if proposal.is_screen:
        return Trial(
            *(*given, Status.PARTIAL, proposal.parents),
            fold_scores=(score,),
            train_share=proposal.share,
        )
    return Trial(*given, Status.COMPLETE, proposal.parents, score=score)


@pytest.mark.parametrize("root", range(3))
def test_trees_are_screened_and_the_best_of_them_get_a_complete_trial(root):
    search = Sampled(FIRST, GRAMMAR, Seeds(root), "random", ladder=ladder())
    trials = {}
    for _ in range(300):
        proposal = search.ask()
        trials[proposal.number] = judged(proposal)
        search.tell(trials[proposal.number])
        if proposal.share > SHARES[0] and proposal.number >= len(FIRST):
            (parent,) = (trials[number] for number in proposal.parents)
            assert parent.tree == proposal.tree
            assert parent.train_share < proposal.share
    shares = Counter(trial.train_share for trial in trials.values())
    assert shares[SHARES[0]] > 3 * shares[SHARES[1]] > 6 * (shares[1.0] - len(FIRST)) > 0


# In a fit


def test_a_partial_score_enters_neither_leaderboard_nor_ensemble(monkeypatch):
    monkeypatch.setattr(searching, "_LADDER_ROWS", 1)
    seen = {}

    def is_promoted(trial):
        seen[trial.number] = trial
        above = [seen[number] for number in trial.parents if number in seen]
        return trial.is_complete and any(one.status is Status.PARTIAL for one in above)

    arguments = {"include": ["logistic"], "callbacks": [is_promoted], "time_budget": 60}
    arguments["search"] = "random"
    model = AutoClassifier(**{**QUICK, **arguments}).fit(*toy())
    history = model.history_
    partial = history[history.status == "partial"]
    assert set(partial.train_share) <= set(SHARES)
    assert partial.score.isna().all()
    assert len(partial) > 4
    assert not set(partial.number) & set(model.leaderboard().number.dropna())
    assert "partial" not in set(model.failures().status)
    assert np.isfinite(model.score_)


@given(seed=seeds())
def test_a_glimpse_is_the_first_fold_with_fewer_rows_held_out(seed):
    from autopipe.folds import make_folds
    from autopipe.task import Target, TaskKind

    target = Target(TaskKind.BINARY, np.arange(4_000, dtype=np.int32) % 2, 2)
    folds = make_folds(target, 2, Seeds(seed))
    ((train, held_out),) = folds.glimpse(target, Seeds(seed)).pairs
    assert (train == folds.pairs[0][0]).all()
    assert set(held_out) < set(folds.pairs[0][1])
    assert len(held_out) == 1_000
    assert ROWS < target.y[held_out].sum() < 600


def test_complete_trials_on_few_rows_are_no_screens():
    one = ladder()
    for number in range(4):
        one.note(replace(screened(number, 0.1 * number, SHARES[-1]), seconds=1.0))
    tree = parse("a")
    dear = Trial(9, tree, Source.RANDOM, Status.COMPLETE, score=0.5, seconds=500.0)
    one.note(replace(dear, train_share=SHARES[-1]))
    assert promoted(one) == []
