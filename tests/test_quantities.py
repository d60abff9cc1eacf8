import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopipe.intake.quantities import Notation, find_notation, read_strange
from autopipe.intake.values import parsed_numbers

UNITS = ["", "km", "%", "€", "$", "e", "m.p.h", "km/h", "Ω²"]


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
        ("7:30", 27_000.0),
        ("7:30 pm", 70_200.0),
        ("12:15 a.m.", 900.0),
        ("12:45PM", 45_900.0),
        ("100:00:36.5", 360_036.5),
    ],
)
def test_a_number_is_read_as_people_write_it(text, number):
    assert find_notation([text]).read(text) == number


@pytest.mark.parametrize(
    "text",
    ["A12", "city_3", "10+", "2012-01", "18-24", "--3", "1,23,4", "", "12:75", "1.2.3"],
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


def test_lengths_of_time_keep_their_order_however_they_are_written():
    ascending = ["0:07", "12:34", "59:59", "1:00:05", "10:00:00.5"]
    notation = find_notation(ascending)
    read = [notation.read(text) for text in ascending]
    assert read == sorted(read) == [7, 754, 3_599, 3_605, 36_000.5]
    assert parsed_numbers(np.array(ascending, object), notation)[0].tolist() == read


def test_times_of_day_without_seconds_stay_hours():
    notation = find_notation(["8:30", "8:30:15", "23:59"])
    assert [notation.read(text) for text in ("8:30", "8:30:15")] == [30_600, 30_615]


def test_a_strange_number_is_read_if_it_can_mean_only_one():
    assert read_strange("3,5") == 3.5
    assert read_strange("1,234") is None
    assert read_strange("three") is None


@given(st.floats(-1e12, 1e12), st.sampled_from([",", "."]))
def test_a_formatted_number_is_read_back(number, decimal):
    swapped = str.maketrans(",.", ".,") if decimal == "," else {}
    text = f"{number:,.3f}".translate(swapped)
    assert Notation(decimal).read(text) == float(f"{number:.3f}")


@st.composite
def amounts(draw):
    """Texts such as "-$1,234.50 km", with now and then a character that does not belong."""
    number = draw(st.integers(-(10**25), 10**25) | st.integers(-2000, 2000))
    digits = draw(st.sampled_from([f"{number:,}", f"{number}", f"{abs(number):,}", "٣", "007"]))
    swapped = draw(st.sampled_from([{}, str.maketrans(",.", ".,")]))
    before = draw(st.sampled_from(["", "", "$", "€ ", "-€", "$-", "EUR ", " "]))
    part = draw(st.sampled_from(["", "", ".50", ".", ",5", "e5", ".123456789012345678"]))
    space = draw(st.sampled_from(["", " ", "  ", "\u00a0"]))
    stray = draw(st.sampled_from(["", "", "", " ", "\n", ",1", "x", "\ud800"]))
    text = before + digits + part + space + draw(st.sampled_from(UNITS)) + stray
    return text.translate(swapped)


@given(
    texts=st.lists(amounts(), min_size=1, max_size=20),
    decimal=st.sampled_from([",", "."]),
    unit=st.sampled_from(UNITS),
)
def test_a_column_is_read_as_each_of_its_texts(texts, decimal, unit):
    notation = Notation(decimal, unit)
    values, _ = parsed_numbers(np.array(texts, dtype=object), notation)
    alone = [notation.read(text) for text in texts]
    np.testing.assert_array_equal(values, np.array(alone, dtype=np.float64))
    assert np.signbit(values).tolist() == np.signbit(np.array(alone, dtype=np.float64)).tolist()


@pytest.mark.parametrize(
    ("notation", "texts"),
    [
        (Notation("."), ["$1,234.50", "-$3", "7"]),
        (Notation(","), ["€ 1.234,50", "-0,5"]),
        (Notation(".", "km/h"), ["120 km/h", "3.5km/h", "80"]),
    ],
)
def test_usual_amounts_are_not_read_one_by_one(notation, texts, monkeypatch):
    expected = [notation.read(text) for text in texts]
    monkeypatch.setattr(Notation, "read", None)  # whoever calls it fails
    assert parsed_numbers(np.array(texts, object), notation)[0].tolist() == expected


def test_lengths_of_time_are_read_as_pandas_writes_them():
    lengths = pd.to_timedelta(["3 days 07:24:07", "-1 days +23:00:00", "0 days 00:00:01.5"])
    texts = lengths.astype(str).tolist()
    seconds = lengths.total_seconds().tolist()
    assert [find_notation(texts).read(text) for text in texts] == seconds
    assert [read_strange(text) for text in texts] == seconds
