"""Small awkward frames, by hand and drawn."""

import datetime
import decimal
import string

import numpy as np
import pandas as pd
from hypothesis import strategies as st


def awkward_frame() -> pd.DataFrame:
    """A dozen rows with a column of every kind that a user may bring."""
    rows = 12
    some = np.arange(rows)
    day = pd.Timestamp("2024-03-01 12:00")
    return pd.DataFrame(
        {
            "float": np.where(some % 5 == 0, np.nan, some / 7),
            "huge": some * 1e300,
            "id": 2_000_000_000 + some,
            "Int64": pd.array([None, *range(1, rows)], dtype="Int64"),
            "bool": some % 2 == 0,
            "boolean": pd.array([None, *(some[1:] % 3 == 0)], dtype="boolean"),
            "text": [None, "b", "a", "ü", "", "a b"] * 2,
            "string": pd.array(["x", None, "y"] * 4, dtype="string"),
            "category": pd.Categorical(["low", "high", None] * 4, ["high", "low", "unused"]),
            "ordered": pd.Categorical(["low", "high"] * 6, ["low", "high"], ordered=True),
            "interval": pd.cut(some, 3),
            "mixed": [1, "1", None, 2.5, True, b"b"] * 2,
            "number text": [f"{value}.5" for value in some[:-1]] + [" "],
            "code text": ["1", "2", "3"] * 4,
            "post code": [f"0{1000 + value}" for value in some],
            "decimal": [decimal.Decimal(int(value)) / 4 for value in some],
            "date": [datetime.date(2024, 1, 1 + int(value)) for value in some],
            "date text": [f"{1 + value}/{13 + value}/2024" for value in some],
            "time": [pd.NaT, *pd.date_range(day, periods=rows - 1, freq="h")],
            "zoned": pd.date_range(day, periods=rows, tz="Asia/Tokyo"),
            "period": pd.period_range("2020-01", periods=rows, freq="M"),
            "duration": pd.to_timedelta(some, unit="min"),
            "constant": 3,
            "one or none": [None, 3.0] * 6,
            ("tuple", 1): some,
            7: some[::-1],
        },
        index=["duplicate"] * rows,
    )


def cells() -> st.SearchStrategy:
    """Strategies of the cells of one column each."""
    texts = st.text(string.ascii_letters + ' ü"{}', max_size=4)
    numbers = st.floats(allow_infinity=False)
    kinds = [
        numbers,
        st.integers(-(2**40), 2**40),
        st.booleans(),
        texts,
        st.sampled_from(["1", "2", "3.5", "", "x"]),
        st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
        st.one_of(texts, numbers, st.integers(-9, 9), st.booleans(), st.binary(max_size=3)),
    ]
    return st.sampled_from(kinds)


@st.composite
def frames(draw, min_rows: int = 2, max_rows: int = 12) -> pd.DataFrame:
    """Frames with a column that varies and others of any kind, missing cells included."""
    rows = draw(st.integers(min_rows, max_rows))
    columns = {"varies": np.arange(rows)}
    for place in range(draw(st.integers(1, 4))):
        cell = st.none() | draw(cells())
        values = draw(st.lists(cell, min_size=rows, max_size=rows))
        as_objects = draw(st.booleans())
        columns[place] = pd.Series(values, dtype=object if as_objects else None)
    return pd.DataFrame(columns)
