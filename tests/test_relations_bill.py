"""What columns of child tables will cost, and that finding it out keeps within it."""

import pandas as pd
import pytest
from related import HELD, ORDERED, shop

from autopipe.relations import synthesis
from autopipe.relations.bill import Caps, bill_of
from autopipe.relations.learning import propose
from autopipe.relations.schema import Relations

FRAME, TABLES = shop(40)
FRAME = FRAME.drop(columns="stays")


class Clock:
    """A clock that computing moves on, by a second for each feature."""

    def __init__(self):
        self.seconds, self.most = 0.0, 0

    def monotonic(self):
        return self.seconds

    def computed(self, features, entities):
        self.seconds += len(features)
        self.most = max(self.most, len(features))
        return pd.DataFrame()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("autopipe.relations.bill.time", clock)
    monkeypatch.setattr("autopipe.relations.learning.time", clock)
    monkeypatch.setattr(synthesis, "computed", clock.computed)
    return clock


@pytest.fixture
def proposal(clock):
    return propose(FRAME, TABLES, Relations([ORDERED, HELD]))


def test_only_as_many_features_as_can_be_made_are_tried(clock, proposal):
    bill = bill_of(proposal, Caps(features=5))
    assert len(bill.features) > 40
    assert clock.most == bill.count == 5


@pytest.mark.parametrize("seconds", [0, 10, 30, 100, 200, 1000])
def test_finding_out_what_columns_take_leaves_half_of_the_time(clock, proposal, seconds):
    bill_of(proposal, Caps(features=20, seconds=seconds))
    assert clock.seconds <= seconds / 2 + clock.most


@pytest.mark.parametrize("seconds", [0, 10, 30, 100, 200, 1000])
def test_finding_out_and_making_columns_take_no_longer_than_they_may(clock, proposal, seconds):
    bill = bill_of(proposal, Caps(features=20, seconds=seconds))
    made = bill.features.query("left_out == ''")
    assert clock.seconds + made["seconds"].sum() <= seconds or made.empty


def test_without_time_to_find_out_no_column_is_made(clock, proposal):
    bill = bill_of(proposal, Caps(features=20, seconds=0.0))
    assert clock.most <= 2
    assert bill.count == 0
    assert (bill.features["left_out"] == "time").all()
