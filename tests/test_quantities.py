import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopipe.intake.quantities import Notation, find_notation, read_strange


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3,5", 3.5),
        ("1,234", 1234.0),
        ("1.234,5", 1234.5),
        ("1,234.50", 1234.5),
        ("0,125", 0.125),
        ("1 510", 1510.0),
        ("-$5.20", -5.2),
        ("€ -3", -3.0),
        ("5 €", 5.0),
        ("20%", 20.0),
        ("23.4 kmpl", 23.4),
        ("17 km/kg", 17.0),
        ("12°C", 12.0),
        ("1e5", 100000.0),
        (" .5 ", 0.5),
    ],
)
def test_a_number_is_read_as_people_write_it(text, number):
    assert find_notation([text]).read(text) == number


@pytest.mark.parametrize(
    "text", ["A12", "city_3", "10+", "2012-01", "18-24", "--3", "1,23,4", "", "12:30", "1.2.3"]
)
def test_what_is_no_number_is_not_read(text):
    assert find_notation([text]).read(text) is None


def test_the_unit_of_most_is_the_unit():
    notation = find_notation(["74 bhp", "103.52 bhp", "80 kW"])
    assert notation == Notation(unit="bhp")
    assert [notation.read(text) for text in ("75", "80 kW")] == [75.0, None]
    assert find_notation(["2", "3", "5more"]) == Notation()


def test_one_decimal_comma_decides_for_the_others():
    assert find_notation(["1,234", "3,5"]) == Notation(",")
    assert find_notation(["1,234", "3,500"]) == Notation(".")


def test_a_strange_number_is_read_if_it_can_mean_only_one():
    assert read_strange("3,5") == 3.5
    assert read_strange("1,234") is None
    assert read_strange("three") is None


@given(st.floats(-1e12, 1e12), st.sampled_from([",", "."]))
def test_a_formatted_number_is_read_back(number, decimal):
    swapped = str.maketrans(",.", ".,") if decimal == "," else {}
    text = f"{number:,.3f}".translate(swapped)
    assert Notation(decimal).read(text) == float(f"{number:.3f}")
