"""The command `knowledge`: what is known, listed, shown and passed on."""

from __future__ import annotations

import pytest
from experiences import STRONG, made_up

from autopipe.cli import main
from autopipe.datasets import knowledge, knowledge_file
from autopipe.datasets.knowledge import own_path


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A shipped base of one data set, and a home of its own."""
    path = tmp_path / "shipped.sqlite"
    knowledge_file.add(path, [made_up("toys")])
    monkeypatch.setattr(knowledge, "SHIPPED", path)
    monkeypatch.setenv("AUTOPIPE_HOME", str(tmp_path / "home"))
    return path


def names(capsys) -> list[str]:
    assert main(["knowledge", "list"]) == 0
    return [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()[1:]]


def test_what_is_merged_is_listed_and_can_be_exported(base, tmp_path, capsys):
    knowledge_file.add(tmp_path / "theirs.sqlite", [made_up("blocks", seed=1)])
    assert names(capsys) == ["toys"]
    assert main(["knowledge", "merge", str(tmp_path / "theirs.sqlite")]) == 0
    assert names(capsys) == ["toys", "blocks"]
    assert main(["knowledge", "export", str(tmp_path / "mine.sqlite")]) == 0
    assert [one.name for one in knowledge_file.read(tmp_path / "mine.sqlite")] == ["blocks"]


def test_a_data_set_is_shown_with_its_best_trees_first(base, capsys):
    assert main(["knowledge", "show", "toys"]) == 0
    shown = capsys.readouterr().out
    assert "share of the rarest class" in shown
    trees = [line for line in shown.splitlines() if line.endswith(")") and "(table" in line]
    assert STRONG in trees[0] or "num_leaves=30" in trees[0]


def test_a_name_that_is_not_known_is_told_with_the_nearest(base, capsys):
    assert main(["knowledge", "show", "tosy"]) == 2
    assert "Did you mean 'toys'" in capsys.readouterr().err


def test_a_file_that_is_no_base_is_refused_and_changes_nothing(base, tmp_path, capsys):
    (tmp_path / "junk").write_bytes(b"junk" * 2_000)
    assert main(["knowledge", "merge", str(tmp_path / "junk")]) == 2
    assert "junk cannot be read" in capsys.readouterr().err
    assert not own_path().exists()


def test_without_a_home_there_is_nothing_to_merge_into(base, monkeypatch, capsys):
    monkeypatch.setenv("AUTOPIPE_HOME", "")
    assert main(["knowledge", "merge", str(base)]) == 2
    assert "AUTOPIPE_HOME" in capsys.readouterr().err


def test_exporting_before_anything_was_learned_is_told(base, tmp_path, capsys):
    assert main(["knowledge", "export", str(tmp_path / "mine.sqlite")]) == 2
    assert "There is no" in capsys.readouterr().err
