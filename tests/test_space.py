import numpy as np
import pytest
from hypothesis import given
from strategies import LAW, domains, generators

from autopipe.errors import OptionError
from autopipe.space import Choice, Float, Int, defaults, draw, rounded


@LAW
@given(domain=domains(), rng=generators())
def test_a_draw_lies_in_its_domain(domain, rng):
    assert domain.draw(rng) in domain


@LAW
@given(domain=domains(), rng=generators())
def test_a_step_stays_in_the_domain_and_moves(domain, rng):
    value = domain.draw(rng)
    stepped = domain.step(value, rng)
    assert stepped in domain
    assert repr(stepped) != repr(value)


@LAW
@given(domain=domains())
def test_a_default_lies_in_its_domain(domain):
    assert domain.default in domain


@LAW
@given(domain=domains(), rng=generators())
def test_values_are_of_plain_python_types(domain, rng):
    drawn = domain.draw(rng)
    values = (domain.default, drawn, domain.step(drawn, rng))
    assert {type(value) for value in values} <= {bool, int, float, str, type(None)}


@LAW
@given(rng=generators())
def test_every_value_of_a_float_is_a_float_even_between_whole_bounds(rng):
    domain = Float(1234, 5678, default=2000)
    values = [domain.default, *(domain.draw(rng) for _ in range(20))]
    assert all(type(value) is float for value in values)


def test_drawn_floats_have_three_digits():
    rng = np.random.default_rng(0)
    drawn = [Float(1e-4, 1.0, 0.1, log=True).draw(rng) for _ in range(100)]
    assert drawn == [rounded(value) for value in drawn]


def test_a_logarithmic_domain_draws_as_often_below_its_geometric_middle():
    rng = np.random.default_rng(0)
    drawn = [Int(1, 10_000, 100, log=True).draw(rng) for _ in range(1000)]
    assert 450 < sum(value < 100 for value in drawn) < 550


@pytest.mark.parametrize(
    ("domain", "value"),
    [
        (Float(0.0, 1.0, 0.5), 1.1),
        (Float(0.0, 1.0, 0.5), float("nan")),
        (Float(0.0, 1.0, 0.5), True),
        (Float(0.0, 1.0, 0.5), "0.5"),
        (Int(0, 5, 1), 2.0),
        (Int(0, 5, 1), False),
        (Choice((True, False)), 1),
        (Choice(("a", "b")), None),
    ],
)
def test_a_value_of_another_kind_or_beyond_the_bounds_is_outside(domain, value):
    assert value not in domain


def test_the_first_option_is_the_default_unless_another_is_named():
    assert Choice(("a", "b")).default == "a"
    assert Choice(("a", "b"), default="b").default == "b"
    assert Choice((None, "b")).default is None


def test_a_space_gives_a_value_for_every_name_in_order():
    space = {"b": Int(0, 9, 3), "a": Choice(("x", "y"))}
    assert defaults(space) == {"b": 3, "a": "x"}
    assert list(draw(space, np.random.default_rng(0))) == ["b", "a"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Float(low=0.0, high=1.0, default=0.5, log=True),
            "Float(low=0.0, high=1.0, default=0.5, log=True): "
            "a log scale needs low > 0; got low=0.0.",
        ),
        (
            lambda: Int(3, 2, 2),
            "Int(low=3, high=2, default=2, log=False): needs finite bounds with low < high.",
        ),
        (
            lambda: Int(1, 2, 5),
            "Int(low=1, high=2, default=5, log=False): the default lies outside the bounds.",
        ),
        (
            lambda: Choice(("a",)),
            "Choice(options=('a',), default=None): "
            "a choice needs two options or more, all different.",
        ),
        (
            lambda: Choice(("a", "b"), default="c"),
            "Choice(options=('a', 'b'), default='c'): the default is none of the options.",
        ),
    ],
)
def test_an_impossible_domain_is_refused_with_its_own_text(make, message):
    with pytest.raises(OptionError) as caught:
        make()
    assert str(caught.value) == message
