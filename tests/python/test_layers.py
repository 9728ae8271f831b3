"""The parts of the package use only parts below them, and no module uses itself through others."""

import ast
import os

import conftest

ROOT = os.path.join(conftest.PACKAGE, "pyrefcore")
#: Lowest first. "" are the modules beside the folders: the command and the import of the package.
LAYERS = ["support", "report", "core", "pytest", ""]


def modules():
    """Each module's name, as a tuple of words, and the modules that it imports."""
    for place, _, files in os.walk(ROOT):
        folder = tuple(os.path.relpath(place, ROOT).split(os.sep)) if place != ROOT else ()
        for file in files:
            if file.endswith(".py"):
                with open(os.path.join(place, file), encoding="utf-8") as text:
                    yield folder + (file[:-3],), list(imported(folder, ast.parse(text.read())))


def imported(folder, tree):
    # What a function imports may stand above: it is not needed before the call.
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder[: len(folder) - node.level + 1] + tuple((node.module or "").split(".") if node.module else ())
            for name in node.names:
                path = base + (name.name,)
                yield path if os.path.isfile(os.path.join(ROOT, *path) + ".py") else base


def layer(module):
    return LAYERS.index(module[0] if module[0] in LAYERS else "")


def test_parts_use_parts_below():
    found = [(module, other) for module, others in modules() for other in others]
    assert len(found) > 50
    assert [(module, other) for module, other in found if layer(other) > layer(module)] == []


def test_no_module_uses_itself_through_others():
    graph = dict(modules())

    def reached(module, seen):
        for other in graph.get(module, ()):
            if other not in seen:
                seen.add(other)
                reached(other, seen)
        return seen

    assert [module for module in graph if module in reached(module, set())] == []
