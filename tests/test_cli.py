import io
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from autopipe import cli, demo, usage
from autopipe.estimators import AutoClassifier, load
from autopipe.intake import frames
from autopipe.interrupts import patience

QUICK = ["--max-trials", "2", "--budget", "4s", "--seed", "0"]  # too short for workers


def toy_frame(rows: int = 120) -> pd.DataFrame:
    """Texts, gaps and a cell that a spreadsheet would run."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 9, rows)
    frame = pd.DataFrame({"age": age, "city": rng.choice(["Ulm", "=1+1", None], rows)})
    frame.loc[::7, "age"] = None
    return frame.assign(bought=np.where(age > 40, "yes", "no"), spent=age * 2.5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with tables and two finished runs."""
    folder = tmp_path_factory.mktemp("files")
    frame = toy_frame()
    frame.drop(columns="spent").to_csv(folder / "classes.csv", index=False)
    frame.drop(columns="bought").to_parquet(folder / "numbers.parquet")
    frame[["city", "age"]].to_csv(folder / "new.csv", index=False)
    for data, target, run in (
        ("classes.csv", "bought", "run"),
        ("numbers.parquet", "spent", "numbers"),
    ):
        out = ["--out", str(folder / run)]
        assert cli.main(["fit", str(folder / data), "--target", target, *out, *QUICK]) == 0
    return folder


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_a_fit_writes_a_model_and_a_leaderboard(files):
    board = pd.read_csv(files / "run" / "leaderboard.csv")
    told = load(files / "run" / "model.autopipe").leaderboard()
    again = pd.read_csv(io.StringIO(told.to_csv(index=False)))
    pd.testing.assert_frame_equal(board, again)
    assert board["learner"].iloc[0] == "ensemble" and len(board) == 3


def test_a_fit_says_its_task_its_score_and_the_next_command(files, tmp_path, capsys):
    out = tmp_path / "run"
    assert run("fit", files / "classes.csv", "--target", "bought", "--out", out, *QUICK) == 0
    shown = capsys.readouterr()
    assert "Task: classification" in shown.err and "--task regression" in shown.err
    assert f"Next: autopipe predict {out}" in shown.err
    assert shown.out.startswith("roc_auc 0.") and "2 pipelines tried, 2 complete" in shown.out


def test_a_fit_takes_a_metric_and_leaves_out_rows_without_a_target(tmp_path, capsys):
    data, out = tmp_path / "data.csv", tmp_path / "run"
    toy_frame().drop(columns="spent").to_csv(data, index=False)
    data.write_text(data.read_text() + "41.0,Ulm,\n")
    words = ["--target", "bought", "--metric", "neg_log_loss", "--out", out, *QUICK]
    assert run("fit", data, *words) == 0
    shown = capsys.readouterr()
    assert "1 of 121 rows have no bought: left out." in shown.err
    assert shown.out.startswith("log_loss")


@pytest.mark.parametrize(
    "words", re.findall(r"^  autopipe (fit .*)$", usage.FIT_EXAMPLES, re.MULTILINE)
)
def test_the_examples_of_the_help_are_understood(words):
    assert usage.parser().parse_args(words.split()).target


def test_a_fit_takes_a_preset(files, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["--target", "bought", "--preset", "interpretable", "--out", out, *QUICK]
    assert run("fit", files / "classes.csv", *words) == 0
    assert "1 in the ensemble" in capsys.readouterr().out
    assert load(out / "model.autopipe").get_params()["preset"] == "interpretable"


def test_a_run_is_not_written_over(files, capsys):
    out = files / "run"
    before = (out / "model.autopipe").stat()
    assert run("fit", files / "classes.csv", "--target", "bought", "--out", out, *QUICK) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert (out / "model.autopipe").stat() == before


@pytest.mark.parametrize("mine", ["data/y.npy", "trials/001.csv", "leaderboard.csv"])
def test_a_file_of_the_user_is_not_written_over(files, tmp_path, capsys, mine):
    (tmp_path / mine).parent.mkdir(exist_ok=True)
    (tmp_path / mine).write_text("mine")
    before = set(tmp_path.rglob("*"))
    words = ["--target", "bought", "--out", tmp_path, *QUICK]
    assert run("fit", files / "classes.csv", *words) == 2
    shown = capsys.readouterr().err
    assert "Give another" in shown and "Task:" not in shown  # the table was not even read
    assert set(tmp_path.rglob("*")) == before and (tmp_path / mine).read_text() == "mine"


def test_predictions_go_to_stdout_in_the_order_of_the_rows(files, capsys):
    assert run("predict", files / "run", files / "new.csv") == 0
    model, new = load(files / "run" / "model.autopipe"), pd.read_csv(files / "new.csv")
    lines = capsys.readouterr().out.split()
    assert lines == ["prediction", *model.predict(new)]


def test_a_saved_model_is_exported(files, tmp_path, capsys):
    assert run("export", files / "run", "--fitted", "-o", tmp_path / "predictor") == 0
    assert (tmp_path / "predictor" / "predict.py").is_file()
    assert run("export", files / "run", "--fitted", "-o", tmp_path / "predictor") == 2
    assert "is there already" in capsys.readouterr().err


def test_probabilities_are_named_by_class(files, tmp_path, capsys):
    out = tmp_path / "predictions.csv"
    model = files / "run" / "model.autopipe"
    assert run("predict", model, files / "new.csv", "-o", out, "--proba") == 0
    written = pd.read_csv(out)
    assert list(written) == ["prediction", "no", "yes"]
    assert (written["prediction"] == written[["no", "yes"]].idxmax(axis=1)).all()
    np.testing.assert_allclose(written[["no", "yes"]].sum(axis=1), 1.0)
    assert capsys.readouterr().out == ""


def test_numbers_are_predicted_too_but_have_no_probabilities(files, capsys):
    assert run("predict", files / "numbers", files / "new.csv") == 0
    assert len(capsys.readouterr().out.split()) == 121
    assert run("predict", files / "numbers", files / "new.csv", "--proba") == 2
    assert "--proba" in capsys.readouterr().err


def test_a_column_too_many_is_told_in_one_line(files, capsys):
    assert run("predict", files / "run", files / "classes.csv") == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("autopipe: warning: X has column 'bought'")


def test_the_leaderboard_shows_pipelines_and_the_score(files, capsys):
    assert run("leaderboard", files / "run") == 0
    shown = capsys.readouterr()
    assert "> logistic" in shown.out and "roc_auc 0." in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "none.csv", "--target", "y"], "There is no file none.csv."),
        (["fit", "{files}/classes.csv", "--target", "bougth"], "Did you mean 'bought'?"),
        (["fit", "{files}/empty.csv", "--target", "y"], "is empty"),
        (["fit", "{files}/run", "--target", "y"], "cannot be read"),
        (["predict", "none", "{files}/new.csv"], "There is no file none"),
        (["predict", "{files}", "{files}/new.csv"], "holds no model.autopipe"),
        (["predict", "{files}/new.csv", "{files}/new.csv"], "is no model of autopipe"),
        (["predict", "{files}/run", "{files}/numbers.parquet", "-o", "a/b/c"], "is there"),
        (["leaderboard", "none"], "There is no file none"),
    ],
)
def test_a_mistake_gives_one_line_and_exit_code_2(
    files, words, message, tmp_path, capsys, monkeypatch
):
    (files / "empty.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert run(*(word.format(files=files) for word in words)) == 2
    told = capsys.readouterr()
    errors = [line for line in told.err.splitlines() if line.startswith("autopipe: error: ")]
    assert len(errors) == 1 and message in errors[0]
    assert told.out == ""


def test_a_wrong_duration_is_refused_before_anything_is_read(capsys):
    with pytest.raises(SystemExit) as ended:
        run("fit", "none.csv", "--target", "y", "--budget", "10 minuets")
    assert ended.value.code == 2
    assert 'such as "10m"' in capsys.readouterr().err


def test_ctrl_c_gives_the_shells_own_exit_code(files, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(frames, "read_table", interrupt)
    assert run("fit", "any.csv", "--target", "y", "--out", files / "never") == 130
    assert "interrupted" in capsys.readouterr().err


def test_sigterm_while_a_model_is_saved_lets_it_be_saved(files, tmp_path, monkeypatch, capsys):
    def terminated(model, path):
        signal.raise_signal(signal.SIGTERM)
        save(model, path)

    save, out = AutoClassifier.save, tmp_path / "run"
    monkeypatch.setattr(AutoClassifier, "save", terminated)
    words = ["fit", files / "classes.csv", "--target", "bought", "--out", out]
    assert run(*words, *QUICK) == 143
    assert "SIGTERM again gives the model up" in capsys.readouterr().err
    assert load(out / "model.autopipe").classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_patience_lets_one_signal_pass_and_the_next_interrupts(number, monkeypatch, capsys):
    def waits(_):
        with patience():
            signal.raise_signal(number)
            print("kept")
            signal.raise_signal(number)

    monkeypatch.setattr(cli, "_leaderboard", waits)
    assert run("leaderboard", "any") == (143 if number == signal.SIGTERM else 130)
    assert capsys.readouterr().out == "kept\n"


def test_sigterm_that_somebody_else_handles_stays_theirs():
    seen = []
    former = signal.signal(signal.SIGTERM, lambda *_: seen.append("theirs"))
    try:
        with patience():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert seen == ["theirs"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--help"], "leaderboard"),
        (["--help"], "  autopipe predict run new.csv -o predictions.csv\n"),
        (["--help"], "  130  interrupted"),
        (["fit", "--help"], "--target"),
        (["fit", "--help"], "Ctrl-C ends the search and keeps the best so far."),
        (["predict", "--help"], "--proba"),
        (["--version"], "autopipe 0"),
    ],
)
def test_help_and_version_are_told(words, shown, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 0
    assert shown in capsys.readouterr().out


def test_the_command_line_wakes_no_library_before_it_is_needed():
    heavy = "{'numpy', 'pandas', 'sklearn', 'lightgbm', 'rich'}"
    code = f"import sys, autopipe.cli; print({heavy} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.stdout.strip() == "set()"


def test_a_demo_compares_on_rows_that_no_model_has_seen(capsys):
    assert run("demo", "--budget", "3s") == 0
    shown = capsys.readouterr()
    assert "450 held out" in shown.err
    for words in ("Leaderboard", "log loss", "logistic regression", "autopipe's log loss is"):
        assert words in shown.out


def test_a_difference_is_clear_from_two_standard_errors_on():
    assert demo.Mean(0.3, 0.1).is_clear
    assert not demo.Mean(-0.1, 0.1).is_clear


def test_a_verdict_names_the_better_side():
    rows = np.arange(10.0)
    ours, other = (
        demo.HeldOut(name, losses, rows, 1.0)
        for name, losses in (("ours", rows / 9), ("other", rows / 9 + 1 + rows % 2 / 10))
    )
    assert "1.0500 ± 0.0167 lower (better) than that of other, more" in demo.verdict(
        ours, other
    )
    assert "higher (worse) than that of ours" in demo.verdict(other, ours)


@pytest.mark.parametrize(
    ("labels", "task", "written"),
    [
        (["0", "1", "", "1"], "classification", {"0", "1"}),  # no 0.0, though one is missing
        (["007", "010", "007", "010"], "classification", {"007", "010"}),
        (["3", "4", "5", "4"], "regression", None),
    ],
)
def test_labels_are_written_as_they_were_read(tmp_path, capsys, labels, task, written):
    rows = [f"{place % 9},{labels[place % len(labels)]}" for place in range(120)]
    (tmp_path / "data.csv").write_text("\n".join(["a,y", *rows, ""]))
    metric = ["--metric", "rmse"] if task == "regression" else []
    out = tmp_path / "run"
    assert (
        run("fit", tmp_path / "data.csv", "--target", "y", "--out", out, *metric, *QUICK) == 0
    )
    told = capsys.readouterr().err
    assert f"Task: {task}" in told and ("rmse judges numbers" in told) == bool(metric)
    assert run("predict", out, tmp_path / "data.csv", "-o", tmp_path / "p.csv") == 0
    if written is not None:
        lines = (tmp_path / "p.csv").read_text().splitlines()
        assert set(lines[1:]) <= written and lines[0] == "prediction"


def test_predictions_are_written_as_parquet_where_the_name_says_so(files, tmp_path, capsys):
    out = tmp_path / "p.parquet"
    assert run("predict", files / "run", files / "new.csv", "--proba", "-o", out) == 0
    assert pd.read_parquet(out).columns.tolist() == ["prediction", "no", "yes"]
    for wrong in (tmp_path, tmp_path / "none" / "p.csv"):
        assert run("predict", files / "run", files / "new.csv", "-o", wrong) == 2
        assert "give a file in a folder that is there" in capsys.readouterr().err


def test_a_run_folder_is_loaded_in_python_too(files):
    assert load(files / "run").classes_.tolist() == ["no", "yes"]
