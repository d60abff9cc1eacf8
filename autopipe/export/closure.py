"""The source that some names need, out of many modules into one text.

An exported script holds the very code that made the model, so that both predict the same.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from graphlib import TopologicalSorter

from autopipe.export import modules
from autopipe.export.modules import Definition, Import, Module, Name
from autopipe.export.scopes import Use, free_names


class Closure:
    """Some definitions with all that they need, as one text.

    What a method is called by decides whether it is kept: one whose name is read nowhere is
    left out, and so is what it alone needs. Names that clash get the module's before theirs.

    Parameters
    ----------
    roots : what is wanted
    stand_ins : definitions that take the place of others
    taken : names that the text around has
    read : names of methods that are called from outside
    """

    def __init__(
        self,
        roots: Iterable[Name],
        stand_ins: Mapping[Name, Name] | None = None,
        taken: Collection[str] = (),
        read: Collection[str] = (),
    ) -> None:
        self._stand_ins = stand_ins or {}
        self._taken = {*dir(builtins), *taken}
        self._modules: dict[str, Module] = {}
        self._names: dict[Name, Definition] = {}
        self._by_alias: set[Name] = set()  # those that are called module.name
        self._imports: set[Import] = set()
        self.libraries: set[str] = set()  # that are imported anywhere
        self._read = set(read)  # names of attributes
        self._new: list[Definition] = []
        for root in roots:
            self._want(root)
        while self._new:
            self._follow(self._new.pop())
            for definition in set(self._names.values()):
                self._want_methods(definition)

    def name_of(self, name: Name) -> str:
        """What a definition is called in the text."""
        return self._called[name]

    def imports(self) -> str:
        """The lines that import from libraries."""
        groups: tuple[list[Import], list[Import]] = [], []
        for each in sorted(self._imports):
            is_standard = each.module.partition(".")[0] in sys.stdlib_module_names
            groups[not is_standard].append(each)
        return "\n\n".join(self._import_lines(group) for group in groups if group)

    def _import_lines(self, group: list[Import]) -> str:
        whole: list[str] = []
        by_module: dict[str, list[str]] = {}
        for each in group:
            what, called = each.name or each.module, self._imported_as[each]
            shown = what if what == called else f"{what} as {called}"
            if each.name:
                by_module.setdefault(each.module, []).append(shown)
            else:
                whole.append(f"import {shown}")
        parts = (f"from {module} import {', '.join(of)}" for module, of in by_module.items())
        return "\n".join([*whole, *parts])

    def text(self) -> str:
        """The definitions, those of a module together, none before what it is built on."""
        graph = {
            name: sorted({each.module for each in module.imports.values()} & set(self._modules))
            for name, module in sorted(self._modules.items())
        }
        parts = []
        told: set[str] = set()
        for name in TopologicalSorter(graph).static_order():
            module = self._modules[name]
            wanted = {id(one): one for one in self._names.values() if one.module is module}
            found = sorted(wanted.values(), key=lambda one: one.node.lineno)
            texts = [(one, self._source(one)) for one in found]
            texts = [(one, text) for one, text in texts if not one.is_plain or text not in told]
            told |= {text for _, text in texts}
            if texts:
                path = f"{name.replace('.', '/')}.py"
                parts.append(f"# {path}: {module.title}\n\n{_laid_out(texts)}")
        return "\n\n\n".join(parts)

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            self._modules[name] = Module(name)
        return self._modules[name]

    def _want(self, name: Name) -> Name:
        """Take a definition in, and say which one it became."""
        name = self._stand_ins.get(name, name)
        module = self._module(name.module)
        if name.name not in module.definitions:  # is handed on from another module
            passed = module.imports[name.name]
            assert isinstance(passed, Name), f"{name} is a library's"
            return self._want(passed)
        definition = module.definitions[name.name]
        if name not in self._names:
            if definition not in self._names.values():
                self._new.append(definition)
            self._names[name] = definition
        return name

    def _follow(self, definition: Definition) -> None:
        """Take in what a definition reads."""
        for piece in definition.pieces():
            self._follow_piece(definition.module, piece)

    def _follow_piece(self, module: Module, piece: ast.AST) -> None:
        for node in ast.walk(piece):
            if isinstance(node, ast.Attribute):
                self._read.add(node.attr)
            elif isinstance(node, ast.Constant) and str(node.value).isidentifier():
                self._read.add(str(node.value))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found = [getattr(node, "module", None) or alias.name for alias in node.names]
                self.libraries |= {each.partition(".")[0] for each in found}
                assert modules.PACKAGE not in self.libraries, (
                    f"{module.name}, line {node.lineno}: what an export holds imports "
                    "modules of autopipe at its head."
                )
        for use in free_names(piece):
            meaning = self._meaning(module, use)
            if isinstance(meaning, Import):
                self._imports.add(meaning)
                self.libraries.add(meaning.module.partition(".")[0])
            elif meaning is not None:
                name = self._want(meaning)
                passed = module.imports.get(use.node.id)
                if isinstance(passed, Name) and not passed.name:
                    self._by_alias.add(name)

    def _meaning(self, module: Module, use: Use) -> Name | Import | None:
        """What a name stands for at the head of its module; None for what Python brings."""
        word = use.node.id
        if word in module.definitions:
            return Name(module.name, word)
        meaning = module.imports.get(word)
        if isinstance(meaning, Name) and not meaning.name:
            assert isinstance(use.parent, ast.Attribute), f"{word} in {module.name}"
            return Name(meaning.module, use.parent.attr)
        return meaning

    def _want_methods(self, definition: Definition) -> None:
        for method in definition.methods:
            if method not in definition.wanted and method.name in self._read:
                definition.wanted.append(method)
                self._follow_piece(definition.module, method)

    @cached_property
    def _imported_as(self) -> dict[Import, str]:
        called: dict[Import, str] = {}
        for each in sorted(self._imports):
            is_free = each.local not in called.values()
            stem = each.module.replace(".", "_")
            called[each] = each.local if is_free else f"{stem}_{each.local}"
        return called

    @cached_property
    def _called(self) -> dict[Name, str]:
        taken = self._taken | set(self._imported_as.values())
        by_word: dict[str, list[Name]] = {}
        for name in sorted(self._names):
            by_word.setdefault(name.name, []).append(name)
        words = {
            node.id
            for definition in self._names.values()
            for node in ast.walk(definition.node)
            if isinstance(node, ast.Name)
        }
        called = {}
        for word, names in by_word.items():
            definitions = [self._names[name] for name in names]
            texts = {ast.unparse(definition.node) for definition in definitions}
            is_same = len(texts) == 1 and definitions[0].is_plain
            is_free = word not in taken and (len(names) == 1 or is_same)
            for name in names:
                called[name] = word
                if not is_free or name in self._by_alias:
                    stem = name.module.rpartition(".")[2]
                    called[name] = f"{'_' * word.startswith('_')}{stem}_{word.lstrip('_')}"
                    assert called[name] not in words, called[name]
        return called

    def _source(self, definition: Definition) -> str:
        """The text of a definition, without methods that are not wanted, and with its names."""
        module = definition.module
        first, last = module.span(definition.node)
        lines: dict[int, str] = dict(enumerate(module.lines[first:last], first))
        self._rename(definition, lines)
        for method in definition.methods:
            if method not in definition.wanted:
                for place in range(*module.span(method)):
                    lines.pop(place, None)
        text = "\n".join(lines[place].rstrip() for place in sorted(lines))
        return re.sub(r"\n{3,}", "\n\n", text).strip("\n")

    def _rename(self, definition: Definition, lines: dict[int, str]) -> None:
        module, node = definition.module, definition.node
        edits: list[tuple[int, int, int, str]] = []  # line, from byte, to byte, new
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            called = self._called[Name(module.name, node.name)]
            if called != node.name:
                line = lines[node.lineno - 1]
                begin = line.index(f" {node.name}") + 1
                edits.append((node.lineno - 1, begin, begin + len(node.name), called))
        for piece in definition.pieces():
            strings = [each for each in ast.walk(piece) if isinstance(each, ast.JoinedStr)]
            within = {id(inner): each for each in strings for inner in ast.walk(each)}
            for use in free_names(piece):
                meaning = self._meaning(module, use)
                if meaning is None:
                    continue
                passed = module.imports.get(use.node.id)
                is_alias = isinstance(passed, Name) and not passed.name
                spot = use.parent if is_alias else use.node
                assert isinstance(spot, (ast.Name, ast.Attribute))
                old = ast.unparse(spot)
                if isinstance(meaning, Name):
                    called = self._called[self._want(meaning)]
                else:
                    called = self._imported_as[meaning]
                if old == called:
                    continue
                if id(use.node) in within:  # whose places Python 3.11 tells wrongly
                    string = within[id(use.node)]
                    for place in range(string.lineno - 1, string.end_lineno or string.lineno):
                        lines[place] = _renamed_in_braces(lines[place], old, called)
                else:
                    end = spot.end_col_offset or 0
                    edits.append((spot.lineno - 1, spot.col_offset, end, called))
        for place, begin, end, new in sorted(set(edits), reverse=True):
            content = lines[place].encode()
            lines[place] = (content[:begin] + new.encode() + content[end:]).decode()


def _renamed_in_braces(line: str, old: str, new: str) -> str:
    pattern = rf"(?<![\w.'\"]){re.escape(old)}\b"
    return re.sub(r"\{[^{}]*\}", lambda found: re.sub(pattern, new, found.group()), line)


def _laid_out(texts: list[tuple[Definition, str]]) -> str:
    """Definitions with the blank lines that Python's style wants."""
    laid = ""
    for place, (definition, text) in enumerate(texts):
        if place:
            both_plain = definition.is_plain and texts[place - 1][0].is_plain
            laid += "\n" if both_plain else "\n\n\n"
        laid += text
    return laid
