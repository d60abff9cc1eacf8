"""Exported scripts and folders predict what the model does, where there is no autopipe."""

import ast
import json

import numpy as np
import pandas as pd
import pytest
from awkward import SOLD, X, classified
from exported import model_of, run
from frames import awkward_frame
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold

from autopipe import AutoClassifier
from autopipe.errors import ExportError, TreeError
from autopipe.evolution.grammar import Grammar
from autopipe.export import exporting
from autopipe.export.delivered import Delivered
from autopipe.export.exporting import export_folder, export_script
from autopipe.export.proof import Rehearsal, difference
from autopipe.export.reading import trees_in
from autopipe.export.standalone import Classifier
from autopipe.intake.coding import Coding
from autopipe.operators.catalogue import catalogue
from autopipe.probes import probe_rows
from autopipe.task import TaskKind

# Of odd columns both intake and libraries warn.
pytestmark = pytest.mark.filterwarnings("ignore")
SLOW_FAMILIES = {"catboost", "mlp", "tabm", "gaussian_process"}
STACK = "ridge(standard_scaling(codes(table)), alpha=1.0)"
STACK_OF_CLASSES = "logistic(standard_scaling(codes(table)), C=1.0)"
# 1e300 is nothing that every learner takes.
FRAME = pd.concat([awkward_frame()] * 6).reset_index(drop=True).drop(columns="huge")
NOISE = np.random.default_rng(0).normal(size=len(FRAME))
TARGETS = {
    TaskKind.BINARY: np.where(NOISE > 0, "yes", "no"),
    TaskKind.MULTICLASS: np.digitize(NOISE, [-0.5, 0.5]),
    TaskKind.REGRESSION: NOISE,
}


def drawn_trees(frame, kind, count, seed, without=frozenset()):
    """Up to so many trees of the grammar, each with an operator that is in none before."""
    schema = Coding.learn(frame).schema
    operators = [op for op in catalogue().values() if op.family not in without]
    grammar = Grammar(operators, schema, kind, len(frame))
    rng = np.random.default_rng(seed)
    trees, unseen = [], set(grammar.operators)
    while len(trees) < count and unseen:
        tree = grammar.random(rng)
        names = {node.op for _, node in tree.walk()}
        if names & unseen:
            unseen -= names
            trees.append(str(tree))
    return trees


@pytest.fixture(scope="module")
def model():
    """A classifier whose pipelines end in quick learners."""
    return classified(include=["logistic", "extra_trees"], max_trials=2)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """The folder with the script and the folder that this classifier leaves as."""
    folder = tmp_path_factory.mktemp("exported")
    model.export(folder / "pipeline.py", X=X, y=SOLD)
    model.export(folder / "predictor", fitted=True)
    X.assign(sold=SOLD).to_csv(folder / "train.csv", index=False)
    X.to_csv(folder / "new.csv", index=False)
    return folder


def test_drawn_trees_leave_as_a_folder_that_predicts_the_same(tmp_path):
    trees = drawn_trees(FRAME, TaskKind.BINARY, 3, seed=1, without=SLOW_FAMILIES)
    export_folder(model_of(FRAME, TARGETS[TaskKind.BINARY], trees), tmp_path / "predictor")
    assert {path.name for path in (tmp_path / "predictor").iterdir()} == {
        "members",
        "model.json",
        "predict.py",
    }


def test_drawn_and_stacked_trees_leave_as_a_script_that_fits_the_same(tmp_path):
    trees = drawn_trees(FRAME, TaskKind.REGRESSION, 1, seed=2, without=SLOW_FAMILIES)
    model = model_of(FRAME, TARGETS[TaskKind.REGRESSION], trees, stacked=[STACK])
    export_script(model, tmp_path / "pipeline.py")
    assert trees_in((tmp_path / "pipeline.py").read_text()) == [*trees, STACK]


@pytest.mark.slow
@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("seed", range(3))
def test_trees_of_every_operator_leave(kind, seed, tmp_path):
    trees = drawn_trees(FRAME, kind, 30, seed)
    stack = STACK if kind is TaskKind.REGRESSION else STACK_OF_CLASSES
    model = model_of(FRAME, TARGETS[kind], trees, stacked=[stack])
    export_folder(model, tmp_path / "predictor")
    export_script(model, tmp_path / "pipeline.py")


def test_a_folder_predicts_a_file_from_the_command_line(model, exported, tmp_path):
    out = tmp_path / "out.csv"
    told = run(exported / "predictor/predict.py", exported / "new.csv", "-o", out)
    assert told.returncode == 0, told.stderr
    written = pd.read_csv(out)
    assert written.columns.tolist() == ["prediction", "no", "yes"]
    assert (written["prediction"] == model.predict(X)).all()
    np.testing.assert_allclose(written[["no", "yes"]], model.predict_proba(X), rtol=1e-12)


def test_a_script_fits_one_file_and_predicts_another(exported):
    script, new = exported / "pipeline.py", exported / "new.csv"
    told = run(script, exported / "train.csv", "--target", "sold", "--predict", new)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0] == "prediction,no,yes"
    assert len(told.stdout.splitlines()) == len(X) + 1


@pytest.mark.slow
def test_a_script_tells_of_a_target_that_is_not_there(exported):
    script, new = exported / "pipeline.py", exported / "new.csv"
    told = run(script, new, "--target", "sold", "--predict", new)
    assert told.returncode == 2
    assert "columns called 'sold'" in told.stderr


def test_the_head_of_a_script_says_what_was_proven(model, exported):
    text = (exported / "pipeline.py").read_text()
    header = " ".join(ast.get_docstring(ast.parse(text)).split())
    assert f"fitted in 2 folds to {len(X)} rows that the user gave" in header
    assert f"{float(model.score_):.5g}, cross-validated" in header
    assert "scikit-learn" in header


def test_a_model_of_the_prior_leaves_too(tmp_path):
    model = model_of(X, SOLD, ["logistic(standard_scaling(impute(one_hot(table, max_levels=9, "
                               "min_share=0.1), categories='own_level', indicator=False, "
                               "numbers='median')), C=1.0)"])  # fmt: skip
    bare = type(model)(
        **{**vars(model), "predictor": type(model.predictor)((), np.array([0.5, 0.5]))}
    )
    export_folder(bare, tmp_path / "predictor")
    assert json.loads((tmp_path / "predictor/model.json").read_text())["members"] == []


def test_a_folder_that_would_predict_otherwise_is_not_written(model, tmp_path, monkeypatch):
    def skewed(model, folder):
        write(model, folder)
        head = json.loads((folder / "model.json").read_text())
        head["temperature"] = {"temperature": 2.0}
        (folder / "model.json").write_text(json.dumps(head))

    write = exporting._write_state
    monkeypatch.setattr(exporting, "_write_state", skewed)
    with pytest.raises(ExportError, match="differs from the model by"):
        model.export(tmp_path / "predictor", fitted=True)
    assert not list(tmp_path.iterdir())


def test_a_script_that_needs_autopipe_is_not_written(model, tmp_path, monkeypatch):
    write = exporting.fit_script
    monkeypatch.setattr(
        exporting, "fit_script", lambda *given: write(*given) + "\nimport autopipe.tree\n"
    )
    with pytest.raises(ExportError, match="autopipe is not to be imported here"):
        model.export(tmp_path / "pipeline.py")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(model, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ExportError, match="there already"):
        model.export(tmp_path, fitted=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_operators_of_the_users_own_are_refused(tmp_path):
    from sklearn.linear_model import LogisticRegression

    from autopipe import learner

    own = learner(LogisticRegression, name="my_logistic")
    model = AutoClassifier(
        executor="inline", max_trials=1, cv=2, verbose=0, include=[own], random_state=0
    ).fit(X, SOLD)
    with pytest.raises(ExportError, match="'my_logistic' is your own"):
        model.export(tmp_path / "pipeline.py")


def test_probe_rows_hold_known_and_unknown_levels_and_gaps():
    coding = Coding.learn(X)
    table = coding.encode(probe_rows(coding, 200))
    assert set(table.codes.ravel().tolist()) == {-1, 0, 1}
    assert np.isnan(table.numbers).any(axis=0).all()


def test_what_a_script_says_is_what_its_trees_say():
    script = 'TREES = {1: """\n  lightgbm(\n    codes(table),\n    num_leaves=3)\n"""}'
    assert trees_in(script) == ["lightgbm(codes(table), num_leaves=3)"]


@pytest.mark.parametrize(
    "script",
    ["", "x = 1", "TREES = {1: f()}", "TREES = {1: 'a b'}", "TREES = {", "TREES = {1: 'f(1)'}"],
)
def test_a_script_without_trees_is_told(script):
    with pytest.raises(TreeError):
        trees_in(script)


def test_the_estimator_of_a_script_keeps_scikit_learns_contract():
    (tree,) = drawn_trees(X, TaskKind.BINARY, 1, seed=0, without=SLOW_FAMILIES)
    estimator = clone(Classifier({0: tree}, {0: 1.0}, folds=2))
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    fitted = estimator.set_params(random_state=1).fit(X, SOLD)
    assert fitted is estimator
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert fitted.predict_proba(X).shape == (len(X), 2)
    assert 0.0 <= fitted.score(X, SOLD) <= 1.0


def test_delivered_numbers_have_no_columns_of_classes():
    trees = drawn_trees(X, TaskKind.REGRESSION, 1, seed=0, without=SLOW_FAMILIES)
    model = model_of(X, X["size"].fillna(0.0).to_numpy(), trees)
    told = Delivered(model.coding, model.target_coding, model.predictor).told(X)
    assert told.columns.tolist() == ["prediction"]


def test_a_difference_is_one_of_the_predictions_own_scale():
    small = np.array([[1e-8], [2e-8]])
    with pytest.raises(ExportError, match="differs from the model"):
        difference(small, 0 * small, 1e-4)
    large = np.array([[1e6], [0.0]])
    assert difference(large, large + 1e-4, 1e-6) < 1e-9


def test_a_script_says_what_its_folds_are_not(tmp_path):
    groups = np.arange(len(X)) // 2
    model = AutoClassifier(
        executor="inline", max_trials=1, verbose=0, random_state=0, cv=GroupKFold(3)
    ).fit(X, SOLD, groups=groups, sample_weight=np.ones(len(X)))
    model.export(tmp_path / "pipeline.py")
    header = " ".join((tmp_path / "pipeline.py").read_text().split())
    assert "fit(X, y, sample_weight=sample_weight, groups=groups)" in header
    assert "judged by GroupKFold" in header


def test_a_script_is_tried_with_the_libraries_that_are_found_here(tmp_path, monkeypatch):
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "shelved.py").write_text("NUMBER = 7.0\n")
    monkeypatch.syspath_prepend(tmp_path / "shelf")
    script = tmp_path / "script.py"
    script.write_text(
        "import shelved\n"
        "class Model:\n"
        "    def outputs(self, rows): return shelved.NUMBER\n"
        "    predict = outputs\n"
        "load = Model\n"
    )
    with Rehearsal(script, None, None) as rehearsal:
        assert rehearsal.result() == (7.0, 7.0)
