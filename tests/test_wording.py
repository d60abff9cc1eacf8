import numpy as np
import pandas as pd
import pytest

from autopipe.intake.coding import Coding

RNG = np.random.default_rng(0)
ROWS = 120
WORDS = ["blue", "house", "old", "garden", "river", "near", "stone", "light"]


def some(*texts):
    return [texts[place % len(texts)] for place in range(ROWS)]


def sentences(count, words=4):
    drawn = [" ".join(RNG.choice(WORDS, words)) for _ in range(count)]
    return [f"{text} {place}" for place, text in enumerate(drawn)]


def coding_of(cells):
    frame = pd.DataFrame({"it": cells, "varies": np.linspace(0, 1, len(cells))})
    return Coding.learn(frame).columns["it"], frame


@pytest.mark.parametrize(
    ("cells", "role", "parts"),
    [
        (some("Yes", "no", None), "boolean", "boolean"),
        (some("t", "F"), "boolean", "boolean"),
        (some("yes", "no", "maybe"), "categorical", "categorical"),
        (some("3,5", "4,25", ""), "numeric", "numeric"),
        (some("$1,200", "$950", "n/a"), "numeric", "numeric"),
        (some("74 bhp", "103.5 bhp"), "numeric", "numeric"),
        (some("1", "2", "3"), "categorical", "categorical"),
        (some("2", "3", "5more"), "categorical", "categorical"),
        ([f"{i % 60}" for i in range(ROWS)], "numeric", "numeric"),
        ([f"{i % 60:04}" for i in range(ROWS)], "categorical", "categorical+text"),
        ([f"{i % 60 or '60+'}" for i in range(ROWS)], "numeric", "numeric"),
        (["unknown", *(f"{i}.5" for i in range(1, ROWS))], "numeric", "numeric"),
        (some("2024-01-05", "2024-02-05"), "datetime", "datetime"),
        (some("13.01.2024", "5.02.2024", "?"), "datetime", "datetime"),
        (sentences(ROWS), "text", "text"),
        ((2 * sentences(80))[:ROWS], "text", "categorical+text"),
        ([f"{WORDS[i % 5]} {i % 50}" for i in range(ROWS)], "categorical", "categorical+text"),
        ([f"{i:04}-XY{i * 7 % 10}Z" for i in range(ROWS)], "id", ""),
        ([f"customer_{i}" for i in range(ROWS)], "id", ""),
        ([f"C{'CO' * (i % 9)}{i}(=N)" for i in range(ROWS)], "text", "text"),
        ([f"{i / 7:.5f},{i / 3:.5f}" for i in range(ROWS)], "text", "text"),
    ],
)
@pytest.mark.filterwarnings("ignore:X has column 'it'")
def test_texts_get_the_role_that_most_of_them_suggest(cells, role, parts):
    coding, _ = coding_of(cells)
    assert coding.role == role
    assert "+".join(coding.parts) == parts


@pytest.mark.filterwarnings("ignore:X has column 'it'")
@pytest.mark.parametrize(
    ("cells", "role"),
    [
        (np.arange(ROWS), "id"),
        (RNG.permutation(ROWS) + 1, "id"),
        (np.arange(ROWS).astype(float), "id"),
        (np.arange(ROWS).astype(object), "id"),
        (np.arange(ROWS) / 2, "numeric"),
        (np.arange(ROWS) + 1900, "numeric"),
        (np.arange(ROWS) * 3, "numeric"),
        (np.arange(ROWS) // 2, "numeric"),
    ],
)
def test_whole_numbers_that_number_the_rows_are_identifiers(cells, role):
    assert coding_of(cells)[0].role == role


def test_an_identifier_is_dropped_with_a_warning_that_says_how_to_keep_it():
    frame = pd.DataFrame({"row": np.arange(ROWS), "x": np.linspace(0, 1, ROWS)})
    with pytest.warns(
        UserWarning, match=r"'row' with .* only number the rows; dropped.*roles="
    ):
        coding = Coding.learn(frame)
    assert [column.name for column in coding.schema.columns] == ["c1"]
    assert len(coding.encode(frame[["x"]])) == ROWS
    kept = Coding.learn(frame, {"row": "numeric"})
    assert [column.name for column in kept.schema.columns] == ["c0", "c1"]


def test_an_identifier_alone_is_kept():
    assert Coding.learn(np.arange(ROWS).reshape(-1, 1)).roles == {0: "numeric"}


def test_texts_stand_beside_the_categories_they_spell():
    cells = [None, *(f"{WORDS[i % 5]} {i % 50}" for i in range(1, ROWS))]
    coding, frame = coding_of(cells)
    table = Coding.learn(frame).encode(frame)
    placed = {column.name: column.block for column in table.schema.columns}
    assert placed == {"c0": "codes", "c0t": "texts", "c1": "numbers"}
    assert table.texts[0].strings() == ["", *cells[1:]]
    assert coding.has_missing


@pytest.mark.parametrize("role", ["numeric", "categorical", "boolean", "datetime", "text"])
def test_a_role_that_is_given_is_taken_alone(role):
    cells = {"boolean": some("1", "0"), "datetime": some("1/2/24", "3/4/24")}
    frame = pd.DataFrame({"it": cells.get(role, some("1", "2", "3")), "x": range(ROWS)})
    coding = Coding.learn(frame, {"it": role, "x": "numeric"})
    assert coding.columns["it"].parts == (role,)
    assert len(coding.encode(frame)) == ROWS


@pytest.mark.parametrize("role", ["id", "constant"])
def test_a_column_is_dropped_if_told_so(role):
    frame = pd.DataFrame({"it": ["a", "b"], "x": [1.0, 2.0]})
    assert [c.name for c in Coding.learn(frame, {"it": role}).schema.columns] == ["c1"]


@pytest.mark.parametrize(
    "cells",
    [
        (2 * sentences(80))[:ROWS],
        [f"{WORDS[i % 5]} {i % 50}" for i in range(ROWS)],
        sentences(ROWS),
        some("red", "blue"),
        some("2024-01-05", "2024-02-05"),
        some("yes", "no"),
        list(np.linspace(0, 1, ROWS)),
    ],
)
def test_what_is_learned_again_keeps_its_places_roles_and_parts(cells):
    former = Coding.learn(frame := coding_of(cells)[1])
    for later in (frame.assign(it=cells[0]), frame.assign(it=None), frame[["varies", "it"]]):
        schema = Coding.learn(later, former=former).schema
        assert [(one.name, one.role) for one in schema.columns] == [
            (one.name, one.role) for one in former.schema.columns
        ]
    assert Coding.learn(frame, former=former) == former


def test_a_learned_notation_reads_what_comes():
    coding, _ = coding_of(some("1.250,5", "3,5", "2"))
    later = pd.Series(["1.000", "7,25", 3.5, None], dtype=object)
    np.testing.assert_array_equal(coding.read(later), [1000.0, 7.25, 3.5, np.nan])


def test_most_dates_decide_the_order_of_day_and_month():
    coding, _ = coding_of([f"{1 + i % 28:02}/0{1 + i % 9}/2024" for i in range(ROWS)])
    assert coding.date_format == "%d/%m/%Y"
