"""Several tables from fit to a file: every method that takes rows takes their tables."""

import numpy as np
import pandas as pd
import pytest
from awkward import CLASSIFIER, REGRESSOR
from related import HELD, ORDERED, shop

from autopipe import AutoClassifier, AutoRegressor, Relations, cli, load
from autopipe.errors import InputError, OptionError
from autopipe.planning import widened

# Keys only name the rows, and customers without orders are alike.
pytestmark = pytest.mark.filterwarnings(
    "ignore:X has column 'id'", "ignore:.*rows repeat another one"
)
FRAME, TABLES = shop(120)
NEW, NEW_TABLES = shop(40, seed=1)
CUTOFF = {"customers": "asked", "orders": "at"}
MEANT = {"relationships": [ORDERED, HELD], "cutoff": CUTOFF}
X = NEW.drop(columns="stays")


@pytest.fixture(scope="module")
def model():
    """A classifier of customers by their orders."""
    return AutoClassifier(**CLASSIFIER).fit(FRAME, "stays", tables=TABLES, **MEANT)


def test_other_tables_tell_what_the_frame_cannot(model):
    assert model.score_ > 0.9
    assert set(model.predict(X, tables=NEW_TABLES)) == {"yes", "no"}
    assert model.score(X, NEW["stays"], tables=NEW_TABLES) > 0.8


def test_the_columns_that_are_made_are_no_features_of_the_user(model):
    assert list(model.feature_names_in_) == ["id", "asked"]
    assert model.n_features_in_ == 2
    assert model.roles_["sum(orders.amount)"] == "numeric"


def test_the_columns_that_are_made_are_told_with_their_formulas(model):
    assert {"sum(orders.amount)", "count(items)"} <= set(model.features_["formula"])


def test_every_method_that_takes_rows_takes_their_tables(model):
    assert model.predict_proba(X, tables=NEW_TABLES).shape == (40, 2)
    assert model.predict_set(X, tables=NEW_TABLES).shape == (40, 2)
    importance = model.feature_importance(NEW, "stays", repeats=1, tables=NEW_TABLES)
    assert "(" in importance["column"][0]
    assert "roc_auc_new" in model.leaderboard(NEW, "stays", tables=NEW_TABLES)


def test_tables_are_needed_where_the_model_had_some(model):
    with pytest.raises(InputError, match=r'tables={"orders": \.\.\., "items"'):
        model.predict(X)


def test_one_row_is_predicted_as_among_others(model):
    whole = model.predict_proba(X, tables=NEW_TABLES)
    alone = [model.predict_proba(X.iloc[[i]], tables=NEW_TABLES)[0] for i in range(3)]
    np.testing.assert_allclose(alone, whole[:3])


def test_one_row_of_unreadable_cells_alone_is_predicted_as_among_others():
    customers = pd.DataFrame({"id": range(60), "age": np.arange(60) % 7 + 0.5})
    orders = pd.DataFrame({"customer": np.arange(360) % 60})
    orders["amount"] = [f"{0.5 * n}" for n in range(360)]
    orders.loc[orders["customer"] == 3, "amount"] = "unknown"  # of all its six
    meant = {"relationships": [("customers", "id", "orders", "customer")]}
    model = AutoRegressor(**REGRESSOR)
    model.fit(customers, customers["age"], tables={"orders": orders}, **meant)
    whole = model.predict(customers, tables={"orders": orders})
    alone = model.predict(customers.iloc[[3]], tables={"orders": orders})
    np.testing.assert_allclose(alone, whole[[3]])
    with pytest.raises(InputError, match="'unknown', which is not a number"):
        model.predict(customers, tables={"orders": orders.assign(amount="unknown")})


def test_a_model_that_is_saved_and_loaded_predicts_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    pd.testing.assert_frame_equal(
        pd.DataFrame(loaded.predict_proba(X, tables=NEW_TABLES)),
        pd.DataFrame(model.predict_proba(X, tables=NEW_TABLES)),
    )


def test_a_model_is_refitted_to_other_rows_and_their_tables(model, tmp_path):
    model.save(tmp_path / "model")
    other = load(tmp_path / "model").refit(NEW, "stays", tables=NEW_TABLES)
    assert other.score_ > 0.7


def test_numbers_are_predicted_too():
    frame = FRAME.drop(columns="stays")
    orders = TABLES["orders"].drop(columns="status")
    y = orders.groupby("customer")["amount"].mean().reindex(frame["id"]).fillna(0).to_numpy()
    y += np.random.default_rng(0).normal(size=len(y))
    model = AutoRegressor(**REGRESSOR)
    model.fit(frame, y, tables={"orders": orders}, relationships=[ORDERED])
    told = model.predict_interval(frame, tables={"orders": orders})
    assert (told[:, 0] <= told[:, 1]).all()


def test_the_bill_is_that_of_what_is_then_made(model):
    bill = AutoClassifier(**CLASSIFIER).plan(FRAME, "stays", tables=TABLES, **MEANT)
    made = model._model.joined(FRAME.drop(columns="stays"), TABLES).iloc[:, 2:]
    size = made.memory_usage(index=False).sum()
    assert bill.count == made.shape[1] == (bill.features["left_out"] == "").sum()
    assert size / 2 < bill.bytes < 2 * size
    assert bill.seconds > 0
    assert str(bill).startswith(f"{bill.count} columns for 120 rows")


def test_caps_leave_out_the_least_promising_and_say_so():
    relations = Relations([ORDERED, HELD], max_features=4)
    arguments = {**CLASSIFIER, "time_budget": 60.0}
    bill = AutoClassifier(**arguments).plan(
        FRAME, "stays", tables=TABLES, relationships=relations, cutoff=CUTOFF
    )
    left_out = bill.features["left_out"]
    assert bill.count == 4
    assert (left_out[:4] == "").all()
    assert (left_out[4:] == "max_features").all()


def test_a_budget_is_a_cap_too():
    arguments = {**CLASSIFIER, "time_budget": 1e-6}
    bill = AutoClassifier(**arguments).plan(FRAME, "stays", tables=TABLES, **MEANT)
    assert bill.count == 0
    assert (bill.features["left_out"] == "time").all()
    with pytest.warns(UserWarning, match="Nothing is made of the other tables"):
        same, _, _ = widened(
            FRAME, TABLES, *MEANT.values(), AutoClassifier(**arguments).get_params()
        )
    assert list(same) == list(FRAME)


def test_a_resumed_run_makes_the_columns_that_it_began_with(tmp_path, monkeypatch):
    resumable = AutoClassifier(**CLASSIFIER, path=tmp_path / "run")
    roles = dict(resumable.fit(FRAME, "stays", tables=TABLES, **MEANT).roles_)
    monkeypatch.setattr("autopipe.planning._MEMORY_SHARE", 1e-9)  # much less than there was
    resumed = resumable.set_params(max_trials=CLASSIFIER["max_trials"] + 1).fit(
        FRAME, "stays", tables=TABLES, **MEANT
    )
    assert resumed.roles_ == roles
    assert len(resumed.history_) > CLASSIFIER["max_trials"]


def test_rows_that_share_their_children_are_told_of():
    twice = pd.concat([FRAME, FRAME.iloc[:3]], ignore_index=True)
    with pytest.warns(UserWarning, match=r"6 rows share their 'id'.*groups=X\['id'\]"):
        widened(twice, TABLES, *MEANT.values(), AutoClassifier(**CLASSIFIER).get_params())


@pytest.mark.parametrize("name", ["tables", "relationships", "cutoff"])
def test_what_is_meant_for_several_tables_is_given_together(name):
    with pytest.raises(OptionError, match=f"{name} is given without"):
        AutoClassifier(**CLASSIFIER).fit(FRAME, "stays", **{name: {}})


def test_the_command_line_takes_the_tables_as_files(tmp_path, capsys, monkeypatch):
    FRAME.to_csv(tmp_path / "customers.csv", index=False)
    TABLES["orders"].to_csv(tmp_path / "orders.csv", index=False)
    tables = ["--tables", f"orders={tmp_path / 'orders.csv'}"]
    meant = ["--relationships", "customers.id=orders.customer", "--cutoff", "asked"]
    quick = [
        "--max-trials",
        "1",
        "--budget",
        "4s",
        "--seed",
        "0",
        "--out",
        str(tmp_path / "run"),
    ]
    data = str(tmp_path / "customers.csv")
    assert cli.main(["fit", data, "--target", "stays", *tables, *meant, *quick]) == 0
    capsys.readouterr()
    assert cli.main(["predict", str(tmp_path / "run"), data, *tables]) == 0
    head, *told = capsys.readouterr().out.split()
    assert head == "prediction"
    assert len(told) == len(FRAME) and set(told) <= {"yes", "no"}
    monkeypatch.setattr("autopipe.planning._MEMORY_SHARE", 1e-9)  # much less than there was
    assert cli.main(["resume", str(tmp_path / "run"), "--max-trials", "2"]) == 0


@pytest.mark.parametrize(
    "words",
    [["--tables", "orders"], ["--relationships", "id=customer"], ["--cutoff", "a=b", "asked"]],
    ids=lambda words: words[0],
)
def test_words_that_name_no_tables_are_refused(tmp_path, capsys, words):
    FRAME.to_csv(tmp_path / "customers.csv", index=False)
    data, out = str(tmp_path / "customers.csv"), str(tmp_path / "run")
    assert cli.main(["fit", data, "--target", "stays", "--out", out, *words]) == 2
    assert words[-1] in capsys.readouterr().err
