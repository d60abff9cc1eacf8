"""Columns that are made of child tables: their values, and that they never look ahead."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from related import HELD, ORDERED, day, learned, shop

from autopipe.relations.joining import Joining
from autopipe.relations.schema import Relations

CUTOFF = {"customers": "asked", "orders": "at"}


def customers(*asked):
    return pd.DataFrame({"id": range(1, len(asked) + 1), "asked": [day(d) for d in asked]})


def orders(*rows):
    frame = pd.DataFrame(rows, columns=["customer", "at", "amount", "status"])
    return frame.assign(at=[day(number) for number in frame["at"]])


TWO = customers(10, 10)
ORDERS = orders(
    (1, 4, 3.0, "late"), (1, 10, 5.0, "sent"), (1, 11, 90.0, "late"), (2, 1, 7.0, "sent")
)


def made(joining, frame, tables):
    """The columns that are made, alone."""
    return joining.joined(frame, tables)[list(joining.formulas)].reset_index(drop=True)


def test_the_values_are_those_that_a_hand_works_out():
    joining = learned(TWO, {"orders": ORDERS}, [ORDERED], "asked")
    told = made(joining, TWO, {"orders": ORDERS}).T
    assert told.loc["count(orders)"].tolist() == [2, 1]
    assert told.loc["mean(orders.amount)"].tolist() == [4.0, 7.0]
    assert told.loc["last(orders.amount)"].tolist() == [5.0, 7.0]
    assert told.loc["min(days since orders.at)"].tolist() == [0.0, 9.0]
    assert told.loc['count(orders where status = "late")'].tolist() == [1, 0]
    assert told.loc['mean(orders.amount where status = "sent")'].tolist() == [5.0, 7.0]
    assert told.loc["mode(orders.status)"].tolist() == ["late", "sent"]


def test_without_a_cutoff_all_rows_count_and_dates_are_days():
    joining = learned(TWO, {"orders": ORDERS}, [ORDERED])
    told = made(joining, TWO, {"orders": ORDERS}).T
    assert told.loc["count(orders)"].tolist() == [3, 1]
    assert told.loc["last(orders.amount)"].tolist() == [90.0, 7.0]
    assert told.loc["max(day of orders.at)"].diff().iloc[1] == -10


def test_whoever_has_no_children_has_none_counted_and_the_rest_missing():
    joining = learned(TWO, {"orders": ORDERS}, [ORDERED], "asked")
    told = made(joining, TWO.assign(id=[7, 8]), {"orders": ORDERS}).T
    assert told.loc["count(orders)"].tolist() == [0, 0]
    assert told.loc["mean(orders.amount)"].isna().all()


def test_numbers_tell_the_time_where_the_user_says_so():
    frame = TWO.assign(asked=[10, 3])
    table = ORDERS.assign(at=[4, 10, 11, 1])
    joining = learned(frame, {"orders": table}, [ORDERED], CUTOFF)
    told = made(joining, frame, {"orders": table}).T
    assert told.loc["count(orders)"].tolist() == [2, 1]
    assert told.loc["min(time since orders.at)"].tolist() == [0.0, 2.0]


def test_where_numbers_tell_the_time_dates_are_days():
    frame = TWO.assign(asked=[10, 3])
    table = ORDERS.assign(at=[4, 10, 11, 1], paid=[day(n) for n in (3, 5, 9, 4)])
    joining = learned(frame, {"orders": table}, [ORDERED], CUTOFF)
    told = made(joining, frame, {"orders": table}).T
    first = (pd.Timestamp("2024-01-01") - pd.Timestamp(0)).days
    assert told.loc["max(day of orders.paid)"].tolist() == [first + 5, first + 4]
    assert not any("days since" in formula for formula in joining.formulas)


def test_a_customer_who_is_asked_twice_is_told_of_as_of_each_time():
    frame = pd.DataFrame({"id": [1, 1, 1], "asked": [day(3), day(4), day(30)]})
    table = ORDERS[ORDERS["customer"] == 1]
    joining = learned(frame, {"orders": table}, [ORDERED], "asked")
    assert made(joining, frame, {"orders": table})["count(orders)"].tolist() == [0, 1, 3]


def test_children_of_children_count_as_of_the_same_time():
    table = ORDERS.assign(order=[1, 2, 3, 4])
    items = pd.DataFrame({"order": [1, 1, 2, 3, 4], "price": [1.0, 2.0, 5.0, 80.0, 4.0]})
    joining = learned(TWO, {"orders": table, "items": items}, [ORDERED, HELD], "asked")
    told = made(joining, TWO, {"orders": table, "items": items}).T
    assert told.loc["count(items)"].tolist() == [3, 1]
    assert told.loc["sum(items.price)"].tolist() == [8.0, 4.0]
    assert told.loc["mean(orders.sum(items.price))"].tolist() == [4.0, 4.0]
    assert told.loc["max(orders.count(items))"].tolist() == [2, 1]


def test_the_last_of_several_histories_is_the_last_in_time():
    table = ORDERS.iloc[:2].assign(order=[1, 2])
    items = pd.DataFrame({"order": [1, 2], "sent": [day(9), day(5)], "price": [1.0, 2.0]})
    joining = learned(TWO.iloc[:1], {"orders": table, "items": items}, [ORDERED, HELD], "asked")
    told = made(joining, TWO.iloc[:1], {"orders": table, "items": items})
    assert told["last(items.price)"].tolist() == [1.0]


def test_a_date_beyond_the_cutoff_is_not_told():
    table = ORDERS.assign(paid=[day(12), day(10), day(12), day(1)])
    joining = learned(TWO, {"orders": table}, [ORDERED], CUTOFF)
    told = made(joining, TWO, {"orders": table})
    assert told["max(days since orders.paid)"].tolist() == [0.0, 9.0]


def test_words_numbers_and_dates_in_texts_are_read_as_in_the_frame():
    table = ORDERS.assign(
        at=ORDERS["at"].dt.strftime("%d.%m.%Y"), amount=["3 $", "5 $", "90 $", "7 $"]
    )
    joining = learned(TWO, {"orders": table}, [ORDERED], "asked")
    assert made(joining, TWO, {"orders": table})["mean(orders.amount)"].tolist() == [4.0, 7.0]


def test_categories_that_no_row_holds_do_not_hide_that_others_are_dates():
    written = ORDERS["at"].dt.strftime("%d.%m.%Y")
    at = pd.Categorical(written, categories=[*written.unique(), "unknown"])
    joining = learned(TWO, {"orders": ORDERS.assign(at=at)}, [ORDERED], "asked")
    assert joining.children[0].time == "at"


def test_the_target_and_other_columns_of_the_frame_are_never_seen():
    frame = TWO.assign(target=[0, 1], other=["a", "b"])
    joining = learned(frame, {"orders": ORDERS}, [ORDERED], "asked")
    view = joining.view(frame, {"orders": ORDERS})
    entities = joining.entities(view, np.arange(2), {"orders": ORDERS})
    assert list(entities["customers"].columns) == ["copy"]
    assert not any(name in joining.definitions for name in ("target", "other"))


def test_what_is_made_can_be_chosen():
    relations = Relations(
        [ORDERED],
        primitives=["count", "median"],
        where={"orders.status": ["late"]},
        max_features=3,
    )
    joining = learned(TWO, {"orders": ORDERS}, relations, "asked")
    assert joining.formulas == (
        "count(orders)",
        "median(days since orders.at)",
        "median(orders.amount)",
    )


def test_values_are_chosen_as_they_are_written_in_the_table():
    table = ORDERS.assign(status=pd.Categorical([1, 2, 1, 2]))
    relations = Relations([ORDERED], primitives=["count"], where={"orders.status": [1.0]})
    told = made(learned(TWO, {"orders": table}, relations), TWO, {"orders": table})
    assert told['count(orders where status = "1")'].tolist() == [2, 0]


def test_a_frame_without_rows_has_the_columns_all_the_same():
    joining = learned(TWO, {"orders": ORDERS}, [ORDERED], "asked")
    empty = joining.joined(TWO.iloc[:0], {"orders": ORDERS})
    assert list(empty) == [*TWO, *joining.formulas]


def test_a_name_that_the_frame_has_gets_a_stroke():
    frame = TWO.assign(**{"count(orders)": [1, 2]})
    joining = learned(frame, {"orders": ORDERS}, [ORDERED], "asked")
    assert joining.formulas[0] == "count(orders)'"


@pytest.mark.filterwarnings("ignore:cutoff")
@settings(max_examples=3)
@given(seed=st.integers(0, 10_000))
def test_rows_of_the_future_change_no_feature(seed):
    frame, tables = shop(12, seed)
    future = tables["orders"].sample(20, replace=True, random_state=seed)
    late = future.assign(at=day(40), amount=1e6, status="lost", order=range(-20, 0))
    sold = pd.DataFrame({"order": range(-20, 0), "price": 1e6})
    more = {
        "orders": pd.concat([late, tables["orders"]], ignore_index=True),
        "items": pd.concat([sold, tables["items"]], ignore_index=True),
    }
    before = learned(frame, tables, [ORDERED, HELD], CUTOFF)
    after = learned(frame, more, [ORDERED, HELD], CUTOFF)
    assert before.formulas == after.formulas
    pd.testing.assert_frame_equal(
        made(before, frame, tables), made(after, frame, more), check_categorical=False
    )


@pytest.mark.filterwarnings("ignore:cutoff")
@settings(max_examples=3)
@given(seed=st.integers(0, 10_000))
def test_one_row_alone_gives_the_same_as_many(seed):
    frame, tables = shop(12, seed)
    joining = learned(frame, tables, [ORDERED, HELD], CUTOFF)
    whole = made(joining, frame, tables)
    place = seed % len(frame)
    alone = made(joining, frame.iloc[[place]], tables)
    pd.testing.assert_frame_equal(
        whole.iloc[[place]].reset_index(drop=True),
        alone,
        check_categorical=False,
        check_dtype=False,
    )


@pytest.mark.filterwarnings("ignore:cutoff")
@settings(max_examples=3)
@given(seed=st.integers(0, 10_000))
def test_other_tables_give_what_they_would_have_given_afresh(seed):
    frame, tables = shop(12, seed)
    other_frame, others = shop(12, seed + 1)
    replayed = learned(frame, tables, [ORDERED, HELD], CUTOFF)
    afresh = learned(other_frame, others, [ORDERED, HELD], CUTOFF)
    ours, theirs = made(replayed, other_frame, others), made(afresh, other_frame, others)
    shared = [formula for formula in replayed.formulas if formula in afresh.formulas]
    assert len(shared) > 20
    pd.testing.assert_frame_equal(ours[shared], theirs[shared], check_categorical=False)


@pytest.mark.filterwarnings("ignore:cutoff")
def test_portions_give_what_the_whole_gives(monkeypatch):
    frame, tables = shop(30)
    joining = learned(frame, tables, [ORDERED, HELD], CUTOFF)
    whole = made(joining, frame, tables)
    monkeypatch.setattr("autopipe.relations.histories._MOST_COPIES", 40)
    pd.testing.assert_frame_equal(whole, made(joining, frame, tables), check_categorical=False)


def test_portions_are_as_small_with_many_grandchildren(monkeypatch):
    numbers = np.arange(10)
    frame = pd.DataFrame({"id": numbers, "asked": [day(9)] * 10})
    tables = {
        "orders": pd.DataFrame({"customer": numbers, "order": numbers, "at": [day(1)] * 10}),
        "items": pd.DataFrame({"order": np.repeat(numbers, 10), "price": 1.0}),
    }
    joining = learned(frame, tables, [ORDERED, HELD], "asked")
    view = joining.view(frame, tables)
    monkeypatch.setattr("autopipe.relations.histories._MOST_COPIES", 50)
    portions = list(view.chunks())
    np.testing.assert_array_equal(np.concatenate(portions), numbers)
    for rows in portions:
        assert sum(len(copies.rows) for copies in view.copies(rows).values()) <= 50


def test_rows_of_more_copies_than_a_portion_holds_are_portions_of_their_own(monkeypatch):
    joining = learned(TWO, {"orders": ORDERS}, [ORDERED])
    whole = made(joining, TWO, {"orders": ORDERS})
    monkeypatch.setattr("autopipe.relations.histories._MOST_COPIES", 1)
    pd.testing.assert_frame_equal(
        whole, made(joining, TWO, {"orders": ORDERS}), check_categorical=False
    )


def test_where_no_column_is_made_the_other_tables_are_not_looked_into(monkeypatch):
    joining = replace(learned(TWO, {"orders": ORDERS}, [ORDERED]), formulas=())
    monkeypatch.delattr(Joining, "view")
    pd.testing.assert_frame_equal(joining.joined(TWO, {"orders": ORDERS}), TWO)


@pytest.mark.filterwarnings("ignore:cutoff")
def test_what_is_restored_makes_the_same():
    frame, tables = shop(30)
    joining = learned(frame, tables, [ORDERED, HELD], CUTOFF)
    restored = Joining.restore(joining.state())
    assert restored == joining
    pd.testing.assert_frame_equal(made(joining, frame, tables), made(restored, frame, tables))


def test_featuretools_leaves_the_options_of_pandas_alone():
    with warnings.catch_warnings(), pd.option_context("mode.chained_assignment", "warn"):
        learned(TWO, {"orders": ORDERS}, [ORDERED])
        assert pd.options.mode.chained_assignment == "warn"
