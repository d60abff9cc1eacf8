import random
import subprocess
import sys

import numpy as np
from hypothesis import given
from strategies import LAW, seeds

from autopipe.seeds import Seeds


@LAW
@given(root=seeds())
def test_a_number_fits_libraries_written_in_c(root):
    assert 0 <= Seeds(root).number("node", "lightgbm(table)", 3) < 2**31


@LAW
@given(root=seeds())
def test_streams_of_one_name_are_equal_and_of_two_names_differ(root):
    first, again, other = (Seeds(root).stream(name).random(4) for name in ("a", "a", "b"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@LAW
@given(root=seeds())
def test_drawing_from_one_stream_moves_no_other(root):
    untouched = Seeds(root).stream("b").random()
    Seeds(root).stream("a").random(100)
    assert Seeds(root).stream("b").random() == untouched


def test_names_are_told_apart_by_their_parts():
    assert Seeds(0).number("ab", "c") != Seeds(0).number("a", "bc")


def test_a_random_state_of_every_kind_is_taken_and_repeats():
    for make in (lambda: 7, lambda: np.random.default_rng(7), lambda: np.random.RandomState(7)):
        assert Seeds.of(make()) == Seeds.of(make())
    assert Seeds.of(np.int64(7)) == Seeds(7)


def test_no_random_state_is_fresh_every_time_and_touches_no_global_one():
    random_before, numpy_before = random.getstate(), np.random.get_state()[1].tolist()
    assert Seeds.of(None) != Seeds.of(None)
    assert random.getstate() == random_before
    assert np.random.get_state()[1].tolist() == numpy_before


def test_another_process_draws_the_same():
    code = "from autopipe.seeds import Seeds; print(Seeds(7).number('folds', 3))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) == Seeds(7).number("folds", 3)
