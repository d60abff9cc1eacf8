"""Tables, relationships and cutoffs that cannot be meant are refused before any work."""

import builtins
import sys

import numpy as np
import pandas as pd
import pytest
from related import HELD, ORDERED, day, learned, shop

from autopipe import Relations
from autopipe.errors import InputError, OptionError
from autopipe.intake.frames import as_frame
from autopipe.planning import known_keys
from autopipe.relations.checks import check_given
from autopipe.relations.joining import Joining, frames_of, joined

FRAME, TABLES = shop(12)
ORDERS, ITEMS = TABLES["orders"], TABLES["items"]
CUTOFF = {"customers": "asked", "orders": "at"}


def refused(match, frame=FRAME, tables=None, links=(ORDERED,), cutoff=None, error=InputError):
    with pytest.raises(error, match=match):
        learned(frame, {"orders": ORDERS} if tables is None else tables, links, cutoff)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"tables": {}}, "tables is given without relationships"),
        ({"relationships": []}, "relationships is given without tables"),
        ({"cutoff": "at"}, "cutoff is given without tables and relationships"),
    ],
)
def test_what_needs_each_other_is_given_together(given, match):
    with pytest.raises(OptionError, match=match):
        check_given(**{"tables": None, "relationships": None, "cutoff": None, **given})


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"depth": 0}, "depth=0"),
        ({"max_features": -1}, "max_features=-1"),
        ({"where": -1}, "where=-1.*from 0 up"),
        ({"where": {"orders.status": "late"}}, "'late'.*lists of values by column"),
        ({"primitives": ["maen"]}, "Did you mean 'mean'"),
        ({"primitives": ["percentile"]}, "children of one row alone"),
    ],
)
def test_relations_take_what_means_something(arguments, match):
    with pytest.raises(OptionError, match=match):
        Relations([ORDERED], **arguments)


@pytest.mark.parametrize(
    ("links", "match"),
    [
        ([], "is empty"),
        (["customers.id"], "parent table, key, child table"),
        ([("customers", "id", "orders", 3)], "parent table, key, child table"),
    ],
)
def test_relationships_are_four_names_each(links, match):
    refused(match, links=links, error=OptionError)


@pytest.mark.parametrize(
    ("links", "match"),
    [
        ([("customers", "id", "order", "customer")], "there is 'customers', 'order'.*orders"),
        ([("orders", "order", "items", "order")], "there is none"),
        ([ORDERED], "tables has 'items', which no relationship names"),
        ([("orders", "customer", "customers", "id"), HELD], "frame.merge"),
        ([ORDERED, HELD, ("customers", "id", "items", "order")], "'items' has 2 parents"),
    ],
)
def test_tables_hang_in_a_tree_below_the_frame(links, match):
    refused(match, tables=TABLES, links=links)


def test_relationships_that_run_in_a_circle_are_refused():
    tables = {**TABLES, "more": ITEMS}
    links = [ORDERED, ("items", "order", "more", "order"), ("more", "order", "items", "order")]
    refused("in a circle", tables=tables, links=links)


@pytest.mark.parametrize(
    ("links", "match"),
    [
        ([("customers", "ids", "orders", "customer")], "lacks the column 'ids'.*'id'"),
        ([("customers", "id", "orders", "costumer")], "'orders' lacks the column 'costumer'"),
    ],
)
def test_a_column_that_is_not_there_is_named(links, match):
    refused(match, links=links)


def test_a_table_without_rows_is_refused():
    refused("'orders' has no rows", tables={"orders": ORDERS.iloc[:0]})


def test_keys_that_stand_twice_are_named():
    twice = pd.concat([ORDERS, ORDERS.iloc[:1]])
    tables = {"orders": twice, "items": ITEMS}
    refused("orders.order names 1 rows more than once", tables=tables, links=[ORDERED, HELD])


def test_keys_of_another_type_are_told_of():
    refused("holds numbers and orders.customer texts", frame=FRAME.assign(id=range(len(FRAME))))
    refused("No value of orders.customer", frame=FRAME.assign(id=FRAME["id"] + "x"))


def test_rows_that_belong_to_nothing_are_counted():
    with pytest.warns(UserWarning, match=r"\d+ rows of orders belong to no row of customers"):
        learned(FRAME.iloc[:6], {"orders": ORDERS}, [ORDERED])
    lost = ORDERS.assign(customer=ORDERS["customer"].where(ORDERS.index > 2))
    with pytest.warns(UserWarning, match="3 rows of orders have no customer"):
        learned(FRAME, {"orders": lost}, [ORDERED])
    nobody = FRAME.assign(id=FRAME["id"].where(FRAME.index > 0))
    with pytest.warns(UserWarning, match="1 rows of customers have no id"):
        learned(nobody, {"orders": ORDERS}, [ORDERED])


@pytest.mark.parametrize(
    ("cutoff", "match"),
    [
        (7, "name the column of the frame"),
        ({"orders": "at"}, "name the column of the frame"),
        ({**CUTOFF, "ordres": "at"}, "Did you mean 'orders'"),
    ],
)
def test_a_cutoff_is_a_column_of_the_frame(cutoff, match):
    refused(match, cutoff=cutoff, error=OptionError)


@pytest.mark.parametrize(
    ("cutoff", "match"),
    [
        ("askd", "lacks the column 'askd'.*'asked'"),
        ("id", "no time in 'id', but 'k0'"),
        ({**CUTOFF, "orders": "amount"}, "holds times, and orders.amount numbers"),
    ],
)
def test_a_cutoff_and_what_it_cuts_are_times_alike(cutoff, match):
    refused(match, cutoff=cutoff)


def test_times_with_and_without_a_zone_cannot_be_compared():
    zoned = ORDERS.assign(at=ORDERS["at"].dt.tz_localize("UTC"))
    refused("with a time zone", tables={"orders": zoned}, cutoff="asked")


@pytest.mark.parametrize("written", ["+00", "+0000", "+00:00", "Z", " +00"])
def test_times_in_texts_name_their_zone_as_databases_write_it(written):
    zoned = FRAME.assign(asked=FRAME["asked"].dt.tz_localize("UTC"))
    table = ORDERS.assign(at=ORDERS["at"].dt.strftime("%Y-%m-%d %H:%M:%S") + written)
    joining = learned(zoned, {"orders": table}, [ORDERED], "asked")
    wanted = learned(FRAME, {"orders": ORDERS}, [ORDERED], "asked")
    pd.testing.assert_series_equal(
        joining.joined(zoned, {"orders": table})["count(orders)"],
        wanted.joined(FRAME, {"orders": ORDERS})["count(orders)"],
    )


def test_columns_without_times_may_have_any_zone():
    frame = FRAME.assign(asked=FRAME["asked"].dt.tz_localize("UTC"))
    table = ORDERS.assign(at=ORDERS["at"].dt.tz_localize("UTC"))
    joining = learned(frame, {"orders": table}, [ORDERED], "asked")
    nothing = pd.DataFrame(columns=list(table))
    assert (joining.joined(frame, {"orders": nothing})["count(orders)"] == 0).all()
    for missing in (None, pd.NaT):
        unasked = joining.joined(frame.iloc[1:2].assign(asked=missing), {"orders": table})
        assert unasked["count(orders)"].tolist() == [0]


def test_of_several_dates_one_has_to_be_named():
    tables = {"orders": ORDERS.assign(paid=ORDERS["at"])}
    refused(r"2 columns of times, 'at', 'paid'.*'orders': 'at'", tables=tables, cutoff="asked")
    assert learned(FRAME, tables, [ORDERED], CUTOFF).children[0].time == "at"


def test_a_table_without_dates_counts_whole_and_this_is_told():
    with pytest.warns(UserWarning, match="'orders' has no column of times, so all of its rows"):
        joining = learned(FRAME, {"orders": ORDERS.drop(columns="at")}, [ORDERED], "asked")
    assert joining.children[0].time is None


@pytest.mark.parametrize(
    ("tables", "match"),
    [
        (None, "fitted with other tables beside X"),
        ([ORDERS], "wanted a dict of tables"),
        ({}, "the table 'orders', which is missing"),
        (
            {"orders": ORDERS, "orders2": ORDERS},
            "'orders2', which the model was not fitted with",
        ),
        ({"orders": ORDERS.drop(columns="amount")}, "'orders' lacks the column 'amount'"),
        ({"orders": pd.concat([ORDERS, ORDERS], axis=1)}, "several columns called"),
    ],
)
def test_tables_to_predict_with_are_those_of_fit(tables, match):
    joining = learned(FRAME, {"orders": ORDERS}, [ORDERED])
    with pytest.raises(InputError, match=match):
        joined(joining, FRAME, tables)


def test_tables_for_a_model_without_any_are_refused():
    with pytest.raises(InputError, match="fitted to one table alone"):
        joined(None, FRAME, {"orders": ORDERS})


def test_a_frame_without_the_key_or_the_cutoff_is_refused():
    joining = learned(FRAME, {"orders": ORDERS}, [ORDERED], "asked")
    with pytest.raises(InputError, match="X lacks the columns 'asked', 'id'"):
        joining.joined(FRAME[["stays"]], {"orders": ORDERS})


def test_rows_of_no_time_or_no_cutoff_are_not_seen():
    table = pd.DataFrame({"customer": ["k1"] * 3, "at": [day(1), day(2), pd.NaT]})
    frame = pd.DataFrame({"id": ["k1", "k1"], "asked": [day(2), pd.NaT]})
    joining = learned(frame, {"orders": table}, [ORDERED], "asked")
    assert joining.joined(frame, {"orders": table})["count(orders)"].tolist() == [2, 0]


def test_tables_come_as_files_too(tmp_path):
    ORDERS.to_csv(tmp_path / "orders.csv", index=False)
    from_file = learned(FRAME, {"orders": tmp_path / "orders.csv"}, [ORDERED], "asked")
    assert from_file.formulas == learned(FRAME, {"orders": ORDERS}, [ORDERED], "asked").formulas


def test_keys_that_were_texts_are_texts_in_files_too(tmp_path):
    frame = FRAME.assign(id=[f"{place:04d}" for place in range(len(FRAME))])
    renamed = dict(zip(FRAME["id"], frame["id"], strict=True))
    for kind in (str, "category"):
        orders = ORDERS.assign(customer=ORDERS["customer"].map(renamed).astype(kind))
        joining = learned(frame, {"orders": orders}, [ORDERED], "asked")
        orders.to_csv(tmp_path / "orders.csv", index=False)
        joining = Joining.restore(joining.state())
        tables = frames_of({"orders": tmp_path / "orders.csv"}, joining.known)
        wanted = joining.joined(frame, {"orders": orders})
        pd.testing.assert_frame_equal(joining.joined(frame, tables), wanted)
        assert joining.known_keys == {"id": True}
    numbered = ORDERS.assign(order=ORDERS["order"].astype("category"))
    joining = learned(FRAME, {"orders": numbered, "items": ITEMS}, [ORDERED, HELD], "asked")
    assert joining.known["items"]["order"] is joining.known["orders"]["order"] is False


def test_keys_of_files_are_numbers_however_each_file_pads_them(tmp_path):
    frame = FRAME.assign(id=[f"{place:04d}" for place in range(len(FRAME))])
    orders = ORDERS.assign(customer=np.arange(len(ORDERS)) % len(FRAME))  # 7, where id is 0007
    for name, table in (("customers", frame), ("orders", orders)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    tables = {"orders": tmp_path / "orders.csv"}
    own, keys = known_keys(tables, [ORDERED])
    read = as_frame(tmp_path / "customers.csv", own)
    assert learned(read, frames_of(tables, keys), [ORDERED]).formulas


def test_tables_come_from_polars_and_arrow_too():
    import polars
    import pyarrow

    wanted = learned(FRAME, {"orders": ORDERS}, [ORDERED]).joined(FRAME, {"orders": ORDERS})
    for convert in (polars.from_pandas, pyarrow.Table.from_pandas):
        tables = {"orders": convert(ORDERS)}
        found = learned(FRAME, tables, [ORDERED]).joined(FRAME, frames_of(tables))
        pd.testing.assert_frame_equal(found, wanted)


def test_without_featuretools_the_remedy_is_told(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "featuretools":
            raise ModuleNotFoundError("No module named 'featuretools'")
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "featuretools", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    refused('pip install "featuretools>=1.31"', error=OptionError)


def test_values_are_of_a_column_of_categories():
    relations = Relations([ORDERED], where={"orders.statsu": ["late"]})
    refused(r"Did you mean 'orders.status'", links=relations, error=OptionError)


def test_tables_of_which_nothing_can_be_made_are_refused():
    relations = Relations([ORDERED], primitives=["mean"])
    with pytest.raises(InputError, match=r"Nothing can be made of 'orders' with.*mean"):
        learned(FRAME, {"orders": ORDERS[["customer", "status"]]}, relations)


def test_with_pandas_3_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(pd, "__version__", "3.1.1")
    refused("featuretools needs pandas before 3, and here is 3.1.1", error=OptionError)
