from __future__ import annotations

import pickle

import pytest

from autopipe.errors import OptionError
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

TREE = parse("lightgbm(codes(table))")


def trial(status, score):
    return Trial(0, TREE, Source.RANDOM, status, score=score)


def test_a_screen_has_not_failed_and_only_a_complete_trial_has_a_score():
    trials = [trial(one, 0.5 if one is Status.COMPLETE else None) for one in Status]
    assert [each.status for each in trials if each.is_complete] == [Status.COMPLETE]
    well = [each.status for each in trials if not each.has_failed]
    assert well == [Status.COMPLETE, Status.PARTIAL]


@pytest.mark.parametrize("status", Status)
def test_a_trial_that_contradicts_itself_is_refused(status):
    score = None if status is Status.COMPLETE else 0.5
    with pytest.raises(OptionError, match="exactly the complete trials have a score"):
        trial(status, score)


def test_a_trial_is_a_value():
    one = trial(Status.COMPLETE, 0.5)
    assert pickle.loads(pickle.dumps(one)) == one
    assert hash(one) == hash(trial(Status.COMPLETE, 0.5))
