"""Models of several tables leave like others, and their scripts take the tables."""

import numpy as np
import pandas as pd
import pytest
from awkward import CLASSIFIER
from exported import run
from related import HELD, ORDERED, shop

from autopipe import AutoClassifier

pytestmark = pytest.mark.filterwarnings("ignore")
FRAME, TABLES = shop(60)
X = FRAME.drop(columns="stays")


@pytest.fixture(scope="module")
def model():
    """A classifier of customers by their orders."""
    return AutoClassifier(**CLASSIFIER).fit(
        FRAME,
        "stays",
        tables=TABLES,
        relationships=[ORDERED, HELD],
        cutoff={"customers": "asked", "orders": "at"},
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The tables as files, in the words that name them on a command line."""
    folder = tmp_path_factory.mktemp("tables")
    FRAME.to_csv(folder / "train.csv", index=False)
    X.to_csv(folder / "new.csv", index=False)
    words = []
    for name, table in TABLES.items():
        table.to_csv(folder / f"{name}.csv", index=False)
        words.append(f"{name}={folder / name}.csv")
    return folder, words


def shares(path):
    """The probabilities that a command has written."""
    return pd.read_csv(path)[["no", "yes"]].to_numpy()


@pytest.fixture(scope="module")
def predictor(model, tmp_path_factory):
    """The folder that this classifier leaves as."""
    folder = tmp_path_factory.mktemp("exported") / "predictor"
    model.export(folder, fitted=True)
    return folder


def test_a_folder_is_proven_on_made_up_tables(predictor):
    head = (predictor / "predict.py").read_text().partition("import argparse")[0]
    assert "new.csv --tables orders=orders.csv items=items.csv" in head
    assert "featuretools 1." in head
    assert "Proven before it was written" in head


@pytest.mark.slow
def test_a_folder_takes_the_other_tables(model, predictor, files, tmp_path):
    folder, words = files
    script, out = predictor / "predict.py", tmp_path / "out.csv"
    done = run(script, folder / "new.csv", "--tables", *words, "-o", out)
    assert done.returncode == 0, done.stderr
    wanted = model.predict_proba(X, tables=TABLES)
    np.testing.assert_allclose(shares(out), wanted, atol=1e-6)


@pytest.mark.slow
def test_a_script_fits_to_the_other_tables(model, files, tmp_path):
    folder, words = files
    script = tmp_path / "pipeline.py"
    model.export(script, X=FRAME, y="stays", tables=TABLES)
    named = ["--target", "stays", "--predict", folder / "new.csv", "--tables", *words]
    done = run(script, folder / "train.csv", *named, "-o", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    wanted = model.predict_proba(X, tables=TABLES)
    np.testing.assert_allclose(shares(tmp_path / "out.csv"), wanted, atol=1e-6)
    done = run(script, folder / "train.csv", *named[:4], "--tables", "orders")
    assert "wanted two names with =" in done.stderr


@pytest.mark.slow
def test_a_script_is_proven_on_made_up_tables_too(model, tmp_path):
    model.export(tmp_path / "pipeline.py")
    lines = (tmp_path / "pipeline.py").read_text().splitlines()
    assert any("made-up rows" in line for line in lines)
    for formula in model._model.joining.formulas:  # each on a line of its own
        assert f"        {formula!r}," in lines
