"""How the trials are shared among the sources of offspring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW

from autopipe.evolution.shares import Shares
from autopipe.trial import Source

BELIEVED = {Source.CROSSOVER: 0.5, Source.TPE: 0.3, Source.RANDOM: 0.2}
EVENTS = st.lists(st.tuples(st.sampled_from(list(Source)), st.booleans()), max_size=200)


@LAW
@given(events=EVENTS)
def test_shares_sum_to_one_and_none_falls_below_the_floor(events):
    shares = Shares(BELIEVED)
    for source, has_paid in events:
        shares.note(source, has_paid)
    current = shares.current()
    assert sum(current.values()) == pytest.approx(1.0)
    assert min(current.values()) >= 0.02
    assert current.keys() == BELIEVED.keys()


def test_before_any_trial_they_are_as_believed_but_for_the_floor():
    for source, share in Shares(BELIEVED).current().items():
        assert share == pytest.approx(0.02 + 0.94 * BELIEVED[source])


def test_a_source_that_pays_gets_more_and_loses_it_when_it_pays_no_more():
    shares = Shares(BELIEVED)
    for _ in range(30):
        shares.note(Source.RANDOM, True)
        shares.note(Source.CROSSOVER, False)
    risen = shares.current()[Source.RANDOM]
    assert risen > 2 * BELIEVED[Source.RANDOM]
    for _ in range(200):
        shares.note(Source.RANDOM, False)
        shares.note(Source.CROSSOVER, True)
    assert shares.current()[Source.RANDOM] < BELIEVED[Source.RANDOM]


def test_sources_are_drawn_as_often_as_their_share():
    rng = np.random.default_rng(0)
    drawn = [Shares(BELIEVED).draw(rng) for _ in range(1_000)]
    assert drawn.count(Source.CROSSOVER) == pytest.approx(490, abs=50)
