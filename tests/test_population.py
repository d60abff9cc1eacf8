import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW, generators

from autopipe.evolution.population import Individual, Population
from autopipe.tree import Node

SCORES = st.floats(-1e6, 1e6)
SECONDS = st.floats(0, 1e4)


def individual(number, score, seconds=1.0):
    return Individual(Node("a"), number, score, seconds)


@LAW
@given(st.lists(st.tuples(SCORES, SECONDS), min_size=1, max_size=40))
def test_a_population_keeps_its_capacity_and_its_best_score(measured):
    population = Population(8)
    for number, (score, seconds) in enumerate(measured):
        population.add(individual(number, score, seconds))
    assert len(population) == min(8, len(measured))
    assert max(each.score for each in population) == max(score for score, _ in measured)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_fitness_that_is_not_finite_finds_no_place(bad):
    population = Population(3)
    population.add(individual(0, bad))
    population.add(individual(1, 0.5, seconds=bad))
    assert len(population) == 0


@LAW
@given(rng=generators())
def test_better_scores_are_more_often_parents(rng):
    population = Population(10)
    for number in range(10):
        population.add(individual(number, float(number)))
    parents = [population.parent(rng).number for _ in range(200)]
    assert np.mean(parents) > 5.5  # 6.8 expected; 4.5 without selection


def test_a_gain_comes_before_any_score():
    population = Population(2)
    for number, (score, gain) in enumerate([(0.9, 0.0), (0.5, 0.1), (0.8, 0.0), (0.95, -0.1)]):
        population.add(Individual(Node("a"), number, score, gain=gain))
    assert [each.number for each in population] == [0, 1]


def test_new_gains_are_taken_over():
    population = Population(3)
    for number in range(3):
        population.add(individual(number, 0.5))
    population.regain({1: 0.2, 7: 0.9})
    assert [each.gain for each in population] == [0.0, 0.2, 0.0]


def test_a_slow_tree_of_lower_score_is_the_first_to_go():
    population = Population(2)
    for number, (score, seconds) in enumerate([(0.9, 5.0), (0.8, 1.0), (0.7, 9.0)]):
        population.add(individual(number, score, seconds))
    assert [each.number for each in population] == [0, 1]
