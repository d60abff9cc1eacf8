import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopipe.clock import Clock, parse_seconds
from autopipe.errors import OptionError


class FalseTime:
    """A time that passes when told to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@given(st.integers(1, 10**6), st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("", 1)]))
def test_a_number_and_a_unit_are_seconds(number, unit):
    name, seconds = unit
    assert parse_seconds(f" {number}{name} ") == number * seconds


@pytest.mark.parametrize(
    ("budget", "seconds"), [(5, 5.0), (0.5, 0.5), ("1.5h", 5400.0), (".5m", 30.0)]
)
def test_numbers_and_fractions_are_taken(budget, seconds):
    assert parse_seconds(budget) == seconds


@pytest.mark.parametrize("budget", ["10 minuets", "", "-5s", "1h30m", None, True, [60]])
def test_what_is_no_duration_is_refused_with_an_example(budget):
    with pytest.raises(OptionError, match=r'time_budget=.*such as "10m"'):
        parse_seconds(budget)


@pytest.mark.parametrize("budget", [0, -1, "0s", float("nan"), float("inf"), "9" * 400])
def test_a_budget_is_positive_and_finite(budget):
    with pytest.raises(OptionError, match="positive, finite"):
        parse_seconds(budget)


def test_a_clock_counts_down_and_may_be_late():
    now = FalseTime()
    clock = Clock(10, now)
    now.seconds += 12
    assert (clock.elapsed, clock.left) == (12, -2)
    assert Clock(None, now).left == float("inf")


def test_the_ledger_adds_up_the_stages_even_those_that_fail():
    now = FalseTime()
    clock = Clock(10, now)
    with clock.stage("fit"):
        now.seconds += 1
    with pytest.raises(KeyError), clock.stage("fit"):
        now.seconds += 2
        raise KeyError
    assert clock.ledger == {"fit": 3}
