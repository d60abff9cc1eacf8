"""The meta-learning database: files, exclusion, and what a run begins with."""

from __future__ import annotations

import sqlite3
import warnings
from dataclasses import replace

import numpy as np
import pytest
from experiences import OTHER, STRONG, made_up

from autopipe.datasets import knowledge, knowledge_file
from autopipe.datasets.experience import Result
from autopipe.datasets.fingerprint import fingerprint
from autopipe.datasets.knowledge import ITSELF, Knowledge, own_path
from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.datasets.synthetic import toy_table
from autopipe.errors import OptionError, StoreError
from autopipe.evolution.grammar import Grammar
from autopipe.operators.catalogue import catalogue
from autopipe.task import Target, TaskKind
from autopipe.tree import parse

BLOCKS = made_up("blocks", rows=900, seed=1)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A base of made-up experiences in the place of the one that is shipped."""
    path = tmp_path / "shipped.sqlite"
    others = [replace(BLOCKS, name=f"blocks{count}", fingerprint=[]) for count in range(9)]
    knowledge_file.add(path, [made_up("toys"), BLOCKS, *others])
    monkeypatch.setattr(knowledge, "SHIPPED", path)
    monkeypatch.setenv("AUTOPIPE_HOME", str(tmp_path / "home"))
    return path


def first_trees(
    found=None, rows=300, kind=TaskKind.REGRESSION, core_seconds=float("inf"), seconds_of=None
) -> list[str]:
    table, target = toy_table(kind, rows=rows, seed=7)
    seconds_of = seconds_of or (lambda tree: 1.0)
    situation = Situation.of(table, target, 5, core_seconds, seconds_of)
    grammar = Grammar(catalogue().values(), table.schema, kind)
    trees = (found or Knowledge()).first_trees(situation, table, target, grammar.completed)
    return [str(tree) for tree in trees]


def built_in(rows=300, kind=TaskKind.REGRESSION) -> list[str]:
    table, target = toy_table(kind, rows=rows, seed=7)
    situation = Situation.of(table, target, 5, float("inf"), lambda tree: 1.0)
    return [str(parse(text)) for text in portfolio(situation)]


def note(rows=300, found=None, trees=(STRONG, OTHER)) -> None:
    """Let a run end, as it does outside of tests."""
    table, target = toy_table(TaskKind.REGRESSION, rows=rows, seed=3)
    predictions = np.random.default_rng(0).random((len(trees), rows, 1))
    results = [Result(tree, "complete", (-1.0,), 2.0, 30.0) for tree in trees]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST")
        (found or Knowledge()).note("rmse", table, target, results, predictions)


def test_what_is_written_is_read_back(tmp_path):
    one = made_up()
    failed = replace(one, name="failed", results=(*one.results, Result(OTHER + "!", "timeout")))
    knowledge_file.add(tmp_path / "base.sqlite", [one, failed], {"seed": "0"})
    back = knowledge_file.read(tmp_path / "base.sqlite")
    assert [each.name for each in back] == ["toys", "failed"]
    assert back[1].results == failed.results
    assert back[0].metafeatures == one.metafeatures
    assert back[0].fingerprint == one.fingerprint
    np.testing.assert_array_equal(back[0].errors, one.errors)
    assert knowledge_file.facts(tmp_path / "base.sqlite") == {"seed": "0"}


def test_an_experience_takes_the_place_of_one_of_the_same_name(tmp_path):
    path = tmp_path / "base.sqlite"
    knowledge_file.add(path, [made_up(seed=1), made_up("others")])
    knowledge_file.add(path, [made_up(trees=(OTHER,))])
    assert [(each.name, len(each.results)) for each in knowledge_file.read(path)] == [
        ("others", 4),
        ("toys", 1),
    ]


def test_trees_that_nothing_tells_of_any_more_are_forgotten(tmp_path):
    path = tmp_path / "base.sqlite"
    knowledge_file.add(path, [made_up()])
    knowledge_file.add(path, [made_up(trees=(OTHER,))])
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT text FROM tree").fetchall() == [(OTHER,)]
    database.close()


def test_a_run_goes_on_after_the_built_in_list_with_what_paid_elsewhere(shipped):
    execute(shipped, "UPDATE data_set SET fingerprint = '[]'")  # none is of the same table
    trees, count = first_trees(), len(built_in())
    assert trees[:count] == built_in()
    assert set(trees[count : count + 2]) == {STRONG, OTHER}


def test_what_paid_on_a_part_of_the_same_table_comes_second(shipped):
    trees = first_trees()  # of rows that are like those of "toys"
    assert trees[0] == built_in()[0]
    assert set(trees[1:3]) == {STRONG, OTHER}
    assert trees[-1] == built_in()[-1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20),
        lambda path: path.write_bytes(path.read_bytes()[:5_000]),
        lambda path: execute(path, "PRAGMA user_version = 99"),
        lambda path: execute(path, "UPDATE data_set SET errors = x'00'"),
        lambda path: execute(path, "UPDATE data_set SET kind = 'juggling'"),
        lambda path: execute(path, "DROP TABLE result"),
        lambda path: execute(path, "UPDATE data_set SET metafeatures = '{}'"),
    ],
    ids=[
        *("missing", "damaged", "cut", "newer", "no_errors", "unknown_kind", "no_table"),
        "no_metafeatures",
    ],
)
def test_a_base_that_cannot_be_read_leaves_the_built_in_list_and_warns(shipped, spoil):
    spoil(shipped)
    with pytest.warns(UserWarning, match="shipped.sqlite"):
        assert first_trees() == built_in()


def test_a_tree_that_is_damaged_is_left_out(shipped):
    execute(shipped, f"UPDATE tree SET text = '((' WHERE text = '{OTHER}'")
    trees = first_trees()
    assert STRONG in trees and OTHER not in trees


def execute(path, statement) -> None:
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_experiences_of_other_metafeatures_are_left_out(shipped):
    execute(shipped, "UPDATE data_set SET metafeature_version = 0 WHERE name != 'toys'")
    assert [one.name for one in Knowledge().experiences()] == ["toys"]


def test_what_the_budget_cannot_pay_for_is_not_recommended(shipped):
    def seconds_of(tree) -> float:
        return 60.0 if tree.op == "lightgbm" else 1.0

    trees = first_trees(core_seconds=100.0, seconds_of=seconds_of)
    assert OTHER in trees
    assert STRONG not in trees


@pytest.mark.parametrize(("core_seconds", "goes_on"), [(8.0, False), (1_000.0, True)])
def test_a_list_that_fills_the_budget_has_nothing_behind_it(shipped, core_seconds, goes_on):
    execute(shipped, "UPDATE data_set SET fingerprint = '[]'")  # none is of the same table
    trees = first_trees(core_seconds=core_seconds)
    assert len(trees) > 1
    assert (STRONG in trees) == goes_on


def test_large_tables_begin_with_the_built_in_list(shipped):
    assert first_trees(rows=30_000) == built_in(rows=30_000)


def test_what_is_recommended_does_not_depend_on_chance(shipped):
    assert first_trees() == first_trees()


def test_a_name_excludes_all_that_looks_like_it(shipped):
    knowledge_file.add(shipped, [replace(made_up("toys", seed=5, rows=600), name="more toys")])
    found = {one.name for one in Knowledge(exclude="toys").experiences()}
    assert "toys" not in found and "more toys" not in found


def test_a_part_of_a_data_set_with_another_target_is_found_and_left_out(shipped):
    table, target = toy_table(TaskKind.REGRESSION, rows=2_000, seed=11)
    unlike = table.take(slice(0, 1_000))
    shifted = replace(
        table, numbers=table.numbers * 3.0 + 5.0, codes=np.maximum(table.codes, 0)
    )
    results = [Result(STRONG, "complete", (0.5,), 1.0, 1.0)]
    for name, each in {"whole": unlike, "other": shifted.take(slice(0, 1_000))}.items():
        predictions = np.zeros((1, 1_000, 1))
        one = knowledge.experience(
            name, "rmse", each, target.take(np.arange(1_000)), results, predictions
        )
        knowledge_file.add(shipped, [one])
    rest = table.take(slice(1_000, 2_000))
    recoded = Target(TaskKind.BINARY, (target.y[1_000:] > 0).astype(np.int32), 2)
    names = [one.name for one in Knowledge(exclude=ITSELF).experiences(fingerprint(rest))]
    assert len(recoded.y) == len(rest)
    assert "whole" not in names
    assert "other" in names


def test_in_tests_nothing_is_kept(shipped):
    table, target = toy_table(TaskKind.REGRESSION, rows=300)
    results = [Result(STRONG, "complete", (-1.0,), 2.0, 30.0)]
    Knowledge().note("rmse", table, target, results, np.zeros((1, 300, 1)))
    assert not own_path().exists()


def test_a_run_adds_to_what_is_known_on_this_machine(shipped):
    note()
    (one,) = knowledge_file.read(own_path())
    assert [result.tree for result in one.results] == [STRONG, OTHER]
    assert one.name in {each.name for each in Knowledge().experiences()}


def test_a_later_run_on_the_same_table_takes_the_place_of_the_former(shipped):
    note()
    note(trees=(OTHER,))
    (one,) = knowledge_file.read(own_path())
    assert len(one.results) == 1


def test_without_a_clock_what_was_learned_here_does_not_count(shipped):
    note()
    found = {one.name for one in Knowledge().experiences(own=False)}
    assert found == {one.name for one in knowledge_file.read(shipped)}


@pytest.mark.parametrize(
    "given", [{"rows": 199}, {"found": Knowledge(learn=False)}], ids=["few rows", "learn=False"]
)
def test_nothing_is_kept_of_small_tables_or_where_it_is_not_wanted(shipped, given):
    note(**given)
    assert not own_path().exists()


def test_nothing_is_kept_where_there_is_no_home(shipped, monkeypatch):
    monkeypatch.setenv("AUTOPIPE_HOME", "")
    note()
    assert own_path() is None
    assert len(Knowledge().experiences()) == 11


def test_a_home_of_nobody_costs_no_run(shipped, monkeypatch):
    monkeypatch.setenv("AUTOPIPE_HOME", "~nobody-of-this-name/known")
    assert first_trees() and len(Knowledge().experiences()) == 11


def test_a_home_that_cannot_be_written_costs_no_run(shipped, monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOPIPE_HOME", str(tmp_path / "file"))
    note()
    assert "What this run has found is not kept" in caplog.text


def test_nothing_of_the_rows_is_kept(shipped):
    note()
    content = own_path().read_bytes()
    table, _ = toy_table(TaskKind.REGRESSION, rows=300, seed=3)
    words = {text for column in table.texts for text in column.strings() if len(text) > 3}
    assert words
    assert not [word for word in words if word.encode() in content]


def test_names_to_exclude_are_texts():
    with pytest.raises(OptionError, match="exclude"):
        Knowledge(exclude=[3])


def test_a_file_of_a_newer_autopipe_is_never_written(tmp_path):
    path = tmp_path / "base.sqlite"
    knowledge_file.add(path, [made_up()])
    execute(path, "PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer"):
        knowledge_file.add(path, [made_up("others")])
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM data_set").fetchone() == (1,)
    database.close()


def test_a_database_of_something_else_is_neither_read_nor_written(tmp_path):
    path = tmp_path / "notes.sqlite"
    execute(path, "CREATE TABLE notes (text TEXT)")
    before = path.read_bytes()
    for use in (knowledge_file.read, lambda path: knowledge_file.add(path, [made_up()])):
        with pytest.raises(StoreError, match="a database of something else"):
            use(path)
    assert path.read_bytes() == before


def test_reading_changes_nothing(shipped):
    before = shipped.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Knowledge().experiences()
    assert shipped.read_bytes() == before
