"""The source that leaves is what is needed, under names that do not clash."""

import ast
import sys
import types

import pytest

from autopipe.export import modules
from autopipe.export.closure import Closure
from autopipe.export.modules import Name
from autopipe.export.scopes import free_names


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes modules of a package and gives their names."""
    monkeypatch.setattr(modules, "PACKAGE", "ours_to_leave")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("ours_to_leave", None)  # of the test before
    folder = tmp_path / "ours_to_leave"
    folder.mkdir()
    (folder / "__init__.py").touch()

    def write(**sources):
        for name, source in sources.items():
            (folder / f"{name}.py").write_text(source)

    return write


def closed(*roots, **more):
    """The namespace that a closure's text makes."""
    closure = Closure([Name(f"ours_to_leave.{module}", name) for module, name in roots], **more)
    text = f"{closure.imports()}\n\n{closure.text()}"
    made = types.ModuleType("made")
    exec(compile(text, "made", "exec"), made.__dict__)
    return closure, made, text


@pytest.mark.parametrize(
    ("source", "free"),
    [
        ("def f(a, b=c): d = a; return d + e", ["c", "e"]),
        ("def f(): return [x for x in y if x]", ["y"]),
        ("def f():\n def g(): return h\n return g", ["h"]),
        ("def f(x: A) -> B: pass", ["A", "B"]),
        ("@d\nclass C(D):\n x = 1\n y = x\n def m(self): return x", ["D", "x", "d"]),
        ("def f():\n try: pass\n except E as e: return e", ["E"]),
        ("def f(v):\n match v:\n  case [a, *b]: return a, b, c", ["c"]),
        ("def f(): return lambda x, *y: (x, y, z)", ["z"]),
        ("def f(): return {k: v for k, v in (w := u)}, w", ["u"]),
        ("def f():\n import a.b\n return a, b", ["b"]),
    ],
)
def test_free_names_are_those_that_nothing_within_binds(source, free):
    found = [use.node.id for use in free_names(ast.parse(source).body[0])]
    assert [name for name in found if name != "w"] == free


def test_what_is_not_needed_stays_behind(package):
    package(
        a="""
import os

def f():
    return g()

def g():
    return 1

def h():
    return os
"""
    )
    closure, made, _ = closed(("a", "f"))
    assert made.f() == 1
    assert not hasattr(made, "h")
    assert "os" not in closure.imports()


def test_names_that_clash_are_told_apart_even_within_texts(package):
    package(
        a="""
_X = 1

def f():
    return _X
""",
        b="""
from ours_to_leave.a import f as other

_X = 2

def f():
    return f"{_X}{other()}", _X, [f for f in (_X,)]
""",
    )
    closure, made, _ = closed(("b", "f"))
    called = closure.name_of(Name("ours_to_leave.b", "f"))
    assert getattr(made, called)() == ("21", 2, [2])


def test_a_module_that_is_named_is_spelled_out(package):
    package(
        a="""
def kind(x):
    return x
""",
        b="""
from ours_to_leave import a

def f():
    kind = a.kind(3)
    return f"{a.kind(kind)}"
""",
    )
    _, made, text = closed(("b", "f"))
    assert made.f() == "3"
    assert "a_kind" in text


def test_a_method_leaves_where_its_name_is_read(package):
    package(
        a="""
import json

class A:
    def used(self):
        return 1

    def unused(self):
        return json

    def called(self):
        return 2

def f():
    return A().used()
"""
    )
    closure, made, _ = closed(("a", "f"), read=("called",))
    assert made.f() == 1
    assert not hasattr(made.A, "unused")
    assert made.A().called() == 2
    assert not closure.libraries


def test_callbacks_of_private_classes_are_kept(package):
    package(
        a="""
class _Stop:
    def after(self):
        return 1

def f():
    return _Stop()
"""
    )
    _, made, _ = closed(("a", "f"))
    assert made.f().after() == 1


def test_a_stand_in_takes_the_place_of_another(package):
    package(
        a="def f(): return 1",
        b="def f(): return 2",
        c="from ours_to_leave.a import f\n\ndef g(): return f()",
    )
    stand_ins = {Name("ours_to_leave.a", "f"): Name("ours_to_leave.b", "f")}
    _, made, _ = closed(("c", "g"), stand_ins=stand_ins)
    assert made.g() == 2


def test_libraries_with_one_name_are_told_apart(package):
    package(
        a="import datetime\n\ndef f(): return datetime.datetime(2024, 1, 1)",
        b="""
from datetime import datetime

from ours_to_leave.a import f

def g():
    return f"{datetime(2024, 1, 1) == f()}"
""",
    )
    _, made, _ = closed(("b", "g"))
    assert made.g() == "True"


def test_the_text_below_a_value_goes_with_it(package):
    package(a='X = 1\n"""What it\nis."""\n\nY = X\n')
    _, _, text = closed(("a", "Y"))
    assert '"""What it\nis."""' in text


def test_an_import_of_ours_within_a_function_is_refused(package):
    package(a="def f():\n    from ours_to_leave.b import g\n    return g", b="g = 1")
    with pytest.raises(AssertionError, match="at its head"):
        closed(("a", "f"))
