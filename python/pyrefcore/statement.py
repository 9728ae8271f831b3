"""A statement given as text, made into a function that can be called again and again."""

from __future__ import annotations

import ast
import types
from typing import Callable, Dict

#: What tracebacks call the two texts.
SETUP = "<setup>"
STATEMENT = "<statement>"


def namespace(setup: str) -> Dict[str, object]:
    """Runs the setup as a module of its own, and returns that module's namespace. Raises what it raises."""
    module = types.ModuleType("__main__")
    exec(compile(setup, SETUP, "exec"), module.__dict__)
    return module.__dict__


def function(statement: str, names: Dict[str, object]) -> Callable[[], object]:
    """A function with the statement as its body and `names` as its globals, so that what it assigns dies with each
    call. Raises SyntaxError, for `return` as well."""
    compile(statement, STATEMENT, "exec")
    body = ast.parse(statement, STATEMENT).body
    module = ast.parse("def statement():\n    pass", STATEMENT)
    shell = module.body[0]
    assert isinstance(shell, ast.FunctionDef)
    shell.body = body or shell.body
    made: Dict[str, Callable[[], object]] = {}
    code = compile(module, STATEMENT, "exec")
    exec(code, names, made)
    return made["statement"]
