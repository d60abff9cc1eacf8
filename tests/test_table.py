import subprocess
import sys

import numpy as np
import pytest

from autopipe.roles import Role
from autopipe.table import Table

MAKE = """
import numpy as np
from autopipe.roles import Role
from autopipe.table import Table, place_columns

schema = place_columns(
    {"c0": Role.NUMERIC, "c1": Role.CATEGORICAL, "c3": Role.DATETIME,
     "c4": Role.BOOLEAN, "c5": Role.NUMERIC},
    {"c1": 3},
    dict.fromkeys(["c0", "c1", "c3", "c4", "c5"], False),
    frozenset({"c5"}),
)
table = Table(
    schema,
    np.array([[1, 0], [np.nan, 1], [3, 1]], np.float32, order="F"),
    np.array([[1e9, 1], [2e9, 2], [3e9, 3]], np.float64),
    np.array([[0], [2], [-1]], np.int32),
)
"""


@pytest.fixture
def table():
    names = {}
    exec(MAKE, names)
    return names["table"]


def test_columns_fill_their_blocks_in_order(table):
    placed = [(column.name, column.block, column.index) for column in table.schema.columns]
    assert placed == [
        ("c0", "numbers", 0),
        ("c1", "codes", 0),
        ("c3", "precise", 0),
        ("c4", "numbers", 1),
        ("c5", "precise", 1),
    ]


def test_a_saved_table_opens_as_it_was(table, tmp_path):
    table.save(tmp_path)
    opened = Table.open(tmp_path)
    assert opened.schema == table.schema
    assert opened.fingerprint() == table.fingerprint()
    assert not opened.numbers.flags.writeable


def test_rows_are_taken_in_the_order_given(table):
    taken = table.take(np.array([2, 0]))
    category = table.schema.having(Role.CATEGORICAL)[0]
    assert taken.values(category).tolist() == [-1, 0]
    assert len(table.take(slice(1, None))) == 2


def test_the_fingerprint_tells_tables_apart_but_not_layouts(table):
    copied = Table(table.schema, np.array(table.numbers, order="C"), table.precise, table.codes)
    assert copied.fingerprint() == table.fingerprint()
    assert table.take(np.array([1, 0, 2])).fingerprint() != table.fingerprint()


def test_the_fingerprint_is_the_same_in_another_process(table):
    code = MAKE + "print(table.fingerprint())"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == table.fingerprint()
