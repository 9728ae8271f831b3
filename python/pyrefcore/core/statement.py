"""Makes a function from the text of a statement."""

from __future__ import annotations

import ast
import types
from typing import Callable, Dict

#: The names of the two texts in tracebacks.
SETUP = "<setup>"
STATEMENT = "<statement>"


def namespace(setup: str) -> Dict[str, object]:
    """Runs the setup as a module of its own, and returns that module's namespace. The setup's exceptions pass
    through."""
    module = types.ModuleType("__main__")
    exec(compile(setup, SETUP, "exec"), module.__dict__)
    return module.__dict__


def function(statement: str, names: Dict[str, object]) -> Callable[[], object]:
    """A function with the statement as its body and `names` as its globals. So the variables that it assigns die with
    each call. Raises SyntaxError, for `return` as well."""
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
