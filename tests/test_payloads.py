"""Names, categories and labels that look like code leave as data."""

import ast
import csv

import numpy as np
import pandas as pd
import pytest
from exported import model_of

from autopipe.errors import InputError
from autopipe.export.delivered import read_folder, write_predictions
from autopipe.export.exporting import export_folder, export_script
from autopipe.spreadsheet import without_formulas

TREE = (
    "ridge(standard_scaling(impute(one_hot(table, max_levels=50, min_share=0.001), "
    "categories='own_level', indicator=False, numbers='median')), alpha=1.0)"
)
LOGISTIC = TREE.replace("ridge(", "logistic(").replace("alpha", "C")
PAYLOADS = (
    '"""\nimport os\nos.mkdir("sprung")\n"""',
    "'); __import__('os').mkdir('sprung')  #",
    "x\\",
    "{7 * 7} {{x}} {}",
    "%(name)s %d",
    "=1+1",
    "@SUM(A1)",
    "+a",
    "-2+3",
    "\t=cmd|' /C calc'!A0",
    "line\nend",
    "carriage\r\nreturn",
    "\u202eright to left",
    "\ufeff😀 naïve 茶",
    "a,b;c|d",
    "<script>alert(1)</script>",
    "$(touch sprung) `touch sprung`",
    "../../sprung",
    "TREES",
    "None",
    "",
)
ROWS = 6 * len(PAYLOADS)
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({name: RNG.normal(size=ROWS) for name in PAYLOADS[:-1]})
FRAME["said"] = RNG.choice(PAYLOADS, ROWS)
LABELS = np.array(PAYLOADS * 6, dtype=object)


@pytest.fixture(scope="module")
def model():
    """A classifier of payloads by columns that are called so."""
    model = model_of(FRAME, LABELS, [LOGISTIC])
    model.facts["roles"] = [[name, "numeric"] for name in PAYLOADS[:-1]]
    model.facts["score_name"] = PAYLOADS[0] + PAYLOADS[2]
    return model


def test_a_folder_says_labels_as_data(model, tmp_path):
    export_folder(model, tmp_path / "predictor", FRAME)
    out = tmp_path / "out.csv"
    write_predictions(read_folder(tmp_path / "predictor").told(FRAME), str(out))
    with out.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    classes = pd.DataFrame(columns=model.target_coding.classes.tolist())
    assert header == ["prediction", *without_formulas(classes).columns]
    assert {row[0] for row in rows} <= set(header[1:])
    assert len(rows) == ROWS
    assert not list(tmp_path.rglob("sprung"))


def test_a_script_holds_names_as_data(model, tmp_path):
    export_script(model, tmp_path / "pipeline.py", FRAME, LABELS)
    script = ast.parse((tmp_path / "pipeline.py").read_text())
    (build,) = [part for part in script.body if getattr(part, "name", "") == "build"]
    (roles,) = [
        word.value
        for node in ast.walk(build)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "roles"
    ]
    assert ast.literal_eval(roles) == dict(model.facts["roles"])
    kinds = {type(part).__name__ for part in script.body}
    assert kinds == {
        *("AnnAssign", "Assign", "AugAssign", "ClassDef", "Expr", "FunctionDef", "If"),
        *("Import", "ImportFrom"),
    }
    assert not list(tmp_path.rglob("sprung"))


def test_cells_and_names_that_a_spreadsheet_would_run_are_quoted():
    board = pd.DataFrame(
        {"=tree": ["=1+1", "+a", "-a", "@a", "a=1", "-1.5", "+"], "score": [-1.0] * 7}
    )
    quoted = without_formulas(board)
    assert quoted.columns.tolist() == ["'=tree", "score"]
    assert quoted["'=tree"].tolist() == ["'=1+1", "'+a", "'-a", "'@a", "a=1", "-1.5", "+"]
    assert quoted["score"].tolist() == [-1.0] * 7


def test_labels_that_parquet_cannot_hold_are_told(tmp_path):
    frame = pd.DataFrame({"prediction": np.array([2, "b"], dtype=object)})
    with pytest.raises(InputError, match=r"Give a \.csv file"):
        write_predictions(frame, tmp_path / "p.parquet")
    write_predictions(frame, tmp_path / "p.csv")
