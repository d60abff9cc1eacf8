"""Judging designed trees on data sets, by the command."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from autopipe.datasets import knowledge_file
from autopipe.datasets.portfolio import Situation
from autopipe.datasets.recommendation import adapted
from autopipe.datasets.synthetic import toy_schema
from autopipe.errors import InputError
from autopipe.evolution.grammar import Grammar
from autopipe.learning import gathering
from autopipe.learning.design import designed
from autopipe.learning.suite import data_sets, holds_classes, own_data_sets
from autopipe.operators.catalogue import catalogue
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.table import place_columns
from autopipe.task import TaskKind
from autopipe.tree import parse
from autopipe.trial import Source

NUMBERS = place_columns(
    dict.fromkeys(("c0", "c1"), Role.NUMERIC), {}, {"c0": False, "c1": False}, frozenset()
)


def design(schema, kind) -> list[tuple[str, Source]]:
    situation = Situation(schema, kind, 3_000, 0 if kind is TaskKind.REGRESSION else 3)
    grammar = Grammar(catalogue().values(), schema, kind)
    trees = designed(situation, grammar, catalogue(), Seeds(0))
    return [(str(grammar.completed(tree)), source) for tree, source in trees]


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("schema", [NUMBERS, toy_schema()], ids=["numbers", "mixed"])
def test_a_design_has_every_learner_and_no_tree_twice(schema, kind):
    trees = design(schema, kind)
    learners = {op.name for op in catalogue().values() if op.is_learner and kind in op.kinds}
    assert len(trees) == len(dict(trees)) >= 60
    assert learners <= {text.partition("(")[0] for text, _ in trees}
    sources = [source for _, source in trees]
    assert sources == sorted(sources, key=[Source.PORTFOLIO, Source.RANDOM].index)


def test_all_tables_of_a_kind_share_the_random_trees_once_adapted():
    of_numbers, of_all = (design(schema, TaskKind.BINARY) for schema in (NUMBERS, toy_schema()))
    found = {str(adapted(parse(text), False, False)) for text, _ in of_all}
    assert {text for text, source in of_numbers if source is Source.RANDOM} <= found


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
    tables = tmp_path / "tables"
    tables.mkdir()
    frame.assign(y=frame.a + 0.1 * rng.normal(size=90)).to_csv(tables / "line.csv", index=False)
    frame.assign(y=np.where(frame.a > 0, "up", "down")).to_parquet(tables / "sides.parquet")
    return tables


def test_the_files_of_a_folder_are_data_sets_with_the_target_last(folder):
    sets = data_sets(folder)
    assert [one.name for one in sets] == ["line", "sides"]
    X, y = sets[1].read()
    assert list(X) == ["a", "b"] and holds_classes(y)


def test_a_suite_lists_its_data_sets(folder):
    (folder / "suite.csv").write_text("name,file,task,target\nb,sides.parquet,binary,y\n")
    (one,) = data_sets(folder)
    assert (one.name, one.is_classes) == ("b", True)


@pytest.mark.parametrize("name", ["nowhere", "tables/line.csv"])
def test_what_is_no_folder_of_data_sets_is_refused(folder, name):
    with pytest.raises(InputError, match="no folder"):
        data_sets(folder.parent / name)


@pytest.mark.parametrize(("gap", "rows"), [("", 2), ("?", 2), ("none", 2), ("three", 3)])
def test_rows_without_a_target_are_left_out(tmp_path, gap, rows):
    (tmp_path / "gaps.csv").write_text(f"a,y\n1,2.5\n2,{gap}\n3,1.5\n")
    X, y = data_sets(tmp_path)[0].read()
    assert len(X) == len(y) == rows


def test_scikit_learn_brings_five_data_sets():
    assert [one.name for one in own_data_sets()] == [
        *("breast_cancer", "diabetes", "digits", "iris", "wine")
    ]


@pytest.mark.parametrize(
    ("values", "are_classes"),
    [
        (["no", "yes", "no"], True),
        ([True, False, True], True),
        ([0.0, 1.0, 1.0], True),
        ([0, 1, 2] * 10, True),
        ([0.5, 1.5, 2.5] * 10, False),
        (range(30), False),
        ([0, 1, 2, 3], False),
        (["$1,200", "$950", "$3.50"], False),
        (["1 star", "2 star", "5 star"] * 5, True),
        (["1st", "2nd", "3rd"], True),
        ([Decimal("12.5"), Decimal("13.1"), None], False),
        ([Decimal(1), Decimal(0)] * 5, True),
        (["12.5", "?", "13.1"], False),
        (["1", "?", "2"], True),
        (["none", "mild", "none"], True),
    ],
)
def test_a_target_of_few_whole_numbers_or_names_holds_classes(values, are_classes):
    assert holds_classes(pd.Series(list(values))) is are_classes


def autopipe(*words) -> subprocess.CompletedProcess[str]:
    code = "from autopipe.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_learning_goes_on_where_it_ended_and_gives_a_base(folder, tmp_path):
    out = tmp_path / "learned"
    words = ("learn", folder, "--out", out, "--jobs", 1, "--trees")
    assert autopipe(*words, 1).stdout.startswith("2 new trials, 2 in all")
    planted = out / "runs" / "line" / "data" / "operators.pickle"
    planted.write_bytes(b"what a stranger left is never read")
    assert autopipe(*words, 2).stdout.startswith("2 new trials, 4 in all")
    assert not planted.exists()
    line, sides = knowledge_file.read(out / "knowledge.sqlite")
    assert (line.kind, sides.kind) == (TaskKind.REGRESSION, TaskKind.BINARY)
    assert line.errors[0, 0] < 1.0 and len(line.complete) == 2
    assert all(0 < result.seconds < 20 for result in line.results)
    notes = knowledge_file.facts(out / "knowledge.sqlite")
    assert notes["seed"] == "0" and "version of lightgbm" in notes


def test_a_trial_that_waits_for_ever_is_ended(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(gathering, "judge", lambda *_: time.sleep(60))
    monkeypatch.setattr(gathering, "_PATIENCE", 1)
    told = []
    terms = gathering.Terms(trees=1, trial_seconds=1.0)
    assert gathering.gather(data_sets(folder)[:1], tmp_path, terms, say=told.append) == 1
    assert told[0].startswith("line: timeout in 0")


def test_a_file_that_cannot_be_used_keeps_nothing_from_the_others(folder, tmp_path):
    (folder / "same.csv").write_text("a,y\n1,no\n2,no\n")
    out = tmp_path / "learned"
    told = autopipe("learn", folder, "--out", out, "--jobs", 1, "--trees", 1)
    assert told.stdout.startswith("2 new trials, 2 in all on 2 data sets")
    assert "same is left out" in told.stderr
    assert [one.name for one in knowledge_file.read(out / "knowledge.sqlite")] == [
        *("line", "sides")
    ]
